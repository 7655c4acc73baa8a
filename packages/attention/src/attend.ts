/**
 * Attention with positions, all tokens at once and a token at a time: what every mixer that attends is built from.
 *
 * A cache without a window holds keys that are rotated already, each to its own position. With a window old tokens leave, positions are
 * counted from the oldest one in sight, and keys are rotated when they are read.
 */
import { type Reading, tf } from '@mixerzoo/core';
import { extendKvCache, type KvCache, kvCacheOf, splitHeads, tokensIn, weightsOfValues } from '@mixerzoo/core/blocks';
import { type CachedAttentionOptions, cachedAttention } from './ops/cached-attention/index.js';
import { type CausalAttentionOptions, causalAttention } from './ops/causal-attention/index.js';
import type { Positions } from './positions.js';
import { repeatHeads } from './repeat-heads.js';

/** Rows by role: [B, L, H p] and, with G heads of keys and values, [B, L, G p]; without L of one token. G divides H. */
export type Heads<T extends tf.Tensor> = { readonly q: T; readonly k: T; readonly v: T };

/** How one token attends; `scale` is `p^(-1/2)` by default. */
export type NextOptions = Omit<CachedAttentionOptions, 'scale' | 'tokens'> &
  Partial<Pick<CachedAttentionOptions, 'scale'>>;

/** How all tokens attend; `mixesAll`: every head mixes the values of all. */
export type AttendOptions = CausalAttentionOptions & { readonly mixesAll?: boolean };

/**
 * `softmax(q k^T) v` with positions: q [B, M, H p] are the last M of the positions of k and v [B, L, G p].
 *
 * @param options - `scale` is multiplied by the positions' own factor.
 * @returns [B, M, H p], or [B, M, H G p] with `mixesAll`.
 */
export function attend(
  { q, k, v }: Heads<tf.Tensor3D>,
  positions: Positions,
  { mixesAll = false, ...options }: AttendOptions,
): tf.Tensor3D {
  const { nHeads } = options;
  const group = q.shape[2] / k.shape[2];
  const shared = (x: tf.Tensor3D) => repeatHeads(x, nHeads / group, group);
  const values = mixesAll ? tf.tile(v, [1, 1, nHeads]) : shared(v);
  const rotated = { q: positions.rotate(q, k.shape[1] - q.shape[1]), k: shared(positions.rotate(k)) };
  const scale = scaleOf(q, positions, options);
  return causalAttention({ ...rotated, v: values, slopes: positions.slopes() }, { ...options, scale }).o;
}

/**
 * {@link attend} as weights of values, for `read` of mixers; q, k and v of all tokens.
 * @returns weights [B, H, L, L] and values [B, H, L, p].
 */
export function attendWeights(
  heads: Heads<tf.Tensor3D>,
  positions: Positions,
  options: CausalAttentionOptions,
): Pick<Reading, 'weights' | 'values'> {
  const { q, v } = heads;
  const { nHeads } = options;
  const [batch, length, width] = v.shape;
  const group = q.shape[2] / heads.k.shape[2];
  const sizes = [batch, length, nHeads, (width * group) / nHeads] as const;
  const shared = { ...heads, k: repeatHeads(heads.k, nHeads / group, group) };
  return {
    weights: weightsOfValues(sizes, (values) => attend({ ...shared, v: values }, positions, options)),
    values: splitHeads(repeatHeads(v, nHeads / group, group), nHeads),
  };
}

/** The cache that {@link attendNext} goes on with after a prompt; tensors of its own. */
export function cacheAfter({ k, v }: Heads<tf.Tensor3D>, positions: Positions, window = 0): KvCache {
  return kvCacheOf(window > 0 ? k : positions.rotate(k), v, window);
}

/**
 * {@link attend} for one token more, and the cache with it. Consumes the cache.
 * @returns o [B, H p], or [B, H G p] with `mixesAll`.
 */
export function attendNext(
  { q, k, v }: Heads<tf.Tensor2D>,
  past: KvCache,
  positions: Positions,
  options: NextOptions,
): { o: tf.Tensor2D; cache: KvCache } {
  const { window = 0 } = options;
  const at = tokensIn(past);
  const turned = (x: tf.Tensor2D, position: number) =>
    positions.rotate(x.expandDims<tf.Tensor3D>(1), position).squeeze<tf.Tensor2D>([1]);
  const cache = extendKvCache(past, window > 0 ? k : turned(k, at), v, window);
  const slopes = positions.slopes();
  const tokens = tokensIn(cache);
  const given = { ...options, scale: scaleOf(q, positions, options), tokens };
  if (window === 0 || !positions.rotates) {
    return { o: cachedAttention({ q: turned(q, at), ...cache, slopes }, given), cache };
  }
  const count = Math.min(tokens, window);
  const seen = (x: tf.Tensor3D) => tf.slice(x, [0, tokens - count, 0], [-1, count, -1]);
  const inSight = { q: turned(q, count - 1), k: positions.rotate(seen(cache.k)), v: seen(cache.v) };
  return { o: cachedAttention({ ...inSight, slopes }, { ...given, tokens: count }), cache };
}

function scaleOf(
  q: tf.Tensor,
  { logitScale }: Positions,
  options: { readonly nHeads: number; readonly scale?: number },
): number {
  return (options.scale ?? ((q.shape.at(-1) as number) / options.nHeads) ** -0.5) * logitScale;
}
