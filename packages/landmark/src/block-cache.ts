/**
 * The state of recurrent Landmark CAT: closed blocks with their landmarks, and the open block.
 *
 * A token costs O(d (L / B + K B)): landmarks are scored, K blocks are read, and once every B tokens the open block is
 * appended to the closed ones, a copy of O(L d) that amounts to O(L / B d) a token.
 */
import { tf } from '@mixerzoo/core';
import { lastOfBlocks } from './heads.js';
import { blockTree, descendBlocks, gatherUnits, selectBlocks } from './ops/select-blocks/index.js';

/** M blocks are closed and rows of their own, j < `blockSize` tokens are open. Letters as in `landmark-cat.ts`. */
export type BlockCache = {
  /** [B, H, M, B p], or [B, H, M, (2 B - 2) p] with the sums that hierarchical search walks. */
  readonly keys: tf.Tensor4D;
  /** [B, H, M, B p] */
  readonly values: tf.Tensor4D;
  /** [B, H, M, p] */
  readonly landmarks: tf.Tensor4D;
  /** [B, H, j, p] */
  readonly openKeys: tf.Tensor4D;
  /** [B, H, j, p] */
  readonly openValues: tf.Tensor4D;
};

/** Sizes of a cache. */
export interface BlockLayout {
  readonly nHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  /** Keys are kept as the tree of their sums. */
  readonly hasTree: boolean;
}

/** The cache before the first token. */
export function emptyBlockCache(batchSize: number, { nHeads, headDim, blockSize, hasTree }: BlockLayout): BlockCache {
  const empty = (width: number): tf.Tensor4D => tf.zeros([batchSize, nHeads, 0, width]);
  return {
    keys: empty((hasTree ? 2 * blockSize - 2 : blockSize) * headDim),
    values: empty(blockSize * headDim),
    landmarks: empty(headDim),
    openKeys: empty(headDim),
    openValues: empty(headDim),
  };
}

/**
 * The cache after a prompt: what {@link appendToken} makes of it token by token.
 *
 * @param rows - keys, values and what landmarks are taken from, [G, L, p] each.
 */
export function blockCacheAfter(
  { k, v, filtered }: { readonly k: tf.Tensor3D; readonly v: tf.Tensor3D; readonly filtered: tf.Tensor3D },
  layout: BlockLayout,
): BlockCache {
  const { nHeads, headDim, blockSize, hasTree } = layout;
  const [rows, seqLen] = k.shape;
  const batchSize = rows / nHeads;
  const count = Math.floor(seqLen / blockSize);
  const closed = (x: tf.Tensor3D) => x.slice([0, 0, 0], [rows, count * blockSize, headDim]);
  const blocks = (x: tf.Tensor, width: number) => x.reshape<tf.Tensor4D>([batchSize, nHeads, count, width]);
  const open = (x: tf.Tensor3D) =>
    x
      .slice([0, count * blockSize, 0], [rows, seqLen - count * blockSize, headDim])
      .reshape<tf.Tensor4D>([batchSize, nHeads, seqLen - count * blockSize, headDim]);
  const opened = { openKeys: open(k), openValues: open(v) };
  if (count === 0) return { ...emptyBlockCache(batchSize, layout), ...opened };
  return {
    keys: hasTree
      ? blocks(blockTree(closed(k), blockSize), (2 * blockSize - 2) * headDim)
      : blocks(closed(k), blockSize * headDim),
    values: blocks(closed(v), blockSize * headDim),
    landmarks: blocks(lastOfBlocks(filtered, count, blockSize), headDim),
    ...opened,
  };
}

/** What the token after `append` sees: the closed blocks before it, its own block with itself, and the cache to go on with. */
interface Appended {
  readonly before: Pick<BlockCache, 'keys' | 'values' | 'landmarks'>;
  readonly own: { readonly keys: tf.Tensor4D; readonly values: tf.Tensor4D };
  readonly next: BlockCache;
}

/**
 * Adds a token; a full block is closed. Consumes the cache.
 * @param token - key, value and filtered key, [B, d] each.
 */
