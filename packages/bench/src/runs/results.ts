/**
 * What a run leaves on disk. A run directory holds
 *
 *   config.json       {@link RunConfig}: everything that decides the numbers; its hash is the run's id
 *   environment.json  {@link RunEnvironment}: where and with what it ran
 *   metrics.jsonl     {@link MetricRecord} per line: the curves
 *   result.json       {@link RunResult}: written last; a directory without one is a partial run
 *   checkpoint/       parameters and optimizer state after the last whole epoch
 *
 * Each holds the run's id and a checksum besides (`records.ts`). `read-results.ts` reads it back. JSON is the record; pages,
 * tables and exports are derived from it. Accuracies are fractions in [0, 1], times are seconds unless the name says
 * otherwise, losses are nats per labelled position.
 */
import type { Baseline } from '@mixerzoo/core';
import type { GenerationCost } from './generation-cost.js';
import type { Spread } from './spread.js';

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
  /** Channel mixer, residual and norm of the block, where they differ from the model's. */
  readonly block: Readonly<Record<string, unknown>>;
}

/** `config.json`: one resolved run. */
export interface RunConfig {
  readonly format: typeof RUN_FORMAT;
  /**
   * First 12 hex digits of the SHA-256 of the config without `id`, `experiment`, `description`, `label`, `enoughAt`,
   * `checkpointMinutes` and `task.places`.
   */
  readonly id: string;
  /** Name of the experiment it belongs to. */
  readonly experiment: string;
  /** The experiment's own words on its setting and budget. */
  readonly description: string;
  /** Name of the model within the experiment, as tables and legends show it: `CAT, 1 layer`. */
  readonly label: string;
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
  /** Minutes between checkpoints within an epoch; absent: 10. */
  readonly checkpointMinutes?: number | undefined;
}

/** The training budget and recipe, the same for every model of an experiment. */
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

