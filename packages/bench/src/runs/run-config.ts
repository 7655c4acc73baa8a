/** The config of a run, as resolved: everything that decides its numbers. `config.json` of its directory; see `results.ts`. */
import type { ParameterFactors } from '@mixerzoo/core';

/** Version of the files' layout. */
export const RUN_FORMAT = 2;

/** Minutes between checkpoints within an epoch, where a config says nothing. */
export const DEFAULT_CHECKPOINT_MINUTES = 10;

/** A layer as resolved: the mixer's name and parsed config, and the block around it. */
export interface RunLayer {
  readonly mixer: string;
  /** The key in {@link RunConfig.code} of the package or file that defines it. */
  readonly from: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Channel mixer, residual, norm and short filters of the block, where it says more than the model. */
  readonly block: Readonly<Record<string, unknown>>;
  /** What the mixer declares of rates and decays of its parameters; see `Mixer.factors` of core. */
  readonly factors?: Readonly<Record<string, ParameterFactors>> | undefined;
}

/** `config.json`: one resolved run. */
export interface RunConfig {
  readonly format: typeof RUN_FORMAT;
  /**
   * First 12 hex digits of the SHA-256 of the config without `id`, `experiment`, `description`, `label`, `source`, `enoughAt`,
   * `search`, `checkpointMinutes` and `task.places`.
   */
  readonly id: string;
  /** Name of the experiment it belongs to. */
  readonly experiment: string;
  /** The experiment's own words on its setting and budget. */
  readonly description: string;
  /** Name of the model within the experiment, as tables and legends show it: `CAT, 1 layer`. */
  readonly label: string;
  /** Where the model's settings are from, by setting, as its package says. */
  readonly source?: Readonly<Record<string, string>> | undefined;
  /** `from` as for {@link RunLayer}. */
  readonly task: {
    readonly name: string;
    readonly from: string;
    readonly config: Readonly<Record<string, unknown>>;
    /** Options beside `config`: paths of given data. On disk relative ones count from the run's directory. */
    readonly places?: Readonly<Record<string, string>> | undefined;
    /** What its results are judged by; absent: accuracy. */
    readonly measure?: 'likelihood' | undefined;
  };
  /** Backbone: dModel, nLayers, positions, norm, dropout, …, as given to `createLanguageModel`. */
  readonly model: Readonly<Record<string, unknown>> & { readonly dModel: number; readonly nLayers: number };
  readonly layers: readonly RunLayer[];
  /**
   * What defines the mixers, the task, core and the training: by package its version and a fingerprint of the files that
   * are loaded (`0.1.0 3f2a9c0d1e2f`), by file of the config's own the fingerprint, by further package these import the
   * version.
   */
  readonly code: Readonly<Record<string, string>>;
  readonly train: TrainSettings;
  /** Lengths at which the trained model is tested; includes the training length. Ascending. */
  readonly testLengths: readonly number[];
  readonly seed: number;
  readonly learningRate: number;
  /** As asked for: `auto` or an engine's name. The one used is in the environment. */
  readonly engine: string;
  /** Where the trained model also answers on its own; see {@link FreeRunning}. */
  readonly freeRunning?: true | undefined;
  /** Where tests beyond the training length extend the context of mixers that can; see `extendContext` of experiments. */
  readonly extendContext?: true | undefined;
  /** The experiment's `sweep.enoughAt`, where it has one: which runs beside this one were not needed. */
  readonly enoughAt?: number | undefined;
  /** How learning rates were searched, where they were: which runs beside this one were left out. See `runs/search.ts`. */
  readonly search?: SearchProtocol | undefined;
  /** Minutes between checkpoints within an epoch; absent: 10. */
  readonly checkpointMinutes?: number | undefined;
}

/** A search of learning rates by successive halving. */
export interface SearchProtocol {
  /** Those of the model that are tried, in order of promise. */
  readonly rates: readonly number[];
  /** Epochs at whose end they are compared, ascending. */
  readonly rungs: readonly number[];
  /** Share of them that goes on. */
  readonly keep: number;
  /** At which they are tried. */
  readonly seed: number;
}

/** The training budget, the same for every model of an experiment, and the recipe, which may be a model's own. */
export interface TrainSettings {
  readonly batchSize: number;
  /** Parts of a batch held one at a time; absent: 1. */
  readonly accumulation?: number | undefined;
  /** At most this many optimizer steps: epochs * stepsPerEpoch. */
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** New training examples every epoch; otherwise the same ones, reshuffled. */
  readonly freshExamples: boolean;
  readonly weightDecay: number;
  /** What decays; `matrices` leaves out biases, norms and what a mixer spares. */
  readonly decayed: 'all' | 'matrices';
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Patterns of paths; see `createOptimizer` of core. */
  readonly noDecay?: readonly string[] | undefined;
  readonly factors?: Readonly<Record<string, ParameterFactors>> | undefined;
  readonly schedule: 'constant' | 'cosine' | 'cosinePerEpoch';
  /** Steps of linear warm-up. */
  readonly warmupSteps: number;
  /** What it starts from; absent: 0. */
  readonly warmupFrom?: number | undefined;
  /** What a cosine ends at. */
  readonly minLearningRate: number;
  /** Largest global gradient norm; null for no clipping. */
  readonly clipNorm: number | null;
  /** Training ends after the epoch whose validation accuracy (or loss, by likelihood) reaches this; null trains to the end. */
  readonly stopAt: number | null;
  readonly validationExamples: number;
  /** At the training length. */
  readonly testExamples: number;
  /** Tokens of a test, at every length, where they are what was asked for. */
  readonly testTokens?: number | undefined;
}

/** What a run's results are judged by. */
export const measureOf = ({ task }: RunConfig): 'accuracy' | 'likelihood' => task.measure ?? 'accuracy';
