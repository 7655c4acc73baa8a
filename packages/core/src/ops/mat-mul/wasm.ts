/** Matrix product on the wasm engine: every transpose, batches, broadcast batches, bias. */
import { GEMM_BLOCK, gemmScratchBytes, packedColumnsBytes, packedRowsBytes } from '../../engines/wasm/gemm.js';
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { code } from './kernel.generated.js';

/** A stack of matrices in memory: byte address, strides in elements; a batch stride of 0 repeats one matrix. */
export interface Matrices {
  readonly at: number;
  readonly batch: number;
  readonly row: number;
  readonly column: number;
}

/** Units of work per call: enough for any number of threads, few enough that each may have scratch of its own. */
const MOST_UNITS = 32;
/** Multiply-adds that a unit is not cut below. */
const SMALLEST_UNIT = 2 ** 19;
/** Parts of a long summed axis, the fewest terms of one, and elements of a result that is summed in parts at most. */
const MOST_PARTS = 8;
const SMALLEST_PART = 512;
const MOST_SUMMED = 2 ** 16;

/**
 * `c[batches, m, n] = a[batches, m, k] b[batches, k, n] + bias[n]`, or `c += a b`, from within a kernel whose code is that of
 * `mat-mul/kernel.as.ts`.
 */
export function multiply(
  wasm: WasmCall,
  {
    a,
    b,
    c,
    accumulate = false,
    bias = accumulate ? c : 0,
  }: { a: Matrices; b: Matrices; c: number; bias?: number; accumulate?: boolean },
  { batches, m, k, n }: { batches: number; m: number; k: number; n: number },
): void {
  const strides = [a.batch, a.row, a.column, b.batch, b.row, b.column];
  if (!accumulate && wasm.native('matMul', batches, m, k, n, ...strides, a.at, b.at, bias, c)) return;
  const parts = batches === 1 && bias === 0 && m * n <= MOST_SUMMED ? partsOf(k) : 1;
  if (parts > 1) {
    multiplyInParts(wasm, { a, b, c }, { parts, m, k, n });
    return;
  }
  const block = rowsPerUnit(wasm.threads, batches, m, k * n);
  if (b.batch === 0 && m > block && k > 0) {
    const packed = wasm.scratch(packedColumnsBytes(k, n));
    wasm.parallel('packShared', Math.ceil(n / 8), b.at, b.row, b.column, packed, k, n);
    const units = batches * Math.ceil(m / block);
    const scratch = wasm.scratch(units * packedRowsBytes(block, Math.min(k, GEMM_BLOCK.k)));
    wasm.parallel('multiplyShared', units, a.at, a.batch, a.row, a.column, packed, bias, c, m, k, n, block, scratch);
    return;
  }
  const units = Math.min(batches, MOST_UNITS);
  const scratchBytes = gemmScratchBytes(m, k, n);
  wasm.parallel(
    'multiplyBatches',
    units,
    a.at,
    a.batch,
    a.row,
    a.column,
    b.at,
    b.batch,
    b.row,
    b.column,
    bias,
    c,
    batches,
    units,
    m,
    k,
    n,
    wasm.scratch(units * scratchBytes),
    scratchBytes,
  );
}

/** By the sizes alone, not by threads: the order of the sums is part of the result. */
const partsOf = (k: number) => Math.min(MOST_PARTS, Math.floor(k / SMALLEST_PART));

/** A small `c = a b` over a long k, as of the gradient of a weight: parts of k are products of their own, then added up. */
function multiplyInParts(
  wasm: WasmCall,
  { a, b, c }: { a: Matrices; b: Matrices; c: number },
  { parts, m, k, n }: { parts: number; m: number; k: number; n: number },
): void {
  const depth = Math.floor(k / parts);
  const partials = wasm.scratch(4 * parts * m * n);
  const from = (p: number) => ({
    a: { ...a, at: a.at + 4 * p * a.column, batch: depth * a.column },
    b: { ...b, at: b.at + 4 * p * b.row, batch: depth * b.row },
    c: partials,
  });
  multiply(wasm, from(0), { batches: parts, m, k: depth, n });
  const rest = k - parts * depth;
  if (rest > 0) multiply(wasm, { ...from(parts * depth), accumulate: true }, { batches: 1, m, k: rest, n });
  wasm.parallel('columnSums', m * n, partials, parts, m * n, c);
}

