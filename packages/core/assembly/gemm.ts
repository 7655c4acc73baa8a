/**
 * Matrix products on packed panels, for kernels: c[m, n] = a[m, k] b[k, n] (or c += a b), float32.
 *
 * Pointers are byte addresses. Strides count elements: element (i, j) of a matrix x lies at
 * x + 4 (i xRow + j xColumn), so a transposed matrix is one with its strides swapped; c has columns of stride 1. Any
 * m, k, n >= 0 will do; no memory outside the matrices is read or written. Nothing needs alignment, but packed panels
 * are faster when aligned to 16 bytes.
 *
 * For a product in one call (all of a head, a chunk, a block of rows):
 *
 *   gemm(a, aRow, aColumn, b, bRow, bColumn, c, cRow, m, k, n, accumulate, scratch)
 *       scratch: gemmScratchBytes(m, k, n) bytes. Blocks for the caches; each element of c sums over k in the same
 *       order (blocks of BLOCK_K) however c is cut into calls, so results do not depend on the division of work.
 *
 * For operands used several times, or built by the kernel itself, pack once and multiply often:
 *
 *   packRows(to, a, aRow, aColumn, m, k)            row panels [ceil(m / 4)][k][4], zero-filled
 *   packColumns(to, b, bRow, bColumn, k, n)         column panels [ceil(n / 8)][k][8], zero-filled
 *   multiplyPacked(rows, columns, c, cRow, m, k, n, accumulate)
 *       sums over all of k in one go: keep k to BLOCK_K or so, to stay in the first cache.
 *   packedRowsBytes(m, k), packedColumnsBytes(k, n)
 *
 * A product costs 2 m k n FLOP; the micro-kernel holds 4 x 8 sums in eight registers (BLIS; van Zee and van de Geijn
 * 2015). The host side has the same sizes in `gemmScratchBytes` of `@mixerzoo/core`.
 */
import { madd } from './simd';

/** Blocks of gemm: rows of a, the summed axis, columns of b. The same numbers are in src/engines/wasm/gemm.ts. */
export const BLOCK_M: i32 = 64;
export const BLOCK_K: i32 = 256;
export const BLOCK_N: i32 = 1024;

/** Bytes of the row panels of a matrix of m rows and k columns. */
// @ts-ignore: decorator
@inline
export function packedRowsBytes(m: i32, k: i32): usize {
  return <usize>((m + 3) & ~3) * <usize>k * 4;
}

/** Bytes of the column panels of a matrix of k rows and n columns. */
// @ts-ignore: decorator
@inline
export function packedColumnsBytes(k: i32, n: i32): usize {
  return <usize>((n + 7) & ~7) * <usize>k * 4;
}

/** Bytes of scratch that `gemm` needs. */
export function gemmScratchBytes(m: i32, k: i32, n: i32): usize {
  const depth = min(k, BLOCK_K);
  return packedRowsBytes(min(m, BLOCK_M), depth) + packedColumnsBytes(depth, min(n, BLOCK_N));
}

/** c = a b, or c += a b. */
export function gemm(
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, bColumn: i32,
  c: usize, cRow: i32, m: i32, k: i32, n: i32, accumulate: bool, scratch: usize,
): void {
  if (k == 0) {
    if (!accumulate) for (let i = 0; i < m; i++) memory.fill(c + ((<usize>i * cRow) << 2), 0, <usize>n << 2);
    return;
  }
  const rows = scratch + packedColumnsBytes(min(k, BLOCK_K), min(n, BLOCK_N));
  for (let j = 0; j < n; j += BLOCK_N) {
    const width = min(n - j, BLOCK_N);
    for (let p = 0; p < k; p += BLOCK_K) {
      const depth = min(k - p, BLOCK_K);
      packColumns(scratch, b + ((<usize>p * bRow + <usize>j * bColumn) << 2), bRow, bColumn, depth, width);
      for (let i = 0; i < m; i += BLOCK_M) {
        const height = min(m - i, BLOCK_M);
        packRows(rows, a + ((<usize>i * aRow + <usize>p * aColumn) << 2), aRow, aColumn, height, depth);
        multiplyPacked(rows, scratch, c + ((<usize>i * cRow + <usize>j) << 2), cRow, height, depth, width, accumulate || p > 0);
      }
    }
  }
}

