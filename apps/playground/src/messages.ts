/** What the page and the workers say to each other. A worker trains one model; it answers between steps, never within one. */
import type { ExperimentConfig, RunSettings } from '@mixerzoo/bench/plan';

/** Engines that a browser may have. */
export type EngineName = 'wasm' | 'webgpu';

/** From the page. `run` numbers a training: what comes of an earlier one is not listened to. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly run: number;
      readonly source: RunSource;
      readonly engine: EngineName;
      readonly running: boolean;
    }
  /** Trains on, or rests after the step under way. */
  | { readonly kind: 'go'; readonly running: boolean }
  /** One step, of a training that rests. */
  | { readonly kind: 'step' }
  | { readonly kind: 'inspect'; readonly id: number; readonly question: Question }
  /** The weights as a safetensors file. */
  | { readonly kind: 'export'; readonly id: number };

/** What is trained: a model of an experiment, or a run on record, with its weights where they were kept. */
export type RunSource =
  | { readonly kind: 'experiment'; readonly experiment: ExperimentConfig; readonly label: string }
  | { readonly kind: 'record'; readonly config: RunSettings; readonly weights?: Uint8Array | undefined };

/** What is asked of a model as it is at the moment. */
export interface Question {
  /** Token ids; empty: the `example`-th test example at the training length. */
  readonly tokens: readonly number[];
  readonly example: number;
  /** The position asked about; -1: the first that has a label, else the last. */
  readonly query: number;
}

/** From a worker; `run` is that of the training it is about. */
export type FromWorker =
  | ({ readonly kind: 'started'; readonly run: number } & Started)
  | { readonly kind: 'steps'; readonly run: number; readonly steps: readonly StepPoint[] }
  | { readonly kind: 'evaluated'; readonly run: number; readonly evaluation: EvaluationPoint }
  | { readonly kind: 'rests'; readonly run: number; readonly done: boolean }
  | { readonly kind: 'inspected'; readonly run: number; readonly id: number; readonly inspection: Inspection }
  | { readonly kind: 'exported'; readonly run: number; readonly id: number; readonly file: Uint8Array }
  | { readonly kind: 'failed'; readonly run: number; readonly message: string };

export interface Started {
  /** Of the engine, as `mixerzoo doctor` has it. */
  readonly engine: string;
  /** Why this engine and not the one asked for. */
  readonly passedOver?: string;
  readonly parameters: number;
  readonly steps: number;
  readonly chance: number;
  readonly vocabulary: number;
  readonly trainLength: number;
  /** Tensors that the engine holds before the first step: the same after every reset, or memory leaks. */
  readonly tensors: number;
}

/** A training step. */
export interface StepPoint {
  readonly step: number;
  /** Mean cross-entropy of the batch, nats. */
  readonly loss: number;
  readonly accuracy: number;
  readonly milliseconds: number;
}

/** Accuracies as they are after a step. */
export interface EvaluationPoint {
  readonly step: number;
  readonly validation: { readonly loss: number; readonly accuracy: number };
  /** On test examples, by length. */
  readonly test: readonly { readonly seqLen: number; readonly accuracy: number; readonly loss: number }[];
}

/** What a model says of a sequence, and how it comes to it. */
export interface Inspection {
  readonly step: number;
  readonly tokens: readonly number[];
  /** What is expected at each position; -1 where nothing is. */
  readonly labels: readonly number[];
  readonly query: number;
  /** The likeliest token at each position, and its probability. */
  readonly answers: readonly { readonly token: number; readonly probability: number }[];
  /** The likeliest tokens at the query, most likely first. */
  readonly likeliest: readonly { readonly token: number; readonly probability: number }[];
  /** Norm of the gradient of the query's largest logit by the embedding of each token, [L]: holds for any mixer. */
  readonly influence: Float32Array;
  readonly layers: readonly LayerInspection[];
  readonly filters: readonly FilterTaps[];
}

export interface LayerInspection {
  readonly mixer: string;
  /**
   * With `weights` the weight of each token's value in each output, [heads, L, L], with `channels` the mean size over so many channels that
   * have weights of their own; of a mixer whose output is no such sum, the norm of the gradient of the output at the query by each token of its input, [L].
   */
  readonly reads:
    | { readonly kind: 'weights'; readonly heads: number; readonly weights: Float32Array; readonly channels?: number }
    | { readonly kind: 'gradient'; readonly norms: Float32Array };
  /** How far each token moves the state, [L]; of mixers whose state does not grow. */
  readonly writes?: Float32Array | undefined;
  /** Tokens of a block, of mixers that choose blocks. */
  readonly blockSize?: number | undefined;
}

/** A learned short filter. */
export interface FilterTaps {
  /** `layers.0.mixer.kFilter` */
  readonly path: string;
  /** Filters of the same name: heads, or channels of which there are too many to show and so their mean. */
  readonly taps: readonly (readonly number[])[];
  readonly channels: number;
}
