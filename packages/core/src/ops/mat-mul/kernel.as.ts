/**
 * Batched products of matrices given by strides (in elements), with a bias; a bias that is c itself has the product added to it.
 * Derivation: assembly/gemm.ts.
 */
import { addInto, blockStart, sumPartials } from '@mixerzoo/core/assembly/reduce';
import { BLOCK_K, gemm, multiplyPanels, packColumns, packedRowsBytes, packRows } from '@mixerzoo/core/assembly/gemm';

/** Column panels [start, end) of b[k, n], whole in k. */
export function packShared(b: usize, bRow: i32, bColumn: i32, to: usize, k: i32, n: i32, start: i32, end: i32): void {
  const from = start << 3;
  packColumns(to + ((<usize>start * k) << 5), b + ((<usize>from * bColumn) << 2), bRow, bColumn, k, min(n, end << 3) - from);
}

/**
 * c[batch, m, n] = a b + bias for one b, packed by `packShared`. Unit: a block of `block` rows of one batch. Scratch:
 * packedRowsBytes(block, min(k, BLOCK_K)) per unit.
 */
export function multiplyShared(
  a: usize, aBatch: i32, aRow: i32, aColumn: i32, packed: usize, bias: usize,
  c: usize, m: i32, k: i32, n: i32, block: i32, scratch: usize, start: i32, end: i32,
): void {
  const blocks = (m + block - 1) / block;
  const rows = scratch + <usize>start * packedRowsBytes(block, min(k, BLOCK_K));
  for (let unit = start; unit < end; unit++) {
    const batch = unit / blocks;
    const i = (unit % blocks) * block;
    const height = min(m - i, block);
    const left = a + ((<usize>batch * aBatch + <usize>i * aRow) << 2);
    const to = c + (((<usize>batch * m + i) * n) << 2);
    if (bias != 0 && bias != c) fillRows(to, bias, height, n);
    for (let p = 0; p < k; p += BLOCK_K) {
      const depth = min(k - p, BLOCK_K);
      packRows(rows, left + ((<usize>p * aColumn) << 2), aRow, aColumn, height, depth);
      multiplyPanels(
        rows, <usize>depth << 4, packed + (<usize>p << 5), <usize>k << 5, to, n, height, depth, n, bias != 0 || p > 0,
      );
    }
  }
}

/**
 * c[batch, m, n] = a b + bias, each batch by itself. Unit u of `units`: the batches [u batches / units,
 * (u + 1) batches / units). Scratch: `scratchBytes` = gemmScratchBytes(m, k, n) per unit.
 */
export function multiplyBatches(
  a: usize, aBatch: i32, aRow: i32, aColumn: i32, b: usize, bBatch: i32, bRow: i32, bColumn: i32, bias: usize,
  c: usize, batches: i32, units: i32, m: i32, k: i32, n: i32, scratch: usize, scratchBytes: i32, start: i32, end: i32,
): void {
  const last = <i32>((<i64>end * batches) / units);
  for (let batch = <i32>((<i64>start * batches) / units); batch < last; batch++) {
    const to = c + ((<usize>batch * m * n) << 2);
    if (bias != 0 && bias != c) fillRows(to, bias, m, n);
    gemm(
      a + ((<usize>batch * aBatch) << 2), aRow, aColumn, b + ((<usize>batch * bBatch) << 2), bRow, bColumn,
      to, n, m, k, n, bias != 0, scratch + <usize>start * scratchBytes,
    );
  }
}

function fillRows(to: usize, row: usize, m: i32, n: i32): void {
  for (let i = 0; i < m; i++) memory.copy(to + ((<usize>i * n) << 2), row, <usize>n << 2);
}

/** Partial column sums of x[m, n]: block b of `blocks` goes to partials[b, n]. */
export function partialColumnSums(x: usize, partials: usize, m: i32, n: i32, blocks: i32, start: i32, end: i32): void {
  for (let block = start; block < end; block++) {
    const to = partials + ((<usize>block * n) << 2);
    memory.fill(to, 0, <usize>n << 2);
    const last = blockStart(block + 1, blocks, m);
    for (let i = blockStart(block, blocks, m); i < last; i++) addInto(to, x + ((<usize>i * n) << 2), n);
  }
}

/** Adds the partial sums up: to[i] for i in [start, end). */
export function columnSums(partials: usize, blocks: i32, n: i32, to: usize, start: i32, end: i32): void {
  sumPartials(partials, blocks, n, to, start, end);
}
