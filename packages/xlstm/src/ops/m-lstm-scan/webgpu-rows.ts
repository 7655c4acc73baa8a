/**
 * What the kernels for webgpu are made of: rows of tokens brought into chunks, what gates make of a chunk, and states carried from chunk to
 * chunk. A matrix is a chunk of a head, [C, w], the first chunks of all heads before the second ones; letters as in reference.ts.
 *
 * Between a chunk's tokens logarithms are summed from s on, never as differences; no exponent is positive.
 */
import type { tf } from '@mixerzoo/core';
import { EACH_ELEMENT, elementwise, forEachElement, multiply, type WebgpuCall } from '@mixerzoo/core/kernels';
import { CHUNK, EMPTY } from './reference.js';
import type { Attrs, Inputs } from './types.js';

export interface Sizes {
  readonly batch: number;
  readonly length: number;
  readonly nHeads: number;
  readonly headK: number;
  readonly headV: number;
  /** B H */
  readonly units: number;
  /** Tokens of a chunk, C. */
  readonly chunk: number;
  /** Chunks of a sequence. */
  readonly chunks: number;
  /** Chunks of all heads. */
  readonly matrices: number;
}

export function sizesOf({ q, v }: Inputs, { nHeads }: Attrs): Sizes {
  const [batch, length, width] = q.shape;
  const units = batch * nHeads;
  const chunk = Math.min(CHUNK, length);
  const chunks = Math.ceil(length / chunk);
  const [headK, headV] = [width / nHeads, v.shape[2] / nHeads];
  return { batch, length, nHeads, headK, headV, units, chunk, chunks, matrices: units * chunks };
}

/** The uniforms of {@link ROWS}. */
export const places = ({ length, nHeads, units, chunk }: Sizes) => ({ length, nHeads, units, chunk });

/** WGSL of the way between rows of chunks and tokens of heads, [B, L, H] flat; of a row past the end it is -1. */
export const ROWS = `
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}
fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}
`;

/** Runs `code` for every i of `size`, with {@link ROWS}. */
export function eachOf(
  gpu: WebgpuCall,
  sizes: Sizes,
  size: number,
  { code, read, write, integers = {}, floats = {} }: Omit<Parameters<WebgpuCall['dispatch']>[0], 'workgroups'>,
): void {
  gpu.dispatch({
    code: `${ROWS}${EACH_ELEMENT}${code}\n}`,
    read,
    write,
    integers: { size, ...places(sizes), ...integers },
    floats,
    workgroups: forEachElement(gpu, size),
  });
}

/** Rows of x [B, L, H w] in chunks, [matrices, C, w], zeros past the end, times a factor. */
export function inChunks(gpu: WebgpuCall, sizes: Sizes, x: tf.Tensor, width: number, factor = 1): tf.Tensor {
  const to = gpu.scratch([sizes.matrices, sizes.chunk, width]);
  elementwise(
    gpu,
    { x },
    to,
    'select(0.0, u.factor * x[max(tokenOf(i / u.width), 0) * u.width + i % u.width], tokenOf(i / u.width) >= 0)',
    {
      integers: { ...places(sizes), width },
      floats: { factor },
      functions: ROWS,
    },
  );
  return to;
}

/** What gates make of every chunk. */
export interface GateRows {
  /** D [matrices, C, C]; e^{D - M}, with zeros where s > r. */
  readonly logD: tf.Tensor;
  readonly weights: tf.Tensor;
  /** Of every row: max_s D; b; e^{b + m - M}; e^{-M}; e^{D[last, row] - m'}. */
  readonly largest: tf.Tensor;
  readonly fromStart: tf.Tensor;
  readonly reading: tf.Tensor;
  readonly floors: tf.Tensor;
  readonly writing: tf.Tensor;
  /** e^{b_last + m - m'} of every matrix. */
  readonly kept: tf.Tensor;
}

