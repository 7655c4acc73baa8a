/**
 * Block attention on the webgpu engine: a workgroup of 64 threads per query, and for dK and dV one per key.
 *
 * What a query may see is numbered by place: the tokens of its own block, then those of each retrieved unit; `seen` places in all.
 * Scores are computed 64 places at a time, eight threads to a place, so that reads are of neighbouring columns; values are added
 * with a thread per column. The backward pass keeps weights and slopes [G, L, seen]; a key then sums over the queries that name
 * it, in their order: no atomics.
 */
import type { tf } from '@mixerzoo/core';
import {
  eachLine,
  type GradientInputs,
  type Gradients,
  type WebgpuCall,
  type WebgpuKernel,
  workgroupReductions,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Threads of a workgroup. */
export const THREADS = 64;
/** Threads that share a place. */
const SHARERS = 8;
/** Between the shares of two sharers: four banks apart, so that writing and reading meet every bank. */
const PITCH = THREADS + 4;

export const MASKED = '-1e30';

export const blockAttention: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const { q, k, v, retrieved } = inputs;
    const o = gpu.output(q.shape);
    const columns = columnsOf(q);
    gpu.dispatch({
      code: `${workgroupReductions(gpu, THREADS, ['total', 'highest'])}${places(retrieved)}${dots('score', 'q', 'k')}
var<workgroup> weights: array<f32, ${THREADS}>;
${eachLine(THREADS)}
  let t = line % u.length;
  ${columns.map((column) => `var sum${column} = 0.0;`).join('\n')}
  var largest = ${MASKED};
  var share = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += ${THREADS}) {
    let x = select(${MASKED}, score(line, i0, local) * u.scale, tokens[local] >= 0);
    let top = max(largest, highest(x, local));
    let factor = exp(largest - top);
    largest = top;
    let weight = select(0.0, exp(x - top), tokens[local] >= 0);
    share = share * factor + weight;
    weights[local] = weight;
    ${columns.map((column) => `sum${column} *= factor;`).join('\n')}
    workgroupBarrier();
    ${addRows('weights', 'v', columns)}
    workgroupBarrier();
  }
  let all = total(share, local);
  ${store('o', 'line', columns, (sum) => `${sum} / all`)}
}`,
      read: { q, k, v, ...(retrieved && { retrieved }) },
      write: { o },
      ...launch(gpu, inputs, attrs),
    });
    return { o };
  },
};

export const blockAttentionGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { dO, ...inputs }, attrs) {
    const { q, k, v, retrieved } = inputs;
    const columns = columnsOf(q);
    const dQ = gpu.output(q.shape);
    const { integers, floats, workgroups } = launch(gpu, inputs, attrs);
    const size = integers.lines * integers.seen;
    const [weights, slopes] = [gpu.scratch([size]), gpu.scratch([size])];
    gpu.dispatch({
      code: `${workgroupReductions(gpu, THREADS, ['total', 'highest'])}${places(retrieved)}${dots('score', 'q', 'k')}${dots('slopeOf', 'dO', 'v')}
var<workgroup> rowSlopes: array<f32, ${THREADS}>;
${eachLine(THREADS)}
  let t = line % u.length;
  let at = line * u.seen + local; // every thread reads again what it wrote alone
  var largest = ${MASKED};
  for (var i0 = 0; i0 < u.seen; i0 += ${THREADS}) {
    let x = select(${MASKED}, score(line, i0, local) * u.scale, tokens[local] >= 0);
    if (i0 + local < u.seen) { weights[at + i0] = x; }
    largest = max(largest, x);
  }
  largest = highest(largest, local);
  var share = 0.0;
  var term = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += ${THREADS}) {
    let slope = slopeOf(line, i0, local);
    if (i0 + local < u.seen) {
      let weight = select(0.0, exp(weights[at + i0] - largest), tokens[local] >= 0);
      weights[at + i0] = weight;
      slopes[at + i0] = slope;
      share += weight;
      term += weight * slope;
    }
  }
  let all = total(share, local);
  let rowTerm = total(term, local) / all;
  ${columns.map((column) => `var sum${column} = 0.0;`).join('\n')}
  for (var i0 = 0; i0 < u.seen; i0 += ${THREADS}) {
    tokens[local] = tokenAt(line, i0 + local);
    var slope = 0.0;
    if (i0 + local < u.seen) {
      let weight = weights[at + i0] / all;
      slope = weight * (slopes[at + i0] - rowTerm) * u.scale;
      weights[at + i0] = weight;
      slopes[at + i0] = slope;
    }
    rowSlopes[local] = slope;
    workgroupBarrier();
    ${addRows('rowSlopes', 'k', columns)}
    workgroupBarrier();
  }
  ${store('dQ', 'line', columns, (sum) => sum)}
}`,
      read: { q, k, v, dO, ...(retrieved && { retrieved }) },
      write: { dQ, weights, slopes },
      integers,
      floats,
      workgroups,
    });

    const { dK, dV } = sumOverQueries(gpu, { q, dO, retrieved, weights, slopes }, integers);
    return { q: dQ, k: dK, v: dV, retrieved: null };
  },
};

/**
 * dK and dV [G, L, p] of the weights and slopes [G, L, `seen`] that queries give to their places: a workgroup per key sums over the
 * queries that see it, in their order.
 */