export interface ParameterFactors {
  readonly learningRate?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** `environment.json`. */
export interface RunEnvironment {
  /** ISO 8601, start of the (last) process that worked on the run. */
  readonly startedAt: string;
  /** Versions by package name, `node` among them. */
  readonly versions: Readonly<Record<string, string>>;
  readonly engine: {
    readonly name: string;
    readonly description: string;
    readonly details: Readonly<Record<string, string | number | boolean>>;
    /** Why `auto` took it in place of a faster one, where it did. */
    readonly passedOver?: string | undefined;
  };
  readonly platform: string;
  readonly cpu: { readonly model: string; readonly cores: number; readonly speedGhz: number };
  readonly memoryBytes: number;
  /** Models of the graphics cards; empty when there is none. */
  readonly gpus: readonly string[];
  /** State of the repository of the working directory; null outside of one. */
  readonly git: { readonly commit: string; readonly branch: string; readonly dirty: boolean } | null;
  readonly seed: number;
  /**
   * Runs that shared the machine at most. Timings are to be read with it, and with the threads each had
   * (`engine.details.threads`).
   */
  readonly workers: number;
}

/** A line of `metrics.jsonl`. */
export type MetricRecord = StepRecord | EpochRecord;

/** Training metrics, averaged over the steps of the epoch since the step record before. */
export interface StepRecord {
  readonly kind: 'step';
  /** Optimizer steps done, from 1. */
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Seconds spent in training steps since the start of the run, over all its processes; without evaluation. */
  readonly seconds: number;
}

/** Metrics at the end of an epoch. */
export interface EpochRecord {
  readonly kind: 'epoch';
  /** Epochs done, from 1. */
  readonly epoch: number;
  readonly step: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
  /** As in {@link StepRecord}. */
  readonly seconds: number;
  /** Seconds of training and validation since the start of the run, over all its processes. */
  readonly totalSeconds: number;
  /** Training tokens a second over this epoch's steps. */
  readonly tokensPerSecond: number;
  /** The engine that trained it, and what of the processor its sums depend on: `wasm`, `wasm (avx512)`. */
  readonly engine: string;
  /** ISO 8601, after the validation. */
  readonly finishedAt: string;
}

/** Examples that repeat, as those of a task with few different ones do. */
export interface Repeats {
  /** How many of the examples differ. */
  readonly distinct: number;
  /** As many examples, all different and drawn alike, say as much: less than `distinct` where some came more often. */
  readonly effective: number;
}

/** Right answers counted, so that intervals can be computed. */
export interface Answers {
  /** Labelled positions answered correctly, of how many. */
  readonly correct: number;
  readonly total: number;
  readonly accuracy: number;
  readonly examples: number;
  /**
   * Standard deviation over examples of the accuracy within an example. Positions of one example are not
   * independent: the interval of the accuracy is +- 1.96 * exampleStd / sqrt(examples), or sqrt(repeats.effective).
   */
  readonly exampleStd: number;
  /** Absent where all examples differ. */
  readonly repeats?: Repeats | undefined;
}

/** A loss in parts. */
export interface Likelihood {
  /** Standard deviation over examples of the mean loss of an example, nats per token. */
  readonly exampleStd: number;
  /** Bytes of text that the labels stand for; absent where tokens have none. */
  readonly bytes?: number | undefined;
  /** Bits of cross-entropy for each of them. */
  readonly bitsPerByte?: number | undefined;
  /** Mean loss of stretches of positions, ascending: each from the one before it up to, and without, `end`. */
  readonly byPosition: readonly { readonly end: number; readonly loss: number }[];
  /** Mean loss of stretches of the test, examples after one another in equal numbers: what two models differ by, pair by pair. */
  readonly byStretch?: readonly number[] | undefined;
}

/** The outcome of an evaluation. */
export interface Evaluation extends Answers {
  readonly seqLen: number;
  readonly loss: number;
  /** What is known besides where results are judged by likelihood. */
  readonly likelihood?: Likelihood | undefined;
  /**
   * Accuracy in the soft form used in training, for models that have one (Landmark CAT): the gap to `accuracy` is what
   * hard retrieval loses.
   */
  readonly softAccuracy?: number | undefined;
}

/**
 * The answers of a task such as copying when the model goes on from its own ones, in place of the teacher's tokens that
 * stand in the example.
 */
export interface FreeRunning extends Answers {
  /** Examples whose whole answer is right. */
  readonly exactMatches: number;
  /** Accuracy at each place of the answer. */
  readonly perPosition: readonly number[];
}

/** What the model costs. */
export interface RunCost {
  readonly parameters: number;
  /** State a sequence holds after the training length, in elements, all layers. */
  readonly stateSize: number;
  /** FLOPs of the forward pass of one sequence of the training length, head included. */
  readonly flops: number;
  /** Training tokens a second, median over epochs. */
  readonly tokensPerSecond: number;
  /** Milliseconds of a training step. */
  readonly stepMs: Spread;
  /** Largest resident set of the process. */
  readonly peakMemoryBytes: number;
  /**
   * FLOP/s of a product of [512, 512] matrices on the engine, measured at the start of the run, and the share of it that
   * training made use of: three forward passes' FLOPs a token times tokens a second. Absent of short runs.
   */
  readonly peak?: { readonly flopsPerSecond: number; readonly share: number } | undefined;
  /** Generation of one sequence, up to the training length; absent where it was not measured. */
  readonly generation?: GenerationCost | undefined;
}

/** `result.json` of a run that finished. */
export interface RunDone {
  readonly format: typeof RUN_FORMAT;
  readonly id: string;
  readonly status: 'done';
  readonly finishedAt: string;
  readonly epochs: number;
  readonly steps: number;
  /** True when validation reached `train.stopAt` before the last epoch. */
  readonly stoppedEarly: boolean;
  /** The engines that trained it, where it was resumed on another one: they round differently. */
  readonly engines?: readonly string[] | undefined;
  /** Seconds in training steps, over all processes of the run. */
  readonly trainSeconds: number;
  /** Seconds of training, validation and testing, over all processes of the run. */
  readonly totalSeconds: number;
  /** Accuracy of a uniform guesser at the training length. */
  readonly chance: number;
  /** What simple models of the same data score on the test at the training length, nats per token; absent where the task names none. */
  readonly baselines?: readonly Baseline[] | undefined;
  readonly validation: Evaluation;
  /** One per test length, ascending. */
  readonly test: readonly LengthEvaluation[];
  /** First epoch end at which validation accuracy was 99 % or more; null if never, and where accuracy is not what counts. */
  readonly to99: { readonly step: number; readonly seconds: number } | null;
  readonly cost: RunCost;
}

/** An evaluation at a length, with what the length costs. */
export interface LengthEvaluation extends Evaluation {
  readonly stateSize: number;
  readonly flops: number;
  /** True where the mixers' context was extended to this length. */
  readonly extended?: true | undefined;
  /** Where the config asks for it. */
  readonly freeRunning?: FreeRunning | undefined;
}

/** `result.json` of a run that failed: it is tried again by the next command. */
export interface RunFailed {
  readonly format: typeof RUN_FORMAT;
  readonly id: string;
  readonly status: 'failed';
  readonly finishedAt: string;
  /** The error's code (`numerical`, `out-of-memory`, …), or `unknown`. */
  readonly code: string;
  readonly message: string;
  readonly epochs: number;
  readonly steps: number;
}

export type RunResult = RunDone | RunFailed;

/** A run as read back from its directory. */
export interface RunRecord {
  readonly directory: string;
  readonly config: RunConfig;
  /** Absent when the run stopped before it had started an engine. */
  readonly environment: RunEnvironment | undefined;
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
  /** Absent while the run is partial. */
  readonly result: RunResult | undefined;
}

/** What a run's results are judged by. */
export const measureOf = ({ task }: RunConfig): 'accuracy' | 'likelihood' => task.measure ?? 'accuracy';

/** Whether an evaluation is at least as good as a goal: an accuracy, or by likelihood a loss. */
export function reaches(
  config: RunConfig,
  { accuracy, loss }: Pick<Evaluation, 'accuracy' | 'loss'>,
  goal: number,
): boolean {
  return measureOf(config) === 'likelihood' ? loss <= goal : accuracy >= goal;
}

/** A run that finished. */
export type DoneRun = RunRecord & { readonly result: RunDone };

/** True for a run with measurements. */
export function isDone(run: RunRecord): run is DoneRun {
  return run.result?.status === 'done';
}
