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
import type { Baseline, SliceBin } from '@mixerzoo/core';
import type { GenerationCost } from './generation-cost.js';
import { measureOf, type RUN_FORMAT, type RunConfig } from './run-config.js';
import type { Spread } from './spread.js';

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
  /** Examples all of whose labels were answered; absent where an example has one label, and where likelihood counts. */
  readonly exactMatches?: number | undefined;
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

/** Answers told apart, as by the gap between a key and its query; see `Slice` of core. */
export interface SliceAnswers {
  readonly name: string;
  /** Ascending; those without an answer are left out. */
  readonly bins: readonly BinAnswers[];
}

/** The answers of a bin; `examples` are those with an answer in it. */
export type BinAnswers = Answers & SliceBin;

/** An evaluation at a length, with what the length costs. */
export interface LengthEvaluation extends Evaluation {
  readonly stateSize: number;
  readonly flops: number;
  /** True where the mixers' context was extended to this length. */
  readonly extended?: true | undefined;
  /** Absent where the task tells no answers apart. */
  readonly slices?: readonly SliceAnswers[] | undefined;
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

/** A run as read back from its directory; steps and epochs are read from there again whenever they are asked for. */
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

/** True for a run whose losses were no numbers any more. */
export function hasDiverged({ result }: Pick<RunRecord, 'result'>): boolean {
  return result?.status === 'failed' && result.code === 'numerical';
}
