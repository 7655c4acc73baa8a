/**
 * What an experiment is: a task, models made of mixers, a training budget that is the same for all of them, and the
 * axes to sweep. Optimizer, schedule and learning rates may be a model's own. This is the schema of a config file, in TypeScript, YAML or JSON.
 */
import type {
  ChannelMixer,
  ChannelMixerFactory,
  Mixer,
  MixerFactory,
  Norm,
  NormFactory,
  Task,
  TaskFactory,
} from '@mixerzoo/core';
import { shortFiltersSchema } from '@mixerzoo/core/harness';
import * as z from 'zod';
import { clusterSchema } from '../cluster/settings.js';
import { DEFAULT_CHECKPOINT_MINUTES } from '../runs/run-config.js';
import { LIMITS } from './limits.js';
import { nameFault } from './name-fault.js';

/**
 * A layer of a model. A mixer is named (`'cat'`), imported (`cat`, a factory; `cat({ dModel: 64 })`, an instance) or
 * found in an installed package (`'some-package'`, `'some-package#itsMixer'`). Other keys are the mixer's options.
 */
export type LayerConfig = string | MixerFactory | Mixer | LayerOptions;

/** A layer with options: of the mixer, and under `block` of what stands around it. */
export interface LayerOptions {
  readonly mixer: string | MixerFactory | Mixer;
  /** Channel mixer, norm, residual and short filters of this layer, where they differ from the model's. */
  readonly block?: Readonly<Record<string, unknown>>;
  readonly [option: string]: unknown;
}

/** A task by name or imported; other keys are its options. */
export interface TaskConfig {
  readonly task: string | TaskFactory | Task;
  readonly [option: string]: unknown;
}

/** A channel mixer or a norm, as a mixer is given: by name, imported or made; with options under the key `name`. */
export type PartConfig<F> = string | F | { readonly name: string | F; readonly [option: string]: unknown };
export type ChannelMixerConfig = PartConfig<ChannelMixerFactory | ChannelMixer>;
export type NormConfig = PartConfig<NormFactory | Norm>;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isInstance = (value: unknown) => isObject(value) && value['specVersion'] !== undefined;
/** A name, a factory, which `factoryKey` tells, or what one has made. */
const isReference = (value: unknown, factoryKey: string) =>
  typeof value === 'string' || (typeof value === 'function' && factoryKey in value) || isInstance(value);

/** A part alone, or in an object that has it under a key. */
const partSchema = <T>(word: string, key: string, factoryKey: string) =>
  z.custom<T>((value) => isReference(value, factoryKey) || (isObject(value) && isReference(value[key], factoryKey)), {
    error: (issue) =>
      `expected a ${word}'s name, a ${word}, or an object with the key '${key}', received ${typeof issue.input}`,
  });
const layerSchema = partSchema<LayerConfig>('mixer', 'mixer', 'mixerName');

const taskSchema = z.custom<TaskConfig>((value) => isObject(value) && isReference(value['task'], 'taskName'), {
  error: () => "expected an object with the key 'task' (a task's name or a task), received something else",
});

const upTo = (limit: number) => z.number().int().positive().max(limit);
const positive = upTo(LIMITS.size);
const steps = upTo(LIMITS.steps);
/** What stands around a mixer; under `model` for all layers, under a layer's `block` for one. */
const blockFields = {
  /** `'none'`, a name, a factory, or `{ name, …options }`. */
  channelMixer: partSchema<ChannelMixerConfig>('channel mixer', 'name', 'channelMixerName').optional(),
  norm: partSchema<NormConfig>('norm', 'name', 'normName').optional(),
  residual: z.enum(['sequential', 'parallel', 'mixerOnly']).optional(),
  /** Short causal filters by place: `{ A: true, B: { width: 4 } }`; A before the mixer, B in it, C before the channel mixer, D in it. */
  shortFilters: shortFiltersSchema.optional(),
};

export const blockSchema = z.strictObject(blockFields);

