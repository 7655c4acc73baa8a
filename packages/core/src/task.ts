/**
 * The contract of a task: labelled token sequences made on demand, with an oracle that solves them.
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

/** A task at one sequence length. */
export interface Task {
  readonly specVersion: 1;
  readonly name: string;
  /** The parsed config, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Token ids are in [0, vocabSize). */
  readonly vocabSize: number;
  readonly seqLen: number;
  /** Labelled positions per example. */
  readonly labelsPerExample: number;
  /** Accuracy of a guesser that draws uniformly from the tokens that can be an answer. */
  readonly chance: number;
  /** `count` examples of a split; the same request gives the same examples. @throws InvalidConfigError */
  generate(request: { split: Split; seed: number; count: number }): Examples;
  /** Solves one example exactly, from its inputs [seqLen] alone: the labels [seqLen]. */
  solve(inputs: Int32Array): Int32Array;
  /**
   * The same task at another length, for length generalisation.
   * @throws InvalidConfigError if the length does not hold it.
   */
  atLength(seqLen: number): Task;
}

/** Makes a task from its config. */
export interface TaskFactory<C extends z.ZodType = z.ZodType, T extends Task = Task> {
  /** @throws InvalidConfigError */
  (config: z.input<C>): T;
  readonly taskName: string;
  /** One sentence for `mixerzoo list tasks`. */
  readonly summary: string;
  readonly schema: C;
}

/**
 * Defines a task: a name, a schema of its config, and what a parsed config gives rise to.
 * @example export const mqar = defineTask({ name: 'mqar', summary: '…', schema, create: (config) => ({ … }) });
 */
export function defineTask<C extends z.ZodType>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly schema: C;
  create(config: z.output<C>): Omit<Task, 'specVersion' | 'name' | 'config'>;
}): TaskFactory<C> {
  const { name, summary, schema, create } = definition;
  const factory = (input: z.input<C>): Task => {
    const config = parseConfig(schema, input, name);
    const forms = create(config);
    return madeBy(factory, {
      specVersion: 1 as const,
      name,
      config: Object.freeze({ ...(config as Record<string, unknown>) }),
      ...forms,
      generate(request: Parameters<Task['generate']>[0]) {
        assertSeed(`${name}.generate`, request.seed);
        return forms.generate(request);
      },
    });
  };
  return Object.assign(factory, { taskName: name, summary, schema });
}
