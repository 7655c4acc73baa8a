/**
 * Attention to chosen blocks on the webgpu engine: a workgroup of 64 threads per query, and for dK, dV and dLandmarks one per row.
 *
 * Places of a query are numbered as in block attention, its own block first, then `count` chosen ones; behind these `seen` places are
 * those of the chosen landmarks. Weights and slopes [G, L, seen + count] are held; with y a landmark's score, or the
 * log-sum-exp of the own block's, a block's share is the softmax of the y, spread by the softmax within the block.
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
import { addRows, columnsOf, dots, MASKED, places, store, sumOverQueries, THREADS } from '../block-attention/webgpu.js';
import type { Attrs, ChosenInputs, Outputs } from './types.js';
import { groupedAttention, groupedAttentionGradient } from './webgpu.js';

/** With landmarks there: the tensors, and the sizes that every dispatch is given. */
interface Query {
  readonly tensors: Record<'q' | 'k' | 'v' | 'landmarks' | 'retrieved', tf.Tensor3D>;
  readonly integers: Record<
    'lines' | 'length' | 'width' | 'block' | 'unit' | 'count' | 'seen' | 'marks' | 'stride',
    number
  >;
  readonly scale: number;
}

export const chosenAttention: WebgpuKernel<ChosenInputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const query = queryOf(inputs, attrs);
    if (!query) return groupedAttention.run(gpu, inputs, attrs);
    const { weights } = weigh(gpu, query);
    return { o: mix(gpu, query, { factors: weights, rows: query.tensors.v }) };
  },
};

export const chosenAttentionGradient: WebgpuKernel<
  GradientInputs<ChosenInputs, Outputs>,
  Attrs,
  Gradients<ChosenInputs>
> = {
  run(gpu, { dO, ...inputs }, attrs) {
    const query = queryOf(inputs, attrs);
    if (!query) return { ...groupedAttentionGradient.run(gpu, { dO, ...inputs }, attrs), chosen: null };
    const { q, k, landmarks, retrieved } = query.tensors;
    const { weights, slopes } = weigh(gpu, query, dO);
    const dQ = mix(gpu, query, { factors: slopes, rows: k, landmarks });
    // To the keys a query's places lie `stride` apart.
    const byStride = { ...query.integers, seen: query.integers.stride };
    const { dK, dV } = sumOverQueries(gpu, { q, dO, retrieved, weights, slopes }, byStride);
    return { q: dQ, k: dK, v: dV, landmarks: sumOverChoices(gpu, query, slopes), chosen: null };
  },
};

/** Undefined without landmarks: then nothing can be chosen. */
function queryOf({ chosen, landmarks, ...rest }: ChosenInputs, { blockSize, scale }: Attrs): Query | undefined {
  if (!landmarks) return undefined;
  const [rows, length, width] = rest.q.shape;
  const [count, marks] = [chosen.shape[2], landmarks.shape[1]];
  const seen = blockSize * (count + 1);
  const sizes = { lines: rows * length, length, width, block: blockSize, unit: blockSize, count };
  return {
    tensors: { ...rest, landmarks, retrieved: chosen },
    integers: { ...sizes, seen, marks, stride: seen + count },
    scale,
  };
}

/** WGSL of `markAt(line, c)`: the row of the landmark that query chose at c, -1 if there is none. */
const MARKS = `
fn markAt(line: i32, c: i32) -> i32 {
  if (c >= u.count) { return -1; }
  let m = retrieved[line * u.count + c];
  return select(-1, line / u.length * u.marks + m, m >= 0);
}
`;

