/**
 * A language model: token embedding, layers, final norm, and a head that shares the embedding's weight.
 *
 * The default is the backbone of HazyResearch/zoology (`zoology/model.py`, LanguageModel), the one every mixer of the
 * literature's recall benchmarks was compared in: `h = E[ids] (+ positions)`, layers as in `layer.ts`, logits
 * `norm(r + h) E^T`. Layers are configuration, so Pythia, LLaMA-style and Mamba models are too.
 *
 * Deviation: while training and evaluating, positions without a label are dropped after the last sequence mixer,
 * since nothing that follows mixes tokens. Values and gradients are the same; only dropout masks fall elsewhere.
 *
 * Shape symbols: B batch size, L sequence length, d model width, V vocabulary, n labelled positions of a batch.
 */
import { z } from 'zod';
import { initProjection } from '../blocks/projection.js';
import { parseConfig } from '../config.js';
import { InvalidConfigError, ShapeError } from '../errors.js';
import { type ApplyContext, EVALUATION, type Mixer } from '../mixer.js';
import { embedding, gatherRows, tiedCrossEntropy } from '../ops/index.js';
import { foldIn } from '../rng.js';
import { createParameters } from '../structure.js';
import type { Examples } from '../task.js';
import * as tf from '../tf.js';
import { disposeTree, formatShape, type Tree } from '../tree.js';
import { CHANNEL_MIXERS, type ChannelMixer } from './channel-mixer.js';
import { labelledPositions } from './labelled-positions.js';
import {
  addTo,
  createLayer,
  drop,
  type LayerParams,
  type LayerSpec,
  type Passage,
  RESIDUAL_NAMES,
  type Stream,
} from './layer.js';
import { applyNorm, initNorm, NORM_NAMES, type NormParams } from './norm.js';

const isMixer = (value: unknown): value is Mixer =>
  isPart(value) && typeof (value as { step?: unknown }).step === 'function';
const isPart = (value: unknown): value is ChannelMixer =>
  typeof value === 'object' && value !== null && typeof (value as { apply?: unknown }).apply === 'function';
const rate = z.number().min(0).lt(1);

const layerSchema = z.strictObject({
  /** What mixes information across tokens. */
  sequenceMixer: z.custom<Mixer>(isMixer, 'expected a mixer, as a mixer factory returns it'),
  channelMixer: z
    .union([
      z.enum(['none', ...(Object.keys(CHANNEL_MIXERS) as (keyof typeof CHANNEL_MIXERS)[])]),
      z.custom<ChannelMixer>(isPart),
    ])
    .optional(),
  /** How the parts of a layer join the stream. Default `sequential`. */
  residual: z.enum(RESIDUAL_NAMES).optional(),
  /** Default: the model's. */
  norm: z.enum(NORM_NAMES).optional(),
});

const languageModelSchema = z.strictObject({
  /** V, different tokens. */
  vocabSize: z.int().positive(),
  /** Model width. */
  dModel: z.int().positive(),
  /** From the first to the last. */
  layers: z
    .array(
      z.custom<object>((layer) => !isMixer(layer), 'expected { sequenceMixer: mixer }, got a mixer').pipe(layerSchema),
    )
    .min(1),
  /** `learned`: a table of positions is added to the embedding. */
  positions: z.enum(['none', 'learned']).default('none'),
  /** Rows of the table of learned positions. Rows past the training length stay as initialised. */
  maxPositions: z.int().positive().optional(),
  /**
   * What a token past the table's end gets: an error; the last row (`clamp`); or row `t mod maxPositions` (`wrap`).
   */
  positionsPastEnd: z.enum(['error', 'clamp', 'wrap']).default('error'),
  /** Before each part of a layer and before the head. */
  norm: z.enum(NORM_NAMES).default('layerNorm'),
  /** Added to the variance in norms. */
  normEps: z.number().positive().default(1e-5),
  /** Rates while training: of the embedding, and of what each part of a layer adds to the stream. */
  dropout: z
    .strictObject({
      /** Rate on the embedded tokens. */
      embedding: rate.default(0.1),
      /** Rate on what each part of a layer adds to the stream. */
      residual: rate.default(0),
    })
    .default({ embedding: 0.1, residual: 0 }),
  /** The head's weight is the embedding's; otherwise `head.weight` [V, d]. */
  tieEmbeddings: z.boolean().default(true),
});

export type LanguageModelConfig = Omit<z.input<typeof languageModelSchema>, 'layers'> & {
  /** From the first to the last. */
  readonly layers: readonly LayerSpec[];
};