export function sumOverQueries(
  gpu: WebgpuCall,
  inputs: Record<'q' | 'dO', tf.Tensor3D> & Record<'weights' | 'slopes', tf.Tensor> & Pick<Inputs, 'retrieved'>,
  integers: ReturnType<typeof launch>['integers'],
): { dK: tf.Tensor3D; dV: tf.Tensor3D } {
  const { q, dO, retrieved, weights, slopes } = inputs;
  const columns = columnsOf(q);
  const [dK, dV] = [gpu.output(q.shape), gpu.output(q.shape)];
  const twoSums = (query: string, place: string) =>
    columns
      .map(
        (column) =>
          `if (local + ${column} < u.width) { keySum${column} += slopes[${place}] * q[${query} * u.width + local + ${column}]; valueSum${column} += weights[${place}] * dO[${query} * u.width + local + ${column}]; }`,
      )
      .join('\n');
  gpu.dispatch({
    code: `
var<workgroup> named: array<i32, ${THREADS}>;
${eachLine(THREADS)}
  let s = line % u.length;
  let first = line - s;
  let begin = s - s % u.block;
  ${columns.map((column) => `var keySum${column} = 0.0; var valueSum${column} = 0.0;`).join('\n')}
  for (var t = s; t < min(u.length, begin + u.block); t++) {
    let query = first + t;
    let place = query * u.seen + s - begin;
    ${twoSums('query', 'place')}
  }
  ${
    retrieved
      ? `for (var e0 = 0; e0 < u.length * u.count; e0 += ${THREADS}) {
    let e = e0 + local;
    let index = select(-1, retrieved[first * u.count + min(e, u.length * u.count - 1)], e < u.length * u.count);
    let query = first + e / u.count;
    named[local] = select(-1, query * u.seen + u.block + e % u.count * u.unit + s % u.unit, index == s / u.unit);
    workgroupBarrier();
    for (var j = 0; j < min(${THREADS}, u.length * u.count - e0); j++) {
      let place = named[j];
      if (place >= 0) {
        let query = place / u.seen;
        ${twoSums('query', 'place')}
      }
    }
    workgroupBarrier();
  }`
      : ''
  }
  ${store('dK', 'line', columns, (_, column) => `keySum${column}`)}
  ${store('dV', 'line', columns, (_, column) => `valueSum${column}`)}
}`,
    read: { q, dO, weights, slopes, ...(retrieved && { retrieved }) },
    write: { dK, dV },
    integers,
    workgroups: gpu.grid(integers.lines),
  });
  return { dK, dV };
}

/** WGSL of `tokenAt(line, i)`: the row of the token at place i of a query, -1 if there is none or it is unseen. */
export function places(retrieved: tf.Tensor | undefined): string {
  return `
var<workgroup> tokens: array<i32, ${THREADS}>;
fn tokenAt(line: i32, i: i32) -> i32 {
  let t = line % u.length;
  let first = line - t;
  if (i < u.block) {
    let s = t - t % u.block + i;
    return select(-1, first + s, s <= t);
  }
  if (i >= u.seen) { return -1; }
  ${
    retrieved
      ? `let index = retrieved[line * u.count + (i - u.block) / u.unit];
  let s = index * u.unit + (i - u.block) % u.unit;
  return select(-1, first + s, index >= 0 && s < u.length);`
      : 'return -1;'
  }
}
`;
}

/**
 * WGSL of a function of the query's row and the first of 64 places: `left . right` at the thread's place, 0 where nothing is
 * seen. Leaves the places' tokens in `tokens`; a thread that reads those of others must be waited for before the next call.
 */
export function dots(name: string, left: string, right: string, at = 'tokenAt'): string {
  return `
var<workgroup> ${name}Parts: array<f32, ${SHARERS * PITCH}>;
fn ${name}(line: i32, i0: i32, local: i32) -> f32 {
  tokens[local] = ${at}(line, i0 + local);
  workgroupBarrier();
  for (var j = local / ${SHARERS}; j < ${THREADS}; j += ${THREADS / SHARERS}) {
    let token = tokens[j];
    var sum = 0.0;
    if (token >= 0) {
      for (var c = local % ${SHARERS}; c < u.width; c += ${SHARERS}) { sum += ${left}[line * u.width + c] * ${right}[token * u.width + c]; }
    }
    ${name}Parts[local % ${SHARERS} * ${PITCH} + j] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var e = 0; e < ${SHARERS}; e++) { sum += ${name}Parts[e * ${PITCH} + local]; }
  return sum;
}
`;
}

/** Adds the rows of the 64 tokens, each times its factor, to the thread's columns. */
export function addRows(factors: string, rows: string, columns: readonly number[], most = 'u.seen'): string {
  return `for (var j = 0; j < min(${THREADS}, ${most} - i0); j++) {
      let token = tokens[j];
      if (token >= 0) {
        ${columns.map((column) => `if (local + ${column} < u.width) { sum${column} += ${factors}[j] * ${rows}[token * u.width + local + ${column}]; }`).join('\n')}
      }
    }`;
}

export function store(
  name: string,
  row: string,
  columns: readonly number[],
  value: (sum: string, column: number) => string,
): string {
  return columns
    .map(
      (column) =>
        `if (local + ${column} < u.width) { ${name}[${row} * u.width + local + ${column}] = ${value(`sum${column}`, column)}; }`,
    )
    .join('\n');
}

/** First columns of the runs of 64 that threads own one of each. */
export function columnsOf({ shape }: tf.Tensor3D): number[] {
  return Array.from({ length: Math.ceil(shape[2] / THREADS) }, (_, run) => run * THREADS);
}

export function launch(gpu: WebgpuCall, { q, retrieved }: Inputs, { blockSize, unit, scale }: Attrs) {
  const [rows, length, width] = q.shape;
  const count = retrieved?.shape[2] ?? 0;
  return {
    integers: { lines: rows * length, length, width, block: blockSize, unit, count, seen: blockSize + count * unit },
    floats: { scale },
    workgroups: gpu.grid(rows * length),
  };
}
