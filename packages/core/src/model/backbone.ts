/**
 * The backbone of a language model: token embedding, layers, final norm. It is written once for every way that tokens go
 * through it: all of them in training and evaluation, all of them with a state in a prefill, one at a time in a generation.
 *
 * Shape symbols: B batch size, L sequence length, d model width, n selected positions.
 */

import { ShapeError } from '../errors.js';
import type { ApplyContext, Mixer } from '../mixer.js';
import { embedding } from '../ops/embedding/index.js';
import { randomNormal } from '../random-tensors.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import type { TokenMixer } from './filtered-channel-mixer.js';
import type { ParsedLanguageModelConfig } from './language-model-config.js';
import {
  addTo,
  applyNorm,
  createLayer,
  drop,
  type Layer,
  type LayerParams,
  type LayerSpec,
  resolveNorm,
  type Stream,
  type TokenMixers,
} from './layer.js';
import type { Norm } from './norm.js';

export interface BackboneParams extends Tree {
  readonly embedding: { readonly weight: tf.Tensor };
  readonly positionEmbedding?: { readonly weight: tf.Tensor };
  readonly layers: { readonly [index: string]: LayerParams };
  readonly normF: Tree;
}

/** Where a part that mixes tokens has its state: layer, and role in it. */
export type MixerPlace = readonly [layer: number, role: keyof TokenMixers];

/** How tokens go through the backbone. */
export interface Journey {
  readonly context: ApplyContext;
  /** Position of the first token. Default 0. */
  readonly start?: number;
  /** A part of a layer that mixes tokens, in its parallel or its recurrent form. */
  mix(mixer: TokenMixer, params: Tree, x: tf.Tensor, context: ApplyContext, place: MixerPlace): tf.Tensor;
  /** Drops the positions that are not asked for, once no layer mixes tokens any more. */
  select?(x: tf.Tensor): tf.Tensor;
}

export interface Backbone {
  readonly layers: readonly Layer[];
  /** The last one. */
  readonly norm: Norm;
  init(seed: number): BackboneParams;
  /**
   * ids: int32 [B, L] or, a token each, [B] -> hidden states after the final norm [B, L, d], [B, d], or what `select` made of them.
   * @throws ShapeError for a position past the table's end, unless `positionsPastEnd` says what to do with it.
   */
  forward(params: BackboneParams, ids: tf.Tensor, journey: Journey): tf.Tensor;
}

/** @throws InvalidConfigError where the parts of a layer do not fit each other or the model. */
export function createBackbone(config: ParsedLanguageModelConfig): Backbone {
  const { vocabSize, dModel, maxPositions, embeddingStd } = config;
  const norm = resolveNorm(config.norm, config, 'createLanguageModel');
  const layers = placed(config.layers as readonly LayerSpec[]).map((spec, index) =>
    createLayer(spec, index, { ...config, norm }),
  );

  function embed(params: BackboneParams, ids: tf.Tensor, start: number): tf.Tensor {
    const tokens = embedding(params.embedding.weight as tf.Tensor2D, ids);
    if (!params.positionEmbedding) return tokens;
    const indices = positionIndices(config, start, ids.rank === 2 ? (ids.shape[1] as number) : 1);
    return tf.add(tokens, embedding(params.positionEmbedding.weight as tf.Tensor2D, tf.tensor1d(indices, 'int32')));
  }

  return {
    layers,
    norm,
    init: (seed) => ({
      embedding: initTable([vocabSize, dModel], embeddingStd, foldIn(seed, 'embedding')),
      ...(maxPositions === undefined
        ? {}
        : {
            positionEmbedding: initTable([maxPositions, dModel], embeddingStd, foldIn(seed, 'positionEmbedding')),
          }),
      layers: Object.fromEntries(
        layers.map((layer, index) => [index, layer.init(foldIn(seed, `layers.${index}`), layers.length)]),
      ),
      normF: norm.init(foldIn(seed, 'normF')),
    }),
    forward(params, ids, { context: given, start = 0, mix, select }) {
      const context = { ...given, shared: new Map<string, tf.Tensor>() };
      let stream: Stream = { residual: undefined, hidden: embed(params, ids, start) };
      for (const [index, layer] of layers.entries()) {
        stream = layer.forward(params.layers[index] as LayerParams, stream, {
          context,
          mix: (role, mixerParams, x, inner) =>
            mix(layer.mixers[role] as TokenMixer, mixerParams, x, inner, [index, role]),
          ...(select && index === layers.length - 1 ? { select } : {}),
        });
      }
      const last = drop(stream.hidden, config.dropout.residual, context, 'out');
      return applyNorm('language model', norm, params.normF, addTo(stream.residual, last));
    },
  };
}

/** Layers whose mixers know their place among those of their name, where it matters to them. */
function placed(specs: readonly LayerSpec[]): LayerSpec[] {
  const names = specs.map(({ sequenceMixer }) => innermost(sequenceMixer).name);
  const ofName = (name: string, among: readonly string[]) => among.filter((other) => other === name).length;
  return specs.map((spec, at) => {
    const { sequenceMixer } = spec;
    const name = names[at] as string;
    const place = { index: ofName(name, names.slice(0, at)), count: ofName(name, names) };
    return { ...spec, sequenceMixer: sequenceMixer.atLayer?.(place) ?? sequenceMixer };
  });
}

const innermost = (mixer: Mixer): Mixer => (mixer.inner ? innermost(mixer.inner) : mixer);

/** A table of vectors, such as an embedding's or a head's: N(0, std). */
export function initTable(shape: [number, number], std: number, seed: number): { readonly weight: tf.Tensor2D } {
  return { weight: randomNormal<tf.Rank.R2>(shape, std, seed) };
}

/** Rows of the table of positions for `count` tokens from position `start` on. */
function positionIndices(
  { maxPositions: rows = 0, positionsPastEnd: past }: ParsedLanguageModelConfig,
  start: number,
  count: number,
): Int32Array {
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
