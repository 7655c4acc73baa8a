/** The state of attention: keys and values of the tokens so far. */
import * as tf from '../tf.js';

/** Keys [B, T, H K] and values [B, T, H V] of the tokens so far; with a window, of the last `window`. */
export type KvCache = { readonly k: tf.Tensor3D; readonly v: tf.Tensor3D };

/** A cache before the first token. */
export function emptyKvCache(batchSize: number, keyWidth: number, valueWidth = keyWidth): KvCache {
  return { k: tf.zeros([batchSize, 0, keyWidth]), v: tf.zeros([batchSize, 0, valueWidth]) };
}

/** The cache with one token more, k [B, H K] and v [B, H V]. Consumes the cache. */
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
