/**
 * The contract of a task: labelled token sequences made on demand, with an oracle that solves them where there is one.
 *
 * A task is a plain object, independent of any model: the same seed gives the same examples to every mixer.
 */
import type { z } from 'zod';
import { parseConfig } from './config.js';
import { madeBy } from './made-by.js';
import { assertSeed } from './rng.js';

/** The label of a position that is not scored. */
export const IGNORED_LABEL = -100;

/** Examples of the three splits never coincide. */
export type Split = 'train' | 'validation' | 'test';

/** A set of examples in row-major typed arrays. */
export interface Examples {
  readonly count: number;
  readonly seqLen: number;
  /** Token ids, [count, seqLen]. */
  readonly inputs: Int32Array;
  /** The token expected *at* each position (no shift), or {@link IGNORED_LABEL}; [count, seqLen]. */
  readonly labels: Int32Array;
}

/** What a simple model of the same data scores on a split. */
export interface Baseline {
  /** As reports show it: `Witten-Bell 5-gram`. */
  readonly name: string;
  /** Mean cross-entropy, nats per token. */
  readonly loss: number;
}

/** Values that a slice counts together, both ends included. */
export interface SliceBin {
  readonly from: number;
  readonly to: number;
}

/** A way of telling answers apart, as by the gap between a key and its query. */
export interface Slice {
  /** As reports show it, with its unit: `gap between key and query (tokens)`. Each of a task's slices has its own. */
  readonly name: string;
  /** Ascending, apart from each other, {@link MOST_SLICE_BINS} at most; the same for all examples of the task. */
  readonly bins: readonly SliceBin[];
  /** What each labelled position is told by, row by row, [labels]: a value within a bin. */
  readonly values: Int32Array;
}

/** Bins of a slice at most: a result holds the counts of each. */
export const MOST_SLICE_BINS = 64;

/** A task at one sequence length. */
export interface Task {
  readonly specVersion: 1;
  readonly name: string;
  /** The parsed config, defaults filled in, without {@link places}: what makes two tasks the same task. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Options that say where given data lie, beside `config`: paths, relative ones from the working directory. */
  readonly places?: Readonly<Record<string, string>> | undefined;
  /** Token ids are in [0, vocabSize). */
  readonly vocabSize: number;
  readonly seqLen: number;
  /** Labelled positions per example. */
  readonly labelsPerExample: number;
  /** Accuracy of a guesser that draws uniformly from the tokens that can be an answer. */
  readonly chance: number;
  /**
   * What results are judged by. Default `accuracy`; `likelihood` where no program can know the answer, as of text: by nats,
   * perplexity and bits per byte then.
   */
  readonly measure?: 'accuracy' | 'likelihood' | undefined;
  /**
   * What answers are told from. Default: each position answers for itself. `lastPosition`: the hidden state of the last position is
   * all that any label is told from, by a decoder that the model has for it, as in an autoencoder.
   */
  readonly decoder?: 'lastPosition' | undefined;
  /** Bytes of text that each token stands for, [vocabSize], 0 for special ones: what bits per byte are counted by. */
  readonly tokenBytes?: Uint16Array | undefined;
  /**
   * `count` examples of a split; the same request gives the same examples. Where the data are given and not made, the seed
   * decides nothing for `validation` and `test`: they are the split's first windows.
   * @throws InvalidConfigError, where the split has fewer examples too.
   */
  generate(request: { split: Split; seed: number; count: number }): Examples;
  /** Solves one example exactly, from its inputs [seqLen] alone: the labels [seqLen]. Absent where no program can. */
  solve?(inputs: Int32Array): Int32Array;
  /**
   * Examples `first`, `first + 1`, ... of an endless stream of training examples, each decided by the seed and its number.
   * Where data are given, a pass over them is a permutation of their windows. What is trained on fresh examples reads it in
   * place of `generate`.
   */
  stream?(request: { readonly seed: number; readonly first: number; readonly count: number }): Examples;
  /** What simple models of the same data score on the first `count` examples of a split; default: on all. */
  baselines?(split: Split, count?: number): readonly Baseline[];
  /** What the answers of such examples of this task are told apart by in results, besides the length. */
  slices?(examples: Examples): readonly Slice[];
  /**
   * The same task at another length, for length generalisation.
   * @throws InvalidConfigError if the length does not hold it.
   */
  atLength(seqLen: number): Task;
}

/** A task with an oracle. */
export interface SolvedTask extends Task {
  solve(inputs: Int32Array): Int32Array;
  atLength(seqLen: number): SolvedTask;
}

/** Makes a task from its config. */
export interface TaskFactory<C extends z.ZodType = z.ZodType, T extends Task = Task> {
  /** @throws InvalidConfigError */
  (config: z.input<C>): T;
  readonly taskName: string;
  /** One sentence for `mixerzoo list tasks`. */
  readonly summary: string;
  readonly schema: C;
  /** Names of the options that are paths of given data; config files count relative ones from their own directory. */
  readonly places?: readonly string[] | undefined;
}

/**
 * Defines a task: a name, a schema of its config, and what a parsed config gives rise to. Options named in `places` are paths of
 * given data: they stand beside the task's config, so that data may lie elsewhere for the same task. What tells data from others,
 * such as their hash, belongs in the config.
 * @example export const mqar = defineTask({ name: 'mqar', summary: '…', schema, create: (config) => ({ … }) });
 */
export function defineTask<C extends z.ZodType, T extends Task = Task>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly schema: C;
  readonly places?: readonly string[] | undefined;
  create(config: z.output<C>): Omit<T, 'specVersion' | 'name' | 'config' | 'places'>;
}): TaskFactory<C, T> {
  const { name, summary, schema, places, create } = definition;
  const factory = (input: z.input<C>): T => {
    const parsed = parseConfig(schema, input, name);
    const forms: Omit<Task, 'specVersion' | 'name' | 'config' | 'places'> = create(parsed);
    const { stream } = forms;
    const { config = parsed as Task['config'] } = forms as Partial<Task>; // that of a task may say more
    const whole = Object.entries(config);
    const isPlace = ([key, value]: [string, unknown]) => typeof value === 'string' && places?.includes(key) === true;
    const paths = whole.filter(isPlace) as [string, string][];
    const task = {
      specVersion: 1 as const,
      name,
      ...forms,
      config: Object.freeze(Object.fromEntries(whole.filter((entry) => !isPlace(entry)))),
      ...(paths.length > 0 && { places: Object.freeze(Object.fromEntries(paths)) }),
      generate(request: Parameters<Task['generate']>[0]) {
        assertSeed(`${name}.generate`, request.seed);
        return forms.generate(request);
      },
      ...(stream && {
        stream(request: Parameters<NonNullable<Task['stream']>>[0]) {
          assertSeed(`${name}.stream`, request.seed);
          return stream.call(forms, request);
        },
      }),
    };
    return madeBy(factory, task as unknown as T);
  };
  return Object.assign(factory, { taskName: name, summary, schema, ...(places && { places }) });
}