export function appendToken(
  cache: BlockCache,
  token: { readonly key: tf.Tensor2D; readonly value: tf.Tensor2D; readonly landmark: tf.Tensor2D },
  { nHeads, headDim, blockSize, hasTree }: BlockLayout,
): Appended {
  const [batchSize] = token.key.shape;
  const row = (x: tf.Tensor) => x.reshape<tf.Tensor4D>([batchSize, nHeads, 1, headDim]);
  const keys = tf.concat([cache.openKeys, row(token.key)], 2);
  const values = tf.concat([cache.openValues, row(token.value)], 2);
  tf.dispose([cache.openKeys, cache.openValues]);
  const { keys: closedKeys, values: closedValues, landmarks } = cache;
  const before = { keys: closedKeys, values: closedValues, landmarks };
  if (keys.shape[2] < blockSize) {
    return { before, own: { keys, values }, next: { ...before, openKeys: keys, openValues: values } };
  }
  const flat = (x: tf.Tensor) => x.reshape<tf.Tensor4D>([batchSize, nHeads, 1, x.size / (batchSize * nHeads)]);
  const closing = hasTree ? blockTree(keys.reshape([batchSize * nHeads, blockSize, headDim]), blockSize) : keys;
  const next = {
    keys: tf.concat([closedKeys, flat(closing)], 2),
    values: tf.concat([closedValues, flat(values)], 2),
    landmarks: tf.concat([landmarks, row(token.landmark)], 2),
    openKeys: tf.zeros<tf.Rank.R4>([batchSize, nHeads, 0, headDim]),
    openValues: tf.zeros<tf.Rank.R4>([batchSize, nHeads, 0, headDim]),
  };
  return { before, own: { keys, values }, next };
}

/**
 * Hard retrieval and local attention of one token.
 *
 * @param q - [B, d]
 * @param appended - from {@link appendToken}; closed blocks that are not part of its `next` are freed.
 * @returns [B, d]
 */
export function retrieveFromCache(
  q: tf.Tensor2D,
  { before, own, next }: Appended,
  options: BlockLayout & { readonly topK: number; readonly scale: number },
): tf.Tensor2D {
  const { nHeads, headDim, blockSize, hasTree, topK, scale } = options;
  const [batchSize] = q.shape;
  const rows = batchSize * nHeads;
  const o = tf.tidy(() => {
    const queries = q.reshape<tf.Tensor3D>([rows, 1, headDim]);
    const scored = (k: tf.Tensor3D) => tf.matMul(queries, k, false, true).mul<tf.Tensor3D>(scale);
    let keys = own.keys.reshape<tf.Tensor3D>([rows, own.keys.shape[2], headDim]);
    let values = own.values.reshape<tf.Tensor3D>(keys.shape);
    const nBlocks = before.landmarks.shape[2];
    if (nBlocks > 0) {
      const landmarks = before.landmarks.reshape<tf.Tensor3D>([rows, nBlocks, headDim]);
      // Every closed block is visible, so no choice is missing.
      const blocks = selectBlocks(queries, landmarks, { blockSize, topK, offset: nBlocks * blockSize });
      const far = hasTree ? searched(blocks) : whole(blocks);
      keys = tf.concat([keys, far.keys], 1);
      values = tf.concat([values, far.values], 1);
    }
    return tf.matMul(tf.softmax(scored(keys)), values).reshape<tf.Tensor2D>([batchSize, nHeads * headDim]);

    function whole(blocks: tf.Tensor3D) {
      const read = (x: tf.Tensor4D) =>
        gatherUnits(x.reshape([rows, nBlocks, blockSize * headDim]), blocks).reshape<tf.Tensor3D>([rows, -1, headDim]);
      return { keys: read(before.keys), values: read(before.values) };
    }

    function searched(blocks: tf.Tensor3D) {
      const nodesPerBlock = 2 * blockSize - 2;
      const nodes = before.keys.reshape<tf.Tensor3D>([rows, nBlocks * nodesPerBlock, headDim]);
      const tokens = descendBlocks(queries, nodes, blocks, blockSize);
      // The leaves stand last among a block's nodes.
      const leaves = blocks
        .mul(nodesPerBlock - blockSize)
        .add(tokens)
        .add<tf.Tensor3D>(blockSize - 2)
        .toInt();
      return {
        keys: gatherUnits(nodes, leaves),
        values: gatherUnits(before.values.reshape([rows, nBlocks * blockSize, headDim]), tokens),
      };
    }
  });
  if (next.keys !== before.keys) tf.dispose(before);
  return o;
}