export interface LanguageModelParams extends Tree {
  readonly embedding: { readonly weight: tf.Tensor };
  readonly positionEmbedding?: { readonly weight: tf.Tensor };
  readonly layers: { readonly [index: string]: LayerParams };
  readonly normF: NormParams;
  readonly head?: { readonly weight: tf.Tensor };
}

/** The state between tokens of a generation: each mixer's, and how many tokens there were. */
export interface LanguageModelState {
  readonly position: number;
  readonly layers: { readonly [index: string]: Tree };
}

/** The result of a batch. */
export interface BatchLoss {
  /** What is minimised: the cross-entropy plus the mixers' auxiliary losses. */
  readonly loss: tf.Scalar;
  /** Mean over labelled positions, nats. */
  readonly crossEntropy: tf.Scalar;
  /** float32 [n]: 1 where the most likely token is the label; in the order of the positions. */
  readonly correct: tf.Tensor1D;
  /** n. */
  readonly count: number;
}

/** Methods that take parameters throw a ShapeError for those of another model or config, and for freed ones. */
export interface LanguageModel {
  /** JSON: everything that decides the computation, mixers by name and config. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocabSize: number;
  readonly dModel: number;
  readonly nLayers: number;
  /** Paths of parameters that do not decay: each mixer's {@link Mixer.noDecay}. */
  readonly noDecay?: readonly string[];
  /** True if a mixer trains in a soft form of what it does at inference; see {@link Mixer.softForm}. */
  readonly softForm: boolean;
  readonly parameterCount: number;
  /** Fresh parameters; the caller owns the tensors. @throws InvalidConfigError for a seed that is no 32-bit integer. */
  init(seed: number): LanguageModelParams;
  /** ids: int32 [B, L] -> hidden states after the final norm, [B, L, d]. @throws ShapeError */
  hidden(params: LanguageModelParams, ids: tf.Tensor2D, context?: ApplyContext): tf.Tensor3D;
  /** hidden: [..., d] -> [..., V]. @throws ShapeError */
  logits<T extends tf.Tensor>(params: LanguageModelParams, hidden: T): T;
  /**
   * The loss at the labelled positions of a batch.
   * @throws ShapeError if no position has a label, or a token is outside of the vocabulary.
   */
  loss(params: LanguageModelParams, batch: Examples, context?: ApplyContext): BatchLoss;
  /**
   * The most likely token at each labelled position, int32 [n]; -1 where a logit is not a number. @throws ShapeError as
   * `loss`.
   */
  predict(params: LanguageModelParams, batch: Examples): tf.Tensor1D;
  /** State before the first token; the caller owns it ({@link disposeState}). */
  initState(batchSize: number): LanguageModelState;
  /** Next-token logits [B, V] after one more token, ids: int32 [B]. Consumes `state`. */
  step(
    params: LanguageModelParams,
    ids: tf.Tensor1D,
    state: LanguageModelState,
  ): { logits: tf.Tensor2D; state: LanguageModelState };
  /** Logits after the last of L tokens, ids: int32 [B, L], and the state they leave; equals `step` token by token. */
  prefill(params: LanguageModelParams, ids: tf.Tensor2D): { logits: tf.Tensor2D; state: LanguageModelState };
  /** Elements of mixer state held per sequence after `seqLen` tokens. */
  stateSize(seqLen: number): number;
  /**
   * FLOPs of the forward pass per sequence: mixers, channel mixers, and the head at `headPositions` (default: all)
   * positions. Norms and elementwise work are not counted.
   */
  flops(seqLen: number, headPositions?: number): number;
}

/**
 * A language model from its parts.
 *
 * @example
 * const model = createLanguageModel({ vocabSize: 512, dModel: 64, layers: [{ sequenceMixer: cat({ dModel: 64 }) }] });
 * @throws InvalidConfigError
 */