const dropoutRate = z.number().min(0).lt(1);
const backboneFields = {
  dModel: positive,
  positions: z.enum(['none', 'learned']),
  /**
   * Rows of the table of learned positions. Default: the longest length trained or tested at; rows past the training
   * length stay as initialised.
   */
  maxPositions: positive.optional(),
  positionsPastEnd: z.enum(['error', 'clamp', 'wrap']).optional(),
  /** Rows of the embedding and of the head, at least the task's tokens; those past them are padding. Default: the task's. */
  vocabSize: positive.optional(),
  /** Standard deviation with which the embedding, learned positions and an untied head start. Default 0.02. */
  embeddingStd: z.number().positive().optional(),
  tieEmbeddings: z.boolean().optional(),
  dropout: z.strictObject({ embedding: dropoutRate.default(0.1), residual: dropoutRate.default(0) }),
  ...blockFields,
};

/** The backbone around the mixers; see `createLanguageModel`. */
const backboneSchema = z.strictObject({
  ...backboneFields,
  dModel: backboneFields.dModel.default(64),
  positions: backboneFields.positions.default('none'),
  dropout: backboneFields.dropout.prefault({}),
});

/** What a schema says of an input that is no object, list or record at all. */
function ofType(message: string) {
  return { error: ({ code }: { readonly code: string }) => (code === 'invalid_type' ? message : undefined) };
}

/** What is wrong with the labels of models, if anything. */
function labelFault(models: object): string | undefined {
  const labels = Object.keys(models);
  if (labels.length === 0) return 'expected at least one model, received none';
  const odd = labels.find((label) => !/^\P{Cc}+$/u.test(label));
  if (odd !== undefined)
    return `expected labels of one line, without control characters, received ${JSON.stringify(odd)}`;
  const twin = labels.find((label, index) => labels.some((other, n) => n < index && isSameText(label, other)));
  return twin && `expected labels that look different, received two of '${twin}' in other code points`;
}

const isSameText = (a: string, b: string) => a.normalize('NFC') === b.normalize('NFC');

/** How a model is trained, but for its learning rate: what may differ from model to model where the budget is the same. */
const recipeFields = {
  /** AdamW's, as `createOptimizer` of core has them. */
  weightDecay: z.number().min(0),
  /**
   * What decays: matrices, without the parameters a mixer names in `noDecay`; or everything, as in zoology's runs and so in the
   * presets and figures.
   */
  decayed: z.enum(['all', 'matrices']),
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  eps: z.number().positive(),
  /** Further parameters that do not decay, by patterns of their paths: `embedding.weight`, `*.oProj.*`. */
  noDecay: z.array(z.string().min(1)).optional(),
  /** Factors of rate and decay, by such patterns: `{ 'embedding.*': { learningRate: 0.1 } }`. */
  factors: z
    .record(
      z.string().min(1),
      z.strictObject({ learningRate: z.number().min(0).optional(), weightDecay: z.number().min(0).optional() }),
    )
    .optional(),
  schedule: z.enum(['constant', 'cosine', 'cosinePerEpoch']),
  warmupSteps: z.number().int().min(0),
  /** In place of `warmupSteps`. */
  warmupTokens: z.number().int().min(0).optional(),
  /** The rate that a warm-up starts from; default 0. */
  warmupFrom: z.number().min(0).optional(),
  /** What a cosine ends at. */
  minLearningRate: z.number().min(0),
  clipNorm: z.number().positive().nullable(),
};

const learningRatesSchema = z.array(z.number().positive()).min(1);

const recipeShape = {
  /** Training of this model alone, on top of the experiment's `train`; the budget is not its own. */
  train: z.strictObject(recipeFields).partial().optional(),
  /** In place of the experiment's. */
  learningRates: learningRatesSchema.optional(),
  /** Where settings are from, by setting: `{ 'train.beta2': 'Gu and Dao 2024, Section 4.2' }`; for the report. */
  source: z.record(z.string().min(1), z.string().min(1)).optional(),
};