/** Rows of a unit: a block of gemm, or less where that would leave threads without work worth having. */
function rowsPerUnit(threads: number, batches: number, m: number, perRow: number): number {
  if (threads === 1 || batches * Math.ceil(m / GEMM_BLOCK.m) >= 2 * threads) return GEMM_BLOCK.m;
  const rows = 4 * Math.ceil((m * batches) / (8 * threads));
  return rows * perRow < SMALLEST_UNIT ? GEMM_BLOCK.m : Math.min(rows, GEMM_BLOCK.m);
}

/** `to[n]` = the column sums of `x[m, n]`, from within a kernel whose code is that of `mat-mul/kernel.as.ts`. */
export function columnSums(wasm: WasmCall, x: number, to: number, m: number, n: number): void {
  const blocks = Math.max(1, Math.min(MOST_UNITS, m >> 4));
  const partials = wasm.scratch(4 * blocks * n);
  wasm.parallel('partialColumnSums', blocks, x, partials, m, n, blocks);
  wasm.parallel('columnSums', n, partials, blocks, n, to);
}

type Inputs = { a: tf.Tensor; b: tf.Tensor; bias?: tf.Tensor | undefined };
type Attrs = { transposeA: boolean; transposeB: boolean };

/** The kernel behind `tf.matMul`: a [..., m, k], b [..., k, n], each possibly stored transposed; bias [n]. */
export const matMulKernel: WasmKernel<Inputs, Attrs, { y: tf.Tensor }> = {
  code,
  run(wasm, { a, b, bias }, { transposeA, transposeB }) {
    const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
    const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
    const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    if (inner !== k) {
      throw new ShapeError(
        `matMul: expected equal inner sizes, got ${formatShape(a.shape)} and ${formatShape(b.shape)}.`,
      );
    }
    const [aShape, bShape] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
    const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(aShape, bShape);
    const y = wasm.output([...batchShape, m, n]);
    const left = { at: wasm.pointer(a), row: transposeA ? 1 : k, column: transposeA ? m : 1 };
    const right = { at: wasm.pointer(b), row: transposeB ? 1 : n, column: transposeB ? k : 1 };
    const biasAt = bias ? wasm.pointer(bias) : 0;
    for (const { first, count, aFirst, aStep, bFirst, bStep } of batchRuns(batchShape, aShape, bShape)) {
      // One b for a run of rows that lie one after the other: a single tall product.
      const tall = bStep === 0 && aStep === 1 && !transposeA;
      multiply(
        wasm,
        {
          a: { ...left, at: left.at + 4 * aFirst * m * k, batch: aStep * m * k },
          b: { ...right, at: right.at + 4 * bFirst * k * n, batch: bStep * k * n },
          c: wasm.pointer(y) + 4 * first * m * n,
          bias: biasAt,
        },
        tall ? { batches: 1, m: count * m, k, n } : { batches: count, m, k, n },
      );
    }
    return { y };
  },
};

interface BatchRun {
  readonly first: number;
  readonly count: number;
  readonly aFirst: number;
  readonly aStep: number;
  readonly bFirst: number;
  readonly bStep: number;
}

/** Divides the batches into runs along which a and b advance by a constant step, 0 or 1. */
function batchRuns(shape: readonly number[], aShape: readonly number[], bShape: readonly number[]): BatchRun[] {
  const count = tf.util.sizeFromShape([...shape]);
  const aCount = tf.util.sizeFromShape([...aShape]);
  const bCount = tf.util.sizeFromShape([...bShape]);
  if ((aCount === count || aCount === 1) && (bCount === count || bCount === 1)) {
    const [aStep, bStep] = [aCount === count ? 1 : 0, bCount === count ? 1 : 0];
    return [{ first: 0, count, aFirst: 0, aStep, bFirst: 0, bStep }];
  }
  return Array.from({ length: count }, (_, batch) => ({
    first: batch,
    count: 1,
    aFirst: broadcastIndex(batch, shape, aShape),
    aStep: 0,
    bFirst: broadcastIndex(batch, shape, bShape),
    bStep: 0,
  }));
}

/** The index in an array of `shape` that element `index` of its broadcast to `full` reads. */
function broadcastIndex(index: number, full: readonly number[], shape: readonly number[]): number {
  let [rest, stride, found] = [index, 1, 0];
  for (let axis = 1; axis <= full.length; axis += 1) {
    const own = shape.at(-axis) ?? 1;
    if (own > 1) found += (rest % (full.at(-axis) as number)) * stride;
    stride *= own;
    rest = Math.floor(rest / (full.at(-axis) as number));
  }
  return found;
}