/** Weights of places; with dO the slopes of their scaled scores too. */
function weigh(gpu: WebgpuCall, { tensors, integers, scale }: Query, dO?: tf.Tensor3D) {
  const { q, k, v, landmarks, retrieved } = tensors;
  const [weights, slopes] = [
    gpu.scratch([integers.lines * integers.stride]),
    gpu.scratch([dO ? integers.lines * integers.stride : 0]),
  ];
  const backward = (lines: string) => (dO ? lines : '');
  // A thread per block: 0 is the query's own, behind it the chosen ones.
  const eachBlock = (lines: string) => `for (var r = local; r <= u.count; r += ${THREADS}) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    ${lines}
  }`;
  gpu.dispatch({
    code: `${workgroupReductions(gpu, THREADS, ['total', 'highest'])}${places(retrieved)}${MARKS}${dots('score', 'q', 'k')}${dots('markScore', 'q', 'landmarks', 'markAt')}${backward(dots('slopeOf', 'dO', 'v'))}
${eachLine(THREADS)}
  let at = line * u.stride;
  for (var i0 = 0; i0 < u.seen; i0 += ${THREADS}) {
    let x = select(${MASKED}, score(line, i0, local) * u.scale, tokens[local] >= 0);
    if (i0 + local < u.seen) { weights[at + i0 + local] = x; }
    ${backward(`let slope = slopeOf(line, i0, local);
    if (i0 + local < u.seen) { slopes[at + i0 + local] = slope; }`)}
  }
  for (var c0 = 0; c0 < u.count; c0 += ${THREADS}) {
    let y = select(${MASKED}, markScore(line, c0, local) * u.scale, tokens[local] >= 0);
    if (c0 + local < u.count) { weights[at + u.seen + c0 + local] = y; }
  }
  storageBarrier();
  var ownScore = ${MASKED};
  ${backward('var ownMean = 0.0;')}
  var largest = ${MASKED};
  ${eachBlock(`var top = ${MASKED};
    for (var e = first; e < first + u.block; e++) { top = max(top, weights[e]); }
    var sum = 0.0;
    ${backward('var mean = 0.0;')}
    for (var e = first; e < first + u.block; e++) {
      let weight = select(0.0, exp(weights[e] - top), weights[e] > ${MASKED});
      weights[e] = weight;
      sum += weight;
      ${backward('mean += weight * slopes[e];')}
    }
    sum = select(sum, 1.0, sum == 0.0); // nothing chosen
    for (var e = first; e < first + u.block; e++) { weights[e] /= sum; }
    if (r == 0) {
      ownScore = top + log(sum);
      largest = max(largest, ownScore);
      ${backward('ownMean = mean / sum;')}
    } else {
      largest = max(largest, weights[mark]);
      ${backward('slopes[mark] = mean / sum;')}
    }`)}
  largest = highest(largest, local);
  var share = 0.0;
  ${backward('var term = 0.0;')}
  ${eachBlock(`var y = ownScore;
    if (r > 0) { y = weights[mark]; }
    let part = exp(y - largest);
    share += part;
    ${backward(`var mean = ownMean;
    if (r > 0) { mean = slopes[mark]; }
    term += part * mean;`)}`)}
  let all = total(share, local);
  ${backward('let rowTerm = total(term, local) / all;')}
  ${eachBlock(`var y = ownScore;
    if (r > 0) { y = weights[mark]; }
    let part = exp(y - largest) / all;
    ${backward(`var mean = rowTerm;
    if (r > 0) {
      mean = slopes[mark];
      slopes[mark] = part * (mean - rowTerm) * u.scale;
    }`)}
    for (var e = first; e < first + u.block; e++) {
      let weight = part * weights[e];
      weights[e] = weight;
      ${backward('slopes[e] = weight * (slopes[e] - mean) * u.scale;')}
    }`)}
}`,
    read: { q, k, landmarks, retrieved, ...(dO && { dO, v }) },
    write: { weights, ...(dO && { slopes }) },
    integers,
    floats: { scale },
    workgroups: gpu.grid(integers.lines),
  });
  return { weights, slopes };
}

/** [G, L, p]: the rows of a query's places, times their factors; with landmarks those that it chose, too. */
function mix(
  gpu: WebgpuCall,
  { tensors: { q, retrieved }, integers }: Query,
  { factors, rows, landmarks }: { factors: tf.Tensor; rows: tf.Tensor3D; landmarks?: tf.Tensor3D },
): tf.Tensor3D {
  const columns = columnsOf(q);
  const mixed = gpu.output(q.shape);
  const add = (
    from: string,
    place: string,
    most: string,
    tokenAt: string,
  ) => `for (var i0 = 0; i0 < ${most}; i0 += ${THREADS}) {
    tokens[local] = ${tokenAt}(line, i0 + local);
    if (i0 + local < ${most}) { shares[local] = factors[${place} + i0 + local]; }
    workgroupBarrier();
    ${addRows('shares', from, columns, most)}
    workgroupBarrier();
  }`;
  gpu.dispatch({
    code: `${places(retrieved)}${landmarks ? MARKS : ''}
var<workgroup> shares: array<f32, ${THREADS}>;
${eachLine(THREADS)}
  let at = line * u.stride;
  ${columns.map((column) => `var sum${column} = 0.0;`).join('\n')}
  ${add('rows', 'at', 'u.seen', 'tokenAt')}
  ${landmarks ? add('landmarks', 'at + u.seen', 'u.count', 'markAt') : ''}
  ${store('mixed', 'line', columns, (sum) => sum)}
}`,
    read: { factors, rows, retrieved, ...(landmarks && { landmarks }) },
    write: { mixed },
    integers,
    workgroups: gpu.grid(integers.lines),
  });
  return mixed;
}

/** dLandmarks [G, M, p]: a workgroup per landmark sums over the queries that chose it, in their order. */
function sumOverChoices(
  gpu: WebgpuCall,
  { tensors: { q, landmarks, retrieved }, integers }: Query,
  slopes: tf.Tensor,
): tf.Tensor3D {
  const columns = columnsOf(q);
  const dLandmarks = gpu.output(landmarks.shape);
  const lines = landmarks.shape[0] * landmarks.shape[1];
  gpu.dispatch({
    code: `
var<workgroup> chosen: array<i32, ${THREADS}>;
${eachLine(THREADS)}
  let m = line % u.marks;
  let first = line / u.marks * u.length;
  let end = u.length * u.count;
  ${columns.map((column) => `var sum${column} = 0.0;`).join('\n')}
  for (var e0 = (m + 1) * u.block * u.count; e0 < end; e0 += ${THREADS}) {
    let e = min(e0 + local, end - 1);
    let isChosen = e0 + local < end && retrieved[first * u.count + e] == m;
    chosen[local] = select(-1, (first + e / u.count) * u.stride + u.seen + e % u.count, isChosen);
    workgroupBarrier();
    for (var j = 0; j < min(${THREADS}, end - e0); j++) {
      let place = chosen[j];
      if (place >= 0) {
        let query = place / u.stride;
        ${columns.map((column) => `if (local + ${column} < u.width) { sum${column} += slopes[place] * q[query * u.width + local + ${column}]; }`).join('\n')}
      }
    }
    workgroupBarrier();
  }
  ${store('dLandmarks', 'line', columns, (sum) => sum)}
}`,
    read: { q, retrieved, slopes },
    write: { dLandmarks },
    integers: { ...integers, lines },
    workgroups: gpu.grid(lines),
  });
  return dLandmarks;
}