/** The gates of all chunks; `maxima` [n + 1, B H], the m before every chunk and after the last, is written where it is to be. */
function gateRows(
  gpu: WebgpuCall,
  sizes: Sizes,
  { i, logF, initialM }: Pick<Inputs, 'i' | 'logF' | 'initialM'>,
  maxima: tf.Tensor,
  known: boolean,
): GateRows {
  const { matrices, chunk, chunks, units } = sizes;
  const rows = matrices * chunk;
  const scratch = (size: number) => gpu.scratch([size]);
  const [logD, weights] = [scratch(rows * chunk), scratch(rows * chunk)];
  const [largest, fromStart, reading, floors, writing] = Array.from({ length: 5 }, () => scratch(rows)) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const kept = scratch(matrices);
  // A thread per column s of a chunk.
  eachOf(gpu, sizes, rows, {
    code: `
  let s = i % u.chunk;
  let first = i - s;
  let own = tokenOf(i);
  var input = ${EMPTY};
  if (own >= 0) { input = gate[own]; }
  var sum = 0.0;
  for (var r = 0; r < u.chunk; r++) {
    let token = tokenOf(first + r);
    if (r > s && token >= 0) { sum += forget[token]; }
    logD[(first + r) * u.chunk + s] = select(${EMPTY}, sum + input, r >= s);
  }`,
    read: { gate: i, forget: logF },
    write: { logD },
  });
  // A thread per row r.
  eachOf(gpu, sizes, rows, {
    code: `
  let r = i % u.chunk;
  var most = ${EMPTY};
  var sum = 0.0;
  for (var s = 0; s <= r; s++) {
    most = max(most, logD[i * u.chunk + s]);
    let token = tokenOf(i - r + s);
    if (token >= 0) { sum += forget[token]; }
  }
  largest[i] = most;
  fromStart[i] = sum;`,
    read: { forget: logF, logD },
    write: { largest, fromStart },
  });
  if (!known) {
    eachOf(gpu, sizes, units, {
      code: `
  var m = ${initialM ? 'initialM[i]' : EMPTY};
  maxima[i] = m;
  for (var n = 0; n < u.chunks; n++) {
    let last = (n * u.units + i + 1) * u.chunk - 1;
    m = max(largest[last], m + fromStart[last]);
    maxima[(n + 1) * u.units + i] = m;
  }`,
      read: { largest, fromStart, ...(initialM && { initialM }) },
      write: { maxima },
      integers: { chunks },
    });
  }
  eachOf(gpu, sizes, rows, {
    code: `
  let matrix = i / u.chunk;
  let last = (matrix + 1) * u.chunk - 1;
  let carried = fromStart[i] + maxima[matrix];
  let bound = max(0.0, max(largest[i], carried));
  reading[i] = exp(carried - bound);
  floors[i] = exp(-bound);
  writing[i] = exp(logD[last * u.chunk + i % u.chunk] - maxima[matrix + u.units]);
  if (i == last) { kept[matrix] = exp(carried - maxima[matrix + u.units]); }`,
    read: { logD, largest, fromStart, maxima },
    write: { reading, floors, writing, kept },
  });
  elementwise(
    gpu,
    { logD, largest, fromStart, maxima },
    weights,
    'exp(logD[i] - max(0.0, max(largest[i / u.chunk], fromStart[i / u.chunk] + maxima[i / (u.chunk * u.chunk)])))',
    { integers: { chunk } },
  );
  return { logD, weights, largest, fromStart, reading, floors, writing, kept };
}

/** x [matrices, C, w], row by row times `factors`. */
export function weighted(gpu: WebgpuCall, x: tf.Tensor, factors: tf.Tensor, width: number): tf.Tensor {
  const to = gpu.scratch([x.size]);
  elementwise(gpu, { x, factors }, to, 'factors[i / u.width] * x[i]', { integers: { width } });
  return to;
}

