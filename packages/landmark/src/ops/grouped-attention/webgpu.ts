/**
 * Grouped attention on the webgpu engine: matrix products of core around one pass over the rows of scores.
 *
 * With shares of blocks in it the grouped softmax is a softmax of shifted scores: for a token s of an earlier block m
 * the weight is exp(x_s - n_m + y_m - N), n_m the log-sum-exp of the block's scores, y_m the landmark's, N that of the own
 * block's scores and all y. Scores [rows, queries, L] are held for as many queries as 32 MiB take, so that memory does not
 * grow with the square of L.
 */
import type { tf } from '@mixerzoo/core';
import {
  eachLine,
  type GradientInputs,
  type Gradients,
  multiply,
  type WebgpuCall,
  type WebgpuKernel,
  workgroupReductions,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Threads of a workgroup. */
const THREADS = 64;
/** Scores held at once, but for a single query's. */
const MOST_SCORES = 2 ** 23;

export const groupedAttention = createForward(MOST_SCORES);
export const groupedAttentionGradient = createBackward(MOST_SCORES);

/** The kernel that holds at most so many scores. */
export function createForward(mostScores: number): WebgpuKernel<Inputs, Attrs, Outputs> {
  return {
    run(gpu, inputs, attrs) {
      const o = gpu.output(inputs.q.shape);
      const { q, k, v } = inputs;
      const buffers = allocate(gpu, q, inputs.landmarks, mostScores, false);
      for (const part of partsOf(q, mostScores)) {
        weigh(gpu, inputs, attrs, part, buffers);
        const sizes = { batches: part.rows, m: part.queries, k: k.shape[1], n: q.shape[2] };
        multiply(
          gpu,
          { a: { tensor: buffers.scores }, b: keysOf(v, part), c: { tensor: o, offset: queryOffset(q, part) } },
          sizes,
        );
      }
      return { o };
    },
  };
}

/** The gradient's kernel that holds at most so many scores, and as many slopes. */
export function createBackward(
  mostScores: number,
): WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> {
  return {
    run(gpu, { dO, ...inputs }, attrs) {
      const { q, k, v, landmarks } = inputs;
      const [dQ, dK, dV] = [gpu.output(q.shape), gpu.output(k.shape), gpu.output(v.shape)];
      const dLandmarks = landmarks && gpu.output(landmarks.shape);
      const buffers = allocate(gpu, q, landmarks, mostScores, true);
      const { scores, slopes, blockScores } = buffers;
      for (const part of partsOf(q, mostScores)) {
        weigh(gpu, inputs, attrs, part, buffers, dO);
        const [, length, width] = k.shape;
        const queries = (tensor: tf.Tensor) => ({ tensor, offset: queryOffset(q, part) });
        const accumulate = part.first > 0;
        const intoQueries = { batches: part.rows, m: part.queries, k: length, n: width };
        const intoKeys = { batches: part.rows, m: length, k: part.queries, n: width };
        multiply(gpu, { a: { tensor: slopes }, b: keysOf(k, part), c: queries(dQ) }, intoQueries);
        for (const [a, b, to] of [
          [slopes, q, dK],
          [scores, dO, dV],
        ] as const) {
          multiply(
            gpu,
            { a: { tensor: a, transposed: true }, b: queries(b), c: keysOf(to, part), accumulate },
            intoKeys,
          );
        }
        if (landmarks && dLandmarks) {
          const marks = landmarks.shape[1];
          const fromLandmarks = { a: { tensor: blockScores }, b: keysOf(landmarks, part), c: queries(dQ) };
          multiply(gpu, { ...fromLandmarks, accumulate: true }, { ...intoQueries, k: marks });
          const intoLandmarks = { a: { tensor: blockScores, transposed: true }, b: queries(q) };
          multiply(gpu, { ...intoLandmarks, c: keysOf(dLandmarks, part), accumulate }, { ...intoKeys, m: marks });
        }
      }
      return { q: dQ, k: dK, v: dV, landmarks: dLandmarks };
    },
  };
}

/** Queries [first, first + queries) of the rows [row, row + rows): many rows whole, or a part of one. */
interface Part {
  readonly row: number;
  readonly rows: number;
  readonly first: number;
  readonly queries: number;
}

function* partsOf({ shape }: tf.Tensor3D, mostScores: number): Generator<Part> {
  const [rows, length] = shape;
  const { rows: rowsAtOnce, queries: queriesAtOnce } = largestPart(rows, length, mostScores);
  for (let row = 0; row < rows; row += rowsAtOnce) {
    for (let first = 0; first < length; first += queriesAtOnce) {
      yield {
        row,
        rows: Math.min(rowsAtOnce, rows - row),
        first,
        queries: Math.min(queriesAtOnce, length - first),
      };
    }
  }
}

function largestPart(rows: number, length: number, mostScores: number): { rows: number; queries: number } {
  if (length ** 2 > mostScores) return { rows: 1, queries: Math.max(1, Math.floor(mostScores / length)) };
  return { rows: Math.min(rows, Math.floor(mostScores / length ** 2)), queries: length };
}

const queryOffset = ({ shape }: tf.Tensor3D, { row, first }: Part) => (row * shape[1] + first) * shape[2];

/** The part's rows of k, v, landmarks, or their gradients, whole. */
const keysOf = (tensor: tf.Tensor3D, { row }: Part) => ({
  tensor,
  offset: row * tensor.shape[1] * tensor.shape[2],
});

/** Room for the largest part: scores and their slopes [rows, queries, L], the landmarks' [rows, queries, M]. */
function allocate(
  gpu: WebgpuCall,
  { shape }: tf.Tensor3D,
  landmarks: tf.Tensor3D | undefined,
  mostScores: number,
  backward: boolean,
) {
  const [rows, length] = shape;
  const largest = largestPart(rows, length, mostScores);
  const lines = largest.rows * largest.queries;
  const marks = landmarks?.shape[1] ?? 0;
  const room = (perLine: number) => gpu.scratch([lines * perLine]);
  return {
    scores: room(length),
    slopes: room(backward ? length : 0),
    blockScores: room(marks),
    blockTerms: room(2 * marks),
  };
}

/** Weights into `scores`; with dO the slopes of the scaled scores into `slopes` and `blockScores`. */
function weigh(
  gpu: WebgpuCall,
  { q, k, v, landmarks }: Inputs,
  { blockSize, scale }: Attrs,
  part: Part,
  { scores, slopes, blockScores, blockTerms }: ReturnType<typeof allocate>,
  dO?: tf.Tensor3D,
): void {
  const [, length, width] = q.shape;
  const marks = landmarks?.shape[1] ?? 0;
  const { rows, queries } = part;
  const product = (left: tf.Tensor, right: tf.Tensor3D, to: tf.Tensor, n: number) =>
    multiply(
      gpu,
      {
        a: { tensor: left, offset: queryOffset(q, part) },
        b: { ...keysOf(right, part), transposed: true },
        c: { tensor: to },
      },
      { batches: rows, m: queries, k: width, n },
    );
  product(q, k, scores, length);
  if (landmarks) product(q, landmarks, blockScores, marks);
  if (dO) product(dO, v, slopes, length);
  gpu.dispatch({
    code: rowCode(gpu, marks > 0, dO !== undefined),
    read: {},
    write: { scores, ...(dO && { slopes }), ...(landmarks && { blockScores, blockTerms }) },
    integers: { lines: rows * queries, queries, first: part.first, length, block: blockSize, marks },
    floats: { scale },
    workgroups: gpu.grid(rows * queries),
  });
}

/** A workgroup per query. `blockTerms` passes a block's shift of the scores, and its mean slope, between threads. */
function rowCode(gpu: WebgpuCall, hasMarks: boolean, backward: boolean): string {
  const ownTokens = (line: string) => `for (var s = begin + local; s <= t; s += ${THREADS}) { ${line} }`;
  const earlierBlocks = (lines: string) =>
    hasMarks ? `for (var m = local; m < own; m += ${THREADS}) { ${lines} }` : '';
  const when = (condition: boolean, lines: string) => (condition ? lines : '');
  const score = (index: string) => `scores[at + ${index}] * u.scale`;
  const blockScore = 'blockScores[marks + m] * u.scale';
  return `${workgroupReductions(gpu, THREADS, ['total', 'highest'])}${eachLine(THREADS)}
  let t = u.first + line % u.queries;
  let own = t / u.block;
  let begin = own * u.block;
  let at = line * u.length;
  let marks = line * u.marks;
  var largest = -1e30;
  ${ownTokens(`largest = max(largest, ${score('s')});`)}
  ${earlierBlocks(`largest = max(largest, ${blockScore});`)}
  largest = highest(largest, local);
  var share = 0.0;
  ${ownTokens(`share += exp(${score('s')} - largest);`)}
  ${earlierBlocks(`share += exp(${blockScore} - largest);`)}
  let normaliser = largest + log(total(share, local));
  ${when(backward, 'var term = 0.0;')}
  ${earlierBlocks(`
    let first = m * u.block;
    var top = -1e30;
    for (var e = first; e < first + u.block; e++) { top = max(top, ${score('e')}); }
    var sum = 0.0;
    ${when(backward, 'var mean = 0.0;')}
    for (var e = first; e < first + u.block; e++) {
      let weight = exp(${score('e')} - top);
      sum += weight;
      ${when(backward, 'mean += weight * slopes[at + e];')}
    }
    let logShare = ${blockScore} - normaliser;
    blockTerms[2 * (marks + m)] = logShare - top - log(sum);
    ${when(
      backward,
      `mean /= sum;
    blockTerms[2 * (marks + m) + 1] = mean;
    term += exp(logShare) * mean;`,
    )}
  `)}
  ${when(
    backward,
    `${ownTokens(`term += exp(${score('s')} - normaliser) * slopes[at + s];`)}
  let rowTerm = total(term, local);`,
  )}
  storageBarrier();
  for (var s = local; s < u.length; s += ${THREADS}) {
    var weight = 0.0;
    ${when(backward, 'var slope = 0.0;')}
    ${when(
      hasMarks,
      `if (s < begin) {
      let m = marks + s / u.block;
      weight = exp(${score('s')} + blockTerms[2 * m]);
      ${when(backward, 'slope = weight * (slopes[at + s] - blockTerms[2 * m + 1]) * u.scale;')}
    }`,
    )}
    if (s >= begin && s <= t) {
      weight = exp(${score('s')} - normaliser);
      ${when(backward, 'slope = weight * (slopes[at + s] - rowTerm) * u.scale;')}
    }
    scores[at + s] = weight;
    ${when(backward, 'slopes[at + s] = slope;')}
  }
  ${when(
    backward && hasMarks,
    `for (var m = local; m < u.marks; m += ${THREADS}) {
    var slope = 0.0;
    if (m < own) { slope = exp(${blockScore} - normaliser) * (blockTerms[2 * (marks + m) + 1] - rowTerm) * u.scale; }
    blockScores[marks + m] = slope;
  }`,
  )}
}`;
}
