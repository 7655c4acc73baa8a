/** Attention with positions and a cache of keys and values: what every mixer that attends is built from. */
import { tf } from '@mixerzoo/core';
import { type CausalAttentionOptions, causalAttention } from './ops/causal-attention/index.js';
import type { Positions } from './positions.js';

/** Keys and values of the tokens so far, [B, T, d]; with a window, of the last `window`. Keys are not rotated. */
export type KvCache = { readonly k: tf.Tensor3D; readonly v: tf.Tensor3D };

/**
 * `softmax(q k^T) v` with positions: q [B, M, d] are the last M of the positions of k and v [B, L, d].
 *
 * @param options - `scale` is multiplied by the positions' own factor.
 */
export function attend(
  { q, k, v }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D },
  positions: Positions,
  options: CausalAttentionOptions,
): tf.Tensor3D {
  const scale = (options.scale ?? (q.shape[2] / options.nHeads) ** -0.5) * positions.logitScale;
  const rotated = { q: positions.rotate(q, k.shape[1] - q.shape[1]), k: positions.rotate(k) };
  return causalAttention({ ...rotated, v, slopes: positions.slopes() }, { ...options, scale }).o;
}

/** A cache before the first token. */
export function emptyKvCache(batchSize: number, width: number): KvCache {
  return { k: tf.zeros([batchSize, 0, width]), v: tf.zeros([batchSize, 0, width]) };
}

/** The cache with one token more, k and v [B, d]. Consumes the cache. */
export function extendKvCache(cache: KvCache, k: tf.Tensor2D, v: tf.Tensor2D, window = 0): KvCache {
  const extend = (past: tf.Tensor3D, token: tf.Tensor2D) => {
    const joined = tf.tidy(() => trimToWindow(tf.concat([past, token.expandDims(1) as tf.Tensor3D], 1), window));
    past.dispose();
    return joined;
  };
  return { k: extend(cache.k, k), v: extend(cache.v, v) };
}

/** The last `window` tokens of x [B, L, d], as a tensor of its own; all for window 0. */
export function trimToWindow(x: tf.Tensor3D, window: number): tf.Tensor3D {
  const excess = window > 0 ? Math.max(0, x.shape[1] - window) : 0;
  return excess > 0 ? tf.slice(x, [0, excess, 0]) : x.clone();
}

/** Tokens held after `seqLen`. */
export function cachedTokens(seqLen: number, window = 0): number {
  return window > 0 ? Math.min(seqLen, window) : seqLen;
}