/** What a model says of its training. */
export const recipeSchema = z.strictObject(recipeShape);

const modelSchema = z.strictObject(
  {
    /** The pattern of layers, repeated until there are `nLayers`. */
    layers: z.array(layerSchema, ofType('expected a list of layers, such as [cat]')).min(1).max(LIMITS.nLayers),
    /** Default: the length of the pattern. */
    nLayers: upTo(LIMITS.nLayers).optional(),
    /** Backbone settings of this model alone. */
    model: z.strictObject(backboneFields).partial().optional(),
    ...recipeShape,
  },
  ofType('expected a model, such as { layers: [cat] } or { extends: cat-recall }'),
);

/**
 * A model as written: whole, or on top of one that a plugin brings (`mixerzoo list models`). Then `layers`, `nLayers` and `learningRates` replace
 * its, as the experiment's `learningRates` do where there are any; `model` and `train` come on top of its own key by key, and `mixer` on top of
 * the options of every layer.
 */
export type ModelConfig =
  | z.input<typeof modelSchema>
  | (Partial<z.input<typeof modelSchema>> & {
      readonly extends: string;
      readonly mixer?: Readonly<Record<string, unknown>>;
    });

const trainSchema = z.strictObject({
  /** Examples of a step. */
  batchSize: positive.default(64),
  /** Parts of a batch that are held one at a time, their gradients summed. */
  accumulation: positive.optional(),
  epochs: steps.default(16),
  stepsPerEpoch: steps.default(50),
  /** In place of `epochs` and `stepsPerEpoch`: tokens to train on, rounded up to `evaluations` epochs of whole steps. */
  tokens: z.number().int().positive().optional(),
  evaluations: steps.optional(),
  freshExamples: z.boolean().default(true),
  ...recipeFields,
  weightDecay: recipeFields.weightDecay.default(0.1),
  decayed: recipeFields.decayed.default('matrices'),
  beta1: recipeFields.beta1.default(0.9),
  beta2: recipeFields.beta2.default(0.999),
  eps: recipeFields.eps.default(1e-8),
  schedule: recipeFields.schedule.default('cosine'),
  warmupSteps: recipeFields.warmupSteps.default(0),
  minLearningRate: recipeFields.minLearningRate.default(0),
  clipNorm: recipeFields.clipNorm.default(null),
  /** Training ends once validation reaches it: an accuracy, or of a task judged by likelihood a loss in nats. */
  stopAt: z.number().gt(0).nullable().default(null),
  validationExamples: positive.default(256),
  testExamples: positive.default(512),
  /** In place of the examples: so many tokens of them, at every length. */
  validationTokens: positive.optional(),
  testTokens: positive.optional(),
  /** Minutes after which an epoch under way is saved; it decides no number. */
  checkpointMinutes: z.number().positive().default(DEFAULT_CHECKPOINT_MINUTES),
});

/** Settings of `train` that are no model's own. */
export const BUDGET_KEYS: readonly string[] = Object.keys(trainSchema.shape).filter((key) => !(key in recipeFields));

/** A training length of a sweep: a number alone, or with the task's options, the size of the training there and its weight decay. */
const sweepLengthSchema = z.union([
  positive,
  z.looseObject({
    seqLen: positive,
    train: z
      .strictObject({
        batchSize: positive,
        epochs: steps,
        stepsPerEpoch: steps,
        tokens: steps,
        evaluations: steps,
        weightDecay: recipeFields.weightDecay,
      })
      .partial()
      .optional(),
  }),
]);

/** Axes besides learning rates and seeds: every model is trained in every cell of dims x lengths. */
const sweepSchema = z.strictObject({
  /** Model widths d. Default: the width of `model`. */
  dims: z.array(positive).min(1).optional(),
  /** Training lengths: `128`, or `{ seqLen: 128, numKvPairs: 32, train: { batchSize: 64 } }`. Default: the task's. */
  lengths: z.array(sweepLengthSchema).min(1).optional(),
  /**
   * A model in a cell whose validation reaches this (an accuracy, or by likelihood a loss) at one learning rate needs no
   * further ones: they are left out for that seed. Null tries all.
   */
  enoughAt: z.number().gt(0).nullable().default(null),
});