/** Sums over the rows of every matrix of x [matrices, C, w], times `factors` where there are any: [matrices, w]. */
export function sumOfRows(
  gpu: WebgpuCall,
  { matrices, chunk }: Sizes,
  x: tf.Tensor,
  width: number,
  factors?: tf.Tensor,
): tf.Tensor {
  const to = gpu.scratch([matrices, width]);
  elementwise(gpu, { x, ...(factors && { factors }) }, to, 'sumAt(i / u.width, i % u.width)', {
    integers: { width, chunk },
    functions: `
fn sumAt(matrix: i32, column: i32) -> f32 {
  var sum = 0.0;
  for (var row = matrix * u.chunk; row < (matrix + 1) * u.chunk; row++) { sum += ${factors ? 'factors[row] * ' : ''}x[row * u.width + column]; }
  return sum;
}`,
  });
  return to;
}

/**
 * States [n + 1, B H, w] of what every chunk adds, [matrices, w]: forwards from `initial`, that of chunk n before it and the last at the
 * end; or backwards, that of chunk n after it, and at the end the one before the first.
 */
export function carry(
  gpu: WebgpuCall,
  { units, chunks }: Sizes,
  {
    added,
    kept,
    initial,
    to,
    direction,
  }: {
    added: tf.Tensor;
    kept: tf.Tensor;
    initial: tf.Tensor | undefined;
    to: tf.Tensor;
    direction: 'forward' | 'backward';
  },
): void {
  const size = to.size / (chunks + 1);
  const forward = direction === 'forward';
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  var state = ${initial ? 'initial[i]' : '0.0'};
  for (var step = 0; step < u.chunks; step++) {
    let n = ${forward ? 'step' : 'u.chunks - 1 - step'};
    states[n * u.size + i] = state;
    state = kept[n * u.units + i / (u.size / u.units)] * state + added[n * u.size + i];
  }
  states[u.chunks * u.size + i] = state;
}`,
    read: { added, kept, ...(initial && { initial }) },
    write: { states: to },
    integers: { size, chunks, units },
    workgroups: forEachElement(gpu, size),
  });
}

/** Queries times scale, keys and values in chunks; gates; P [matrices, C, C] and its rows' sums, without those of states. */
export function prepare(
  gpu: WebgpuCall,
  sizes: Sizes,
  inputs: Inputs,
  { scale }: Attrs,
  maxima: tf.Tensor,
  known: boolean,
) {
  const { matrices, chunk, headK, headV } = sizes;
  const queries = inChunks(gpu, sizes, inputs.q, headK, scale);
  const keys = inChunks(gpu, sizes, inputs.k, headK);
  const values = inChunks(gpu, sizes, inputs.v, headV);
  const gates = gateRows(gpu, sizes, inputs, maxima, known);
  const products = gpu.scratch([matrices, chunk, chunk]);
  multiply(
    gpu,
    { a: { tensor: queries }, b: { tensor: keys, transposed: true }, c: { tensor: products } },
    { batches: matrices, m: chunk, k: headK, n: chunk },
  );
  const pairs = gpu.scratch([matrices, chunk, chunk]); // P
  elementwise(gpu, { products, weights: gates.weights }, pairs, 'products[i] * weights[i]');
  return { queries, keys, values, gates, pairs };
}

/** n . q' of every row, with what states add. */
export function normsOfRows(
  gpu: WebgpuCall,
  sizes: Sizes,
  { pairs, queries, gates, norms }: { pairs: tf.Tensor; queries: tf.Tensor; gates: GateRows; norms: tf.Tensor },
): tf.Tensor {
  const totals = gpu.scratch([sizes.matrices * sizes.chunk]);
  eachOf(gpu, sizes, totals.size, {
    code: `
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) { sum += queries[i * u.headK + k] * norms[i / u.chunk * u.headK + k]; }
  sum *= reading[i];
  for (var s = 0; s <= i % u.chunk; s++) { sum += pairs[i * u.chunk + s]; }
  totals[i] = sum;`,
    read: { pairs, queries, norms, reading: gates.reading },
    write: { totals },
    integers: { headK: sizes.headK },
  });
  return totals;
}
