/**
 * A decoder of one hidden state: what is asked of any position is told from that of the last one. With it a model is an
 * autoencoder, for tasks whose `decoder` asks for it.
 *
 *   z = h_{L-1} + s(t)                    h of the last position; s(t) [d], sines and cosines of the position t that is asked
 *   z = gelu(norm(z) W_1 + b_1)
 *   z = gelu(norm(z) W_2 + b_2)           logits: norm(z), then the head of the model
 *
 * s(t) = [sin(t w), cos(t w)] with w_i = 10000^(-i / (d/2 - 1)), i = 0 ... d/2 - 1.
 *
 * Source: Poli et al. 2024 (MAD, arXiv 2403.17844), Section 3.1, and its repository (`auto_encoder.py`).
 * Deviations: h is read after the model's final norm, as the head reads it, and the head is the model's own, which has no bias.
 */
import { initProjection, type Projection } from '../blocks/projection.js';
import { gatherRows } from '../ops/embedding/index.js';
import { gelu } from '../ops/gelu/index.js';
import { linear } from '../ops/linear/index.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { applyNorm } from './layer.js';
import type { Norm } from './norm.js';

export interface DecoderParams extends Tree {
  readonly norm1: Tree;
  readonly fc1: Projection;
  readonly norm2: Tree;
  readonly fc2: Projection;
  readonly normF: Tree;
}

export interface Decoder {
  init(seed: number): DecoderParams;
  /**
   * Hidden states of the answers, [n, d], which the head makes logits of.
   * @param encoded - of the last position of each example, [B, d].
   * @param positions - what is asked, as indices into [B, L], [n].
   */
  decode(params: DecoderParams, encoded: tf.Tensor2D, positions: Int32Array, seqLen: number): tf.Tensor2D;
  /** FLOPs of an answer but for the head. */
  readonly flopsPerAnswer: number;
}

/** A decoder of a model's width, with its norm. */
export function createDecoder(dModel: number, norm: Norm): Decoder {
  const normed = (params: Tree, x: tf.Tensor2D) => applyNorm('decoder', norm, params, x) as tf.Tensor2D;
  const project = (name: string, seed: number) => initProjection([dModel, dModel], foldIn(seed, name), { bias: true });
  return {
    init: (seed) => ({
      norm1: norm.init(foldIn(seed, 'norm1')),
      fc1: project('fc1', seed),
      norm2: norm.init(foldIn(seed, 'norm2')),
      fc2: project('fc2', seed),
      normF: norm.init(foldIn(seed, 'normF')),
    }),
    decode(params, encoded, positions, seqLen) {
      const example = tf.tensor1d(
        positions.map((index) => Math.floor(index / seqLen)),
        'int32',
      );
      const asked = tf.tensor1d(
        positions.map((index) => index % seqLen),
        'int32',
      );
      const z = tf.add<tf.Tensor2D>(gatherRows(encoded, example), gatherRows(sinusoids(seqLen, dModel), asked));
      const inner = gelu(linear(normed(params.norm1, z), params.fc1));
      return normed(params.normF, gelu(linear(normed(params.norm2, inner), params.fc2)));
    },
    flopsPerAnswer: 4 * dModel ** 2,
  };
}

/** s(t) of every position, [L, d]: sines, then cosines. */
function sinusoids(seqLen: number, dModel: number): tf.Tensor2D {
  const half = Math.ceil(dModel / 2);
  const table = new Float32Array(seqLen * dModel);
  for (let t = 0; t < seqLen; t += 1) {
    for (let i = 0; i < dModel; i += 1) {
      const angle = t * 10_000 ** (-(i % half) / Math.max(1, half - 1));
      table[t * dModel + i] = i < half ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return tf.tensor2d(table, [seqLen, dModel]);
}