/** Row panels of a[m, k]: four rows side by side, [ceil(m / 4)][k][4]; missing rows are zero. */
export function packRows(to: usize, a: usize, aRow: i32, aColumn: i32, m: i32, k: i32): void {
  for (let i = 0; i < m; i += 4) {
    packPanel(to, 16, a + ((<usize>i * aRow) << 2), aRow, aColumn, min(m - i, 4), k);
    to += <usize>k << 4;
  }
}

/** Column panels of b[k, n]: eight columns side by side, [ceil(n / 8)][k][8]; missing columns are zero. */
export function packColumns(to: usize, b: usize, bRow: i32, bColumn: i32, k: i32, n: i32): void {
  for (let j = 0; j < n; j += 8) {
    const from = b + ((<usize>j * bColumn) << 2);
    const count = n - j;
    if (bColumn == 1 && count >= 8) {
      const step = <usize>bRow << 2;
      let source = from;
      for (let target = to, end = to + (<usize>k << 5); target < end; target += 32) {
        v128.store(target, v128.load(source));
        v128.store(target, v128.load(source, 16), 16);
        source += step;
      }
    } else {
      packPanel(to, 32, from, bColumn, bRow, min(count, 4), k);
      packPanel(to + 16, 32, from + ((<usize>4 * bColumn) << 2), bColumn, bRow, min(count - 4, 4), k);
    }
    to += <usize>k << 5;
  }
}

/**
 * Four lines of k elements side by side: element p of line l goes to `to + p step + 4 l`. Lines from `lines` on are
 * zero.
 */
function packPanel(to: usize, step: usize, from: usize, line: i32, along: i32, lines: i32, k: i32): void {
  const alongBytes = <usize>along << 2;
  if (lines == 4 && line == 1) {
    for (let p = 0; p < k; p++) {
      v128.store(to, v128.load(from));
      from += alongBytes;
      to += step;
    }
    return;
  }
  if (lines == 4) {
    const l1 = from + (<usize>line << 2);
    const l2 = l1 + (<usize>line << 2);
    const l3 = l2 + (<usize>line << 2);
    let at: usize = 0;
    let p = 0;
    if (along == 1) {
      for (; p + 4 <= k; p += 4) {
        const x0 = v128.load(from + at);
        const x1 = v128.load(l1 + at);
        const x2 = v128.load(l2 + at);
        const x3 = v128.load(l3 + at);
        const y0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
        const y1 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
        const y2 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
        const y3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
        v128.store(to, v128.shuffle<i64>(y0, y1, 0, 2));
        v128.store(to + step, v128.shuffle<i64>(y0, y1, 1, 3));
        v128.store(to + 2 * step, v128.shuffle<i64>(y2, y3, 0, 2));
        v128.store(to + 3 * step, v128.shuffle<i64>(y2, y3, 1, 3));
        at += 16;
        to += 4 * step;
      }
    }
    for (; p < k; p++) {
      store<f32>(to, load<f32>(from + at));
      store<f32>(to, load<f32>(l1 + at), 4);
      store<f32>(to, load<f32>(l2 + at), 8);
      store<f32>(to, load<f32>(l3 + at), 12);
      at += alongBytes;
      to += step;
    }
    return;
  }
  for (let p = 0; p < k; p++) {
    for (let l = 0; l < 4; l++) {
      store<f32>(to + (<usize>l << 2), l < lines ? load<f32>(from + ((<usize>l * line) << 2)) : 0);
    }
    from += alongBytes;
    to += step;
  }
}

