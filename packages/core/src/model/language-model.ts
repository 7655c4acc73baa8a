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
import { ShapeError } from '../errors.js';
import { identity } from '../identity.js';
import { type ApplyContext, checkedContext, EVALUATION, type ParameterFactors } from '../mixer.js';
import { gatherRows } from '../ops/embedding/index.js';
import { tiedCrossEntropy } from '../ops/tied-cross-entropy/index.js';
import { foldIn } from '../rng.js';
import { createParameters } from '../structure.js';
import type { Examples } from '../task.js';
import * as tf from '../tf.js';
import { formatShape } from '../tree.js';
import { type BackboneParams, createBackbone, initTable, type Journey } from './backbone.js';
import { createDecoder, type DecoderParams } from './decoder.js';
import type { TokenMixer } from './filtered-channel-mixer.js';
import { disposeState, fillThrough, initState, type LanguageModelState, stepThrough } from './generation.js';
import { labelledPositions } from './labelled-positions.js';
import { type LanguageModelConfig, parseLanguageModel } from './language-model-config.js';

export { disposeState, type LanguageModelState } from './generation.js';
export type { LanguageModelConfig } from './language-model-config.js';

export interface LanguageModelParams extends BackboneParams {
  readonly head?: { readonly weight: tf.Tensor };
  readonly decoder?: DecoderParams;
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

/**
 * Methods that take parameters throw a ShapeError for those of another model or config, and for freed ones. A model with a
 * `decoder` answers by it in `loss` and `predict` alone.
 */
export interface LanguageModel {
  /** JSON: everything that decides the computation, mixers by name and config. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocabSize: number;
  readonly dModel: number;
  readonly nLayers: number;
  /** Paths of parameters that do not decay: each mixer's {@link Mixer.noDecay}. */
  readonly noDecay?: readonly string[];
  /** Factors of rate and decay by paths: each mixer's {@link Mixer.factors}. */
  readonly factors?: Readonly<Record<string, ParameterFactors>>;
  /** True if a mixer trains in a soft form of what it does at inference; see {@link Mixer.softForm}. */
  readonly softForm: boolean;
  readonly parameterCount: number;
  /** Fresh parameters; the caller owns the tensors. @throws InvalidConfigError for a seed that is no 32-bit integer. */
  init(seed: number): LanguageModelParams;
  /**
   * ids: int32 [B, L] -> hidden states after the final norm, [B, L, d].
   * @throws ShapeError. InvalidConfigError for training without a seed.
   */
  hidden(params: LanguageModelParams, ids: tf.Tensor2D, context?: ApplyContext): tf.Tensor3D;
  /** hidden: [..., d] -> [..., V]. @throws ShapeError */
  logits<T extends tf.Tensor>(params: LanguageModelParams, hidden: T): T;
  /**
   * The loss at the labelled positions of a batch.
   * @throws ShapeError if no position has a label, or a token is outside of the vocabulary. InvalidConfigError for training without a seed.
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
  const config = parseLanguageModel(input);
  const { vocabSize, dModel } = config;
  const backbone = createBackbone(config);
  const { layers } = backbone;
  /** What mixes tokens, and where its parameters stand. */
  const mixers = layers.flatMap((layer, index) =>
    Object.entries<TokenMixer>(layer.mixers).map(([role, mixer]) => ({ mixer, at: `layers.${index}.${role}` })),
  );
  const decoder = config.decoder && createDecoder(dModel, backbone.norm);
  const parameters = createParameters<LanguageModelParams>('language model', (seed) => ({
    ...backbone.init(seed),
    ...(config.tieEmbeddings
      ? {}
      : { head: initTable([vocabSize, dModel], config.embeddingStd, foldIn(seed, 'head')) }),
    ...(decoder && { decoder: decoder.init(foldIn(seed, 'decoder')) }),
  }));

  /** All tokens at once: [B, L, d], or of each of B L rows what is selected. */
  const forward = (params: LanguageModelParams, ids: tf.Tensor2D, context: ApplyContext, select?: Journey['select']) =>
    backbone.forward(params, ids, {
      context,
      mix: (mixer, mixerParams, x, inner) => mixer.apply(mixerParams, x as tf.Tensor3D, inner),
      ...(select && { select }),
    });

  const headTable = (params: LanguageModelParams) => (params.head ?? params.embedding).weight as tf.Tensor2D;

  /** hidden: [..., d] -> [..., V]. */
  const logitsOf = <T extends tf.Tensor>(params: LanguageModelParams, hidden: T): T =>
    tf
      .matMul(tf.reshape(hidden, [-1, dModel]) as tf.Tensor2D, headTable(params), false, true)
      .reshape([...hidden.shape.slice(0, -1), vocabSize]) as T;

