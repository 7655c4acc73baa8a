/**
 * The state of attention: keys and values of the tokens so far, with room for those to come where the engine writes in place.
 *
 * A token then costs its own row: the room is used up, and doubled when it is, which is a copy of all rows once for as many
 * tokens. With a window the newest rows move to the front of a fresh room of twice the window. Elsewhere a cache has no room, and
 * every token copies it.
 */
import { setRow, setsRowsInPlace } from '../ops/set-row/index.js';
import * as tf from '../tf.js';

/** The first T of C rows are tokens, the oldest first; with a window, at least the last `window` of them. */
export type KvCache = {
  /** [B, C, H K] */
  readonly k: tf.Tensor3D;
  /** [B, C, H V] */
  readonly v: tf.Tensor3D;
  /** [B, T, 0]: no elements, only a shape. It says how many rows are tokens, on the host, where kernels are told. */
  readonly tokens: tf.Tensor3D;
};

/** Rows of the smallest room. */
const LEAST_ROWS = 16;

/** A cache before the first token. */
export function emptyKvCache(batchSize: number, keyWidth: number, valueWidth = keyWidth): KvCache {
  const empty = (width: number) => tf.zeros<tf.Rank.R3>([batchSize, 0, width]);
  return { k: empty(keyWidth), v: empty(valueWidth), tokens: empty(0) };
}

/**
 * The cache after a prompt, without room; with a window, of its last `window` tokens.
 * @param k - [B, L, H K]
 * @param v - [B, L, H V]
 */
export function kvCacheOf(k: tf.Tensor3D, v: tf.Tensor3D, window = 0): KvCache {
  const [batch, length] = k.shape;
  const held = cachedTokens(length, window);
  const last = (x: tf.Tensor3D) => (held < length ? tf.slice(x, [0, length - held, 0]) : x.clone());
  return { k: last(k), v: last(v), tokens: tf.zeros([batch, held, 0]) };
}

/** Rows of a cache that are tokens. */
export function tokensIn({ tokens }: KvCache): number {
  return tokens.shape[1];
}

/** The cache with one token more, k [B, H K] and v [B, H V]. Consumes the cache. */
export function extendKvCache(cache: KvCache, k: tf.Tensor2D, v: tf.Tensor2D, window = 0): KvCache {
  const [batch, rows] = cache.k.shape;
  const held = tokensIn(cache);
  const isFull = held === rows;
  // Tokens that leave a full cache, since no window sees them any more.
  const left = isFull && window > 0 ? Math.max(0, held + 1 - window) : 0;
  const room = left > 0 ? 2 * window : held + 1;
  const extend = (past: tf.Tensor3D, token: tf.Tensor2D) => {
    if (!isFull) return setRow(past, token, held);
    const grown = setsRowsInPlace()
      ? setRow(withRoom(past, left, roomFor(room)), token, held - left)
      : joined(past, left, token);
    past.dispose();
    return grown;
  };
  const next = {
    k: extend(cache.k, k),
    v: extend(cache.v, v),
    tokens: cache.tokens.reshape<tf.Tensor3D>([batch, held - left + 1, 0]),
  };
  cache.tokens.dispose();
  return next;
}

/** Tokens that are held after `seqLen`, since one to come sees them. */
export function cachedTokens(seqLen: number, window = 0): number {
  return window > 0 ? Math.min(seqLen, window) : seqLen;
}

/** Rows of a cache beside those of {@link cachedTokens}, after `seqLen` steps on the engine in use. */
export function cacheRoom(seqLen: number, window = 0): number {
  if (seqLen === 0 || !setsRowsInPlace()) return 0;
  const rows = window > 0 && seqLen > roomFor(window) ? roomFor(2 * window) : roomFor(seqLen);
  return rows - cachedTokens(seqLen, window);
}

/** Rows of the room for at least this many: doubled, so that moving there costs each token a constant. */
function roomFor(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(LEAST_ROWS, rows)));
}

/** x [B, T, w] without its first `left` tokens, in `rows` rows. */
function withRoom(x: tf.Tensor3D, left: number, rows: number): tf.Tensor3D {
  return tf.tidy(() => {
    const kept = left > 0 ? tf.slice(x, [0, left, 0]) : x;
    return tf.pad(kept, [
      [0, 0],
      [0, rows - kept.shape[1]],
      [0, 0],
    ]);
  });
}

/** x [B, T, w] without its first `left` tokens, and a token after them. */
function joined(x: tf.Tensor3D, left: number, token: tf.Tensor2D): tf.Tensor3D {
  return tf.tidy(() => tf.concat([tf.slice(x, [0, left, 0]), token.expandDims<tf.Tensor3D>(1)], 1));
}