/** c[m, n] = (or +=) the product of row panels of depth k and column panels of depth k. */
export function multiplyPacked(rows: usize, columns: usize, c: usize, cRow: i32, m: i32, k: i32, n: i32, accumulate: bool): void {
  multiplyPanels(rows, <usize>k << 4, columns, <usize>k << 5, c, cRow, m, k, n, accumulate);
}

/**
 * As `multiplyPacked`, for panels that lie `rowPanel` and `columnPanel` bytes apart: blocks of k of panels that were
 * packed whole.
 */
export function multiplyPanels(
  rows: usize, rowPanel: usize, columns: usize, columnPanel: usize,
  c: usize, cRow: i32, m: i32, k: i32, n: i32, accumulate: bool,
): void {
  for (let j = 0; j < n; j += 8) {
    let panel = rows;
    for (let i = 0; i < m; i += 4) {
      tile(panel, columns, k, c + ((<usize>i * cRow + <usize>j) << 2), cRow, m - i, n - j, accumulate);
      panel += rowPanel;
    }
    columns += columnPanel;
  }
}

/** The micro-kernel: a tile of up to 4 x 8 sums. */
// @ts-ignore: decorator
@inline
function tile(a: usize, b: usize, k: i32, c: usize, cRow: i32, height: i32, width: i32, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  // Not unrolled: V8 makes the fastest code of this form.
  for (const end = a + (<usize>k << 4); a < end; a += 16) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load_splat<f32>(a, 4);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load_splat<f32>(a, 8);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load_splat<f32>(a, 12);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    b += 32;
  }
  const step = <usize>cRow << 2;
  if (width >= 8 && height >= 4) {
    const r1 = c + step;
    const r2 = r1 + step;
    const r3 = r2 + step;
    if (accumulate) {
      c00 = f32x4.add(c00, v128.load(c));
      c01 = f32x4.add(c01, v128.load(c, 16));
      c10 = f32x4.add(c10, v128.load(r1));
      c11 = f32x4.add(c11, v128.load(r1, 16));
      c20 = f32x4.add(c20, v128.load(r2));
      c21 = f32x4.add(c21, v128.load(r2, 16));
      c30 = f32x4.add(c30, v128.load(r3));
      c31 = f32x4.add(c31, v128.load(r3, 16));
    }
    v128.store(c, c00);
    v128.store(c, c01, 16);
    v128.store(r1, c10);
    v128.store(r1, c11, 16);
    v128.store(r2, c20);
    v128.store(r2, c21, 16);
    v128.store(r3, c30);
    v128.store(r3, c31, 16);
    return;
  }
  storeRow(c, c00, c01, width, accumulate);
  if (height > 1) storeRow(c + step, c10, c11, width, accumulate);
  if (height > 2) storeRow(c + 2 * step, c20, c21, width, accumulate);
  if (height > 3) storeRow(c + 3 * step, c30, c31, width, accumulate);
}

/** The first `width` (up to 8) of eight sums. */
function storeRow(c: usize, low: v128, high: v128, width: i32, accumulate: bool): void {
  if (width >= 4) {
    storeVector(c, low, accumulate);
    if (width >= 8) storeVector(c + 16, high, accumulate);
    else storeLanes(c + 16, high, width - 4, accumulate);
  } else {
    storeLanes(c, low, width, accumulate);
  }
}

// @ts-ignore: decorator
@inline
function storeVector(c: usize, sums: v128, accumulate: bool): void {
  v128.store(c, accumulate ? f32x4.add(sums, v128.load(c)) : sums);
}

/** The first `count` (up to 3) of four sums. */
function storeLanes(c: usize, sums: v128, count: i32, accumulate: bool): void {
  if (count > 0) store<f32>(c, f32x4.extract_lane(sums, 0) + (accumulate ? load<f32>(c) : 0));
  if (count > 1) store<f32>(c, f32x4.extract_lane(sums, 1) + (accumulate ? load<f32>(c, 4) : 0), 4);
  if (count > 2) store<f32>(c, f32x4.extract_lane(sums, 2) + (accumulate ? load<f32>(c, 8) : 0), 8);
}