  /** What the head tells the labels from, [n, d], and the labels: final hidden states there, or what is decoded of the last. */
  function labelled(where: string, params: LanguageModelParams, batch: Examples, context: ApplyContext) {
    parameters.assert(where, params);
    const { positions: at, labels } = labelledPositions(batch, vocabSize, where);
    const ids = tf.tensor2d(batch.inputs, [batch.count, batch.seqLen], 'int32');
    const read = decoder ? Int32Array.from({ length: batch.count }, (_, row) => (row + 1) * batch.seqLen - 1) : at;
    const indices = tf.tensor1d(read, 'int32');
    const select = (x: tf.Tensor) => gatherRows(tf.reshape(x, [-1, dModel]), indices);
    const final = forward(params, ids, context, select) as tf.Tensor2D;
    const hidden = decoder ? decoder.decode(params.decoder as DecoderParams, final, at, batch.seqLen) : final;
    return { hidden, labels: tf.tensor1d(labels, 'int32') };
  }

  return Object.freeze<LanguageModel>({
    config: { ...config, norm: identity(backbone.norm), layers: layers.map((layer) => layer.config) },
    vocabSize,
    dModel,
    nLayers: layers.length,
    noDecay: mixers.flatMap(({ at, mixer }) => (mixer.noDecay ?? []).map((path) => `${at}.${path}`)),
    factors: Object.fromEntries(
      mixers.flatMap(({ at, mixer }) =>
        Object.entries(mixer.factors ?? {}).map(([path, own]) => [`${at}.${path}`, own]),
      ),
    ),
    softForm: config.layers.some(({ sequenceMixer }) => sequenceMixer.softForm === true),
    get parameterCount() {
      return parameters.size;
    },
    init: (seed) => parameters.init(seed),
    hidden(params, ids, context = EVALUATION) {
      assertIds('hidden', ids, 2);
      parameters.assert('hidden', params);
      const checked = checkedContext('hidden', context);
      return tf.tidy(() => forward(params, ids, checked) as tf.Tensor3D);
    },
    logits(params, hidden) {
      parameters.assert('logits', params);
      return tf.tidy(() => logitsOf(params, hidden));
    },
    loss: (params, batch, context = EVALUATION) =>
      tf.tidy(() => {
        const auxiliary: tf.Scalar[] = [];
        const checked = checkedContext('loss', context);
        const withLosses = checked.training
          ? { ...checked, addLoss: (loss: tf.Scalar) => void auxiliary.push(loss) }
          : checked;
        const { hidden, labels } = labelled('loss', params, batch, withLosses);
        const { loss: crossEntropy, correct } = tiedCrossEntropy(hidden, headTable(params), labels);
        const loss = auxiliary.length > 0 ? (tf.addN([crossEntropy, ...auxiliary]) as tf.Scalar) : crossEntropy;
        return { loss, crossEntropy, correct, count: labels.size };
      }),
    predict: (params, batch) =>
      tf.tidy(() => {
        const logits = logitsOf(params, labelled('predict', params, batch, EVALUATION).hidden);
        const unknown = tf.isNaN(tf.sum(logits, -1)); // the maximum passes over NaN on some engines
        return tf.where<tf.Tensor>(unknown, tf.scalar(-1, 'int32'), tf.argMax(logits, -1)) as tf.Tensor1D;
      }),
    initState: (batchSize) => initState(backbone, batchSize),
    step(params, ids, state) {
      assertIds('step', ids, 1);
      parameters.assert('step', params);
      return tf.tidy(() => {
        const { hidden, state: next } = stepThrough(backbone, params, ids, state);
        return { logits: logitsOf(params, hidden), state: next };
      });
    },
    prefill(params, ids) {
      assertIds('prefill', ids, 2);
      parameters.assert('prefill', params);
      return tf.tidy(() => {
        const { hidden, state } = fillThrough(backbone, params, ids);
        return { logits: logitsOf(params, hidden), state };
      });
    },
    stateSize: (seqLen) => mixers.reduce((total, { mixer }) => total + mixer.stateSize(seqLen), 0),
    flops: (seqLen, headPositions = seqLen) =>
      layers.reduce((total, layer) => total + layer.flops(seqLen), 0) +
      headPositions * (2 * dModel * vocabSize + (decoder?.flopsPerAnswer ?? 0)),
  });
}

function assertIds(where: string, ids: tf.Tensor, rank: number): void {
  if (ids.rank !== rank || ids.dtype !== 'int32') {
    throw new ShapeError(
      `${where}: expected int32 ids ${rank === 2 ? '[B, L]' : '[B]'}, got ${ids.dtype} ${formatShape(ids.shape)}.`,
    );
  }
}
