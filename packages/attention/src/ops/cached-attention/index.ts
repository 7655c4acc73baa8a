/**
 * Softmax attention of one token to a cache of keys and values: what a step of generation reads, once, and nothing it writes.
 *
 *   o = softmax(scale q k^T - slope (T - 1 - s)) v   over the last `window` of T tokens, per head of contiguous columns
 *
 * Shapes: q [B, H p], k [B, C, G p], v [B, C, G r] with C >= T rows; G divides H, and H / G heads in a row share keys and values
 * (grouped-query attention, Ainslie et al. 2023). o [B, H r], or [B, H G r] where every head mixes the values of all: A_0 V, A_1 V, ...
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { attendCacheGradient, attendCacheReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';

/** What {@link cachedAttention} can be told. */
export interface CachedAttentionOptions {
  readonly nHeads: number;
  /** Factor of q k^T. */
  readonly scale: number;
  /** Rows of k and v that are there, the query's own last. */
  readonly tokens: number;
  /** Tokens the query sees, itself included. Default all. */
  readonly window?: number;
  /** Every head mixes the values of all heads. Default false. */
  readonly mixesAll?: boolean;
}

/** The op behind {@link cachedAttention}. */
export const cachedAttentionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'CachedAttention',
  inputs: ['q', 'k', 'v', 'slopes'],
  outputs: ['o'],
  reference: attendCacheReference,
  kernels: { wasm: wasm.attendCache },
  gradient: attendCacheGradient,
});

/**
 * Attends to a cache.
 *
 * @param inputs - q [B, H p], k [B, C, G p], v [B, C, G r]; optional ALiBi slopes [H], which get no gradient.
 * @returns o [B, H r], or [B, H G r] with `mixesAll`.
 * @throws ShapeError
 */
export function cachedAttention(
  inputs: { q: tf.Tensor2D; k: tf.Tensor3D; v: tf.Tensor3D; slopes?: tf.Tensor1D | undefined },
  options: CachedAttentionOptions,
): tf.Tensor2D {
  const { q, k, v, slopes } = inputs;
  const { nHeads, tokens, window = 0, mixesAll = false } = options;
  const [batch, width] = q.shape;
  const nKvHeads = (nHeads * k.shape[2]) / width;
  const fits =
    tf.util.arraysEqual(k.shape.slice(0, 2), [batch, v.shape[1]]) &&
    v.shape[0] === batch &&
    width % nHeads === 0 &&
    Number.isInteger(nKvHeads) &&
    nHeads % nKvHeads === 0 &&
    v.shape[2] % nKvHeads === 0 &&
    (!slopes || slopes.size === nHeads);
  if (!fits || !(tokens >= 1 && tokens <= k.shape[1])) {
    throw new ShapeError(
      `cachedAttention: expected q [B, H p], k [B, C, G p], v [B, C, G r] of H = ${nHeads} heads, G a divisor of it, and from 1 to C tokens, got ${[q, k, v].map(({ shape }) => formatShape(shape)).join(', ')} and ${tokens} tokens.`,
    );
  }
  return cachedAttentionOp({ q, k, v, slopes }, { ...options, window, mixesAll }).o;
}