export function createLanguageModel(input: LanguageModelConfig): LanguageModel {
  const config = parseConfig(languageModelSchema, input, 'createLanguageModel');
  const { vocabSize, dModel, positions, maxPositions, normEps } = config;
  if ((positions === 'learned') !== (maxPositions !== undefined)) {
    throw new InvalidConfigError(
      `createLanguageModel: expected maxPositions together with positions 'learned', got positions '${positions}' and maxPositions ${maxPositions}. Set both or neither.`,
    );
  }
  const layers = config.layers.map((spec, index) => createLayer(spec as LayerSpec, index, config));
  const nLayers = layers.length;
  const table = (rows: number, seed: number) => initProjection([rows, dModel], seed);
  const parameters = createParameters<LanguageModelParams>('language model', (seed) => ({
    embedding: table(vocabSize, foldIn(seed, 'embedding')),
    ...(maxPositions === undefined
      ? {}
      : { positionEmbedding: table(maxPositions, foldIn(seed, 'positionEmbedding')) }),
    layers: Object.fromEntries(
      layers.map((layer, index) => [index, layer.init(foldIn(seed, `layers.${index}`), nLayers)]),
    ),
    normF: initNorm(config.norm, dModel),
    ...(config.tieEmbeddings ? {} : { head: table(vocabSize, foldIn(seed, 'head')) }),
  }));

  const headTable = (params: LanguageModelParams) => (params.head ?? params.embedding).weight as tf.Tensor2D;

  /** Embeddings of tokens from position `start` on; ids [B, L] or, one token each, [B]. */
  function embed(params: LanguageModelParams, ids: tf.Tensor, start: number): tf.Tensor {
    const tokens = embedding(params.embedding.weight as tf.Tensor2D, ids);
    if (!params.positionEmbedding) return tokens;
    const indices = positionIndices(start, ids.rank === 2 ? (ids.shape[1] as number) : 1);
    return tf.add(tokens, embedding(params.positionEmbedding.weight as tf.Tensor2D, tf.tensor1d(indices, 'int32')));
  }

  function positionIndices(start: number, count: number): Int32Array {
    const rows = maxPositions as number;
    const past = config.positionsPastEnd;
    if (past === 'error' && start + count > rows) {
      throw new ShapeError(
        `language model: expected at most ${rows} positions, got ${start + count}. ` +
          "Raise maxPositions, or choose positionsPastEnd 'clamp' or 'wrap'.",
      );
    }
    return Int32Array.from({ length: count }, (_, t) =>
      past === 'wrap' ? (start + t) % rows : Math.min(start + t, rows - 1),
    );
  }

  /** Through all layers and the final norm. `passageOf` says how the tokens go through a layer. */
  function backbone(
    params: LanguageModelParams,
    hidden: tf.Tensor,
    context: ApplyContext,
    passageOf: (index: number) => Passage,
  ): tf.Tensor {
    let stream: Stream = { residual: undefined, hidden };
    for (const [index, layer] of layers.entries()) {
      stream = layer.forward(params.layers[index] as LayerParams, stream, passageOf(index));
    }
    const last = drop(stream.hidden, config.dropout.residual, context, 'out');
    return applyNorm(params.normF, addTo(stream.residual, last), normEps);
  }

  /** Final hidden states of all positions [B, L, d], or of the selected ones [n, d]. */
  function forward(
    params: LanguageModelParams,
    ids: tf.Tensor2D,
    context: ApplyContext,
    select?: Passage['select'],
  ): tf.Tensor {
    return backbone(params, embed(params, ids, 0), context, (index) => ({
      context,
      mix: (mixerParams, x, inner) => layerAt(index).sequenceMixer.apply(mixerParams, x as tf.Tensor3D, inner),
      ...(select && index === nLayers - 1 ? { select } : {}),
    }));
  }

  const layerAt = (index: number) => layers[index] as (typeof layers)[number];

  /** Final hidden states at the labelled positions, [n, d], and the labels there. */
  function labelled(where: string, params: LanguageModelParams, batch: Examples, context: ApplyContext) {
    parameters.assert(where, params);
    const { positions: at, labels } = labelledPositions(batch, vocabSize, where);
    const ids = tf.tensor2d(batch.inputs, [batch.count, batch.seqLen], 'int32');
    const indices = tf.tensor1d(at, 'int32');
    const hidden = forward(params, ids, context, (x) => gatherRows(tf.reshape(x, [-1, dModel]), indices));
    return { hidden: hidden as tf.Tensor2D, labels: tf.tensor1d(labels, 'int32') };
  }

  const model: LanguageModel = {
    config: { ...config, layers: layers.map((layer) => layer.config) },
    vocabSize,
    dModel,
    nLayers,
    noDecay: layers.flatMap(({ sequenceMixer }, index) =>
      (sequenceMixer.noDecay ?? []).map((path) => `layers.${index}.mixer.${path}`),
    ),
    softForm: config.layers.some(({ sequenceMixer }) => sequenceMixer.softForm === true),
    get parameterCount() {
      return parameters.size;
    },
    init: (seed) => parameters.init(seed),
    hidden(params, ids, context = EVALUATION) {
      assertIds('hidden', ids, 2);
      parameters.assert('hidden', params);
      return tf.tidy(() => forward(params, ids, context) as tf.Tensor3D);
    },
    logits(params, hidden) {
      parameters.assert('logits', params);
      return tf.tidy(() => {
        const rows = tf.reshape(hidden, [-1, dModel]) as tf.Tensor2D;
        return tf
          .matMul(rows, headTable(params), false, true)
          .reshape([...hidden.shape.slice(0, -1), vocabSize]) as typeof hidden;
      });
    },
    loss: (params, batch, context = EVALUATION) =>
      tf.tidy(() => {
        const auxiliary: tf.Scalar[] = [];
        const withLosses = context.training
          ? { ...context, addLoss: (loss: tf.Scalar) => void auxiliary.push(loss) }
          : context;
        const { hidden, labels } = labelled('loss', params, batch, withLosses);
        const { loss: crossEntropy, correct } = tiedCrossEntropy(hidden, headTable(params), labels);
        const loss = auxiliary.length > 0 ? (tf.addN([crossEntropy, ...auxiliary]) as tf.Scalar) : crossEntropy;
        return { loss, crossEntropy, correct, count: labels.size };
      }),
    predict: (params, batch) =>
      tf.tidy(() => {
        const logits = model.logits(params, labelled('predict', params, batch, EVALUATION).hidden);
        const unknown = tf.isNaN(tf.sum(logits, -1)); // the maximum passes over NaN on some engines
        return tf.where<tf.Tensor>(unknown, tf.scalar(-1, 'int32'), tf.argMax(logits, -1)) as tf.Tensor1D;
      }),
    initState: (batchSize) => ({
      position: 0,
      layers: Object.fromEntries(layers.map(({ sequenceMixer }, index) => [index, sequenceMixer.initState(batchSize)])),
    }),
    step(params, ids, state) {
      assertIds('step', ids, 1);
      parameters.assert('step', params);
      return tf.tidy(() => {
        const next: Record<string, Tree> = {};
        const hidden = backbone(params, embed(params, ids, state.position), EVALUATION, (index) => ({
          context: EVALUATION,
          mix(mixerParams, x) {
            const stepped = layerAt(index).sequenceMixer.step(
              mixerParams,
              x as tf.Tensor2D,
              state.layers[index] as Tree,
            );
            next[index] = stepped.state;
            return stepped.y;
          },
        }));
        return {
          logits: model.logits(params, hidden as tf.Tensor2D),
          state: { position: state.position + 1, layers: next },
        };
      });
    },
    prefill(params, ids) {
      assertIds('prefill', ids, 2);
      parameters.assert('prefill', params);
      const [batchSize, seqLen] = ids.shape;
      return tf.tidy(() => {
        const next: Record<string, Tree> = {};
        const hidden = backbone(params, embed(params, ids, 0), EVALUATION, (index) => ({
          context: EVALUATION,
          mix(mixerParams, x) {
            const filled = layerAt(index).sequenceMixer.prefill(mixerParams, x as tf.Tensor3D);
            next[index] = filled.state;
            return filled.y;
          },
          ...(index === nLayers - 1
            ? { select: (x: tf.Tensor) => lastToken(x as tf.Tensor3D, batchSize, seqLen) }
            : {}),
        }));
        return { logits: model.logits(params, hidden as tf.Tensor2D), state: { position: seqLen, layers: next } };
      });
    },
    stateSize: (seqLen) => layers.reduce((total, { sequenceMixer }) => total + sequenceMixer.stateSize(seqLen), 0),
    flops: (seqLen, headPositions = seqLen) =>
      layers.reduce((total, layer) => total + layer.flops(seqLen), 0) + 2 * headPositions * dModel * vocabSize,
  };
  return Object.freeze(model);
}

/** Frees a generation's state. */
export function disposeState(state: LanguageModelState): void {
  disposeTree(state.layers);
}

/** x: [B, L, d] -> [B, d]. */
function lastToken(x: tf.Tensor3D, batchSize: number, seqLen: number): tf.Tensor2D {
  return tf.slice(x, [0, seqLen - 1, 0]).reshape([batchSize, -1]);
}

function assertIds(where: string, ids: tf.Tensor, rank: number): void {
  if (ids.rank !== rank || ids.dtype !== 'int32') {
    throw new ShapeError(
      `${where}: expected int32 ids ${rank === 2 ? '[B, L]' : '[B]'}, got ${ids.dtype} ${formatShape(ids.shape)}.`,
    );
  }
}