/** A search of learning rates by successive halving; see `runs/search.ts`. */
const searchSchema = z.strictObject({
  /** Epochs at whose end the rates of a model are compared, ascending, before the last. */
  rungs: z.array(steps).min(1),
  /** Share of the rates that goes on after each, rounded up. */
  keep: z.number().gt(0).lt(1).default(0.5),
  /** The seed at which rates are tried: one of `seeds`. Default: the first. */
  seed: z.number().int().min(0).optional(),
});

/** An experiment with defaults filled in by parsing. */
export const experimentSchema = z.strictObject({
  name: z
    .string()
    .normalize('NFC')
    .refine((name) => nameFault(name) === undefined, { error: ({ input }) => nameFault(String(input)) })
    .default('experiment'),
  description: z.string().default(''),
  task: taskSchema,
  model: backboneSchema.prefault({}),
  /** By label, as tables and legends show it. */
  models: z
    .record(z.string(), modelSchema, ofType('expected models by label, such as { CAT: { layers: [cat] } }'))
    .refine((models) => labelFault(models) === undefined, { error: ({ input }) => labelFault(input as object) }),
  train: trainSchema.prefault({}),
  /** Lengths to test at besides the training length. */
  testLengths: z.array(positive).default([]),
  /**
   * True: a task whose answer is several tokens long (selective copying) is tested twice, with the teacher's tokens in the
   * input and with the model's own answers in their place.
   */
  freeRunning: z.boolean().default(false),
  /**
   * True: at test lengths beyond the training length mixers that take `contextExtension` have it, rotary positions by
   * interpolation with YaRN's temperature, no positions with the temperature alone; others are tested as they are.
   */
  extendContext: z.boolean().default(false),
  /** Random streams have seeds of 32 bits. */
  seeds: z
    .array(
      z
        .number()
        .int()
        .min(0)
        .max(2 ** 32 - 1),
    )
    .min(1)
    .default([0]),
  /** In order of promise: all cells are tried at the first before any at the second. */
  learningRates: learningRatesSchema.default([1e-2]),
  sweep: sweepSchema.prefault({}),
  /**
   * In place of training every model at all of its learning rates and seeds: the rates are compared early and often, and the best
   * alone runs with all seeds. Every model has equally many rates to try.
   */
  search: searchSchema.nullable().default(null),
  engine: z.string().default('auto'),
  /** What `mixerzoo submit` asks of a cluster; it decides no number. */
  cluster: clusterSchema.partial().optional(),
});

export type Experiment = z.output<typeof experimentSchema>;

/**
 * An experiment as written: everything may be left out that a preset (`extends`) or a default provides.
 * A model set to null leaves out the preset's model of that label.
 */
export type ExperimentConfig = Omit<Partial<z.input<typeof experimentSchema>>, 'models' | 'task'> & {
  /** What this experiment changes: a preset, or another config file, by its path from this one (`./base.yaml`). */
  readonly extends?: string;
  readonly task?: Partial<TaskConfig>;
  readonly models?: Readonly<Record<string, ModelConfig | null>>;
  /** Labels of the models to train, of those here and of what this extends. Default: all. */
  readonly only?: readonly string[];
};

/**
 * Types a config file's default export; returns it as it is.
 * @example export default defineExperiment({ extends: 'quick', models: { Mine: { layers: [myMixer] } } });
 */
export function defineExperiment<C extends ExperimentConfig>(config: C): C {
  return config;
}

/** An experiment to start from, by its name: data alone, mixers and tasks by name. The list `presets` of a plugin takes it. */
export type Preset = ExperimentConfig & { readonly name: string };
