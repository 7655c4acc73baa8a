/**
 * The parts of `chunkwise.ts`: features, values and gradients as rows of one head each, states of chunks, and the way
 * back to [B, L, H w]. Rows and states are padded with zeros to whole vectors and whole chunks.
 */
import * as tf from '../../tf.js';
import { EACH_ELEMENT, forEachElement } from './elementwise.js';
import { multiply } from './gemm.js';
import type { WebgpuCall } from './kernel.js';
import type { PairwiseForm, PairwiseInputs } from './pairwise-tiles.js';

/** Features phi of a vector z of a head: a factor times a query or key. */
export interface FeatureMap {
  readonly size: number;
  /** The factors; in the weight's `x` they stand as `scale`. */
  readonly queryFactor: number;
  readonly keyFactor: number;
  /** WGSL of `feature(at, i) -> f32`: feature i of the vector whose first element is `z(at)`; `u.dim` is its length. */
  readonly feature: string;
  /** WGSL of `slope(at, first, a) -> f32`: the sum over i of `d[first + i]` d feature i / d z_a. */
  readonly slope: string;
}

/** A form without softmax or window, and the features whose products are its weights. */
export interface ChunkwiseForm extends Pick<PairwiseForm, 'nHeads' | 'scale' | 'normalize' | 'eps' | 'headsLast'> {
  readonly weight: Exclude<PairwiseForm['weight'], 'softmax'>;
  readonly features: FeatureMap;
  /** Elements of the features, and of the states, held at once, but for a single sequence's. Default 2^24. */
  readonly mostElements?: number;
}

/** Tokens per chunk: whole tiles. */
const CHUNK = 128;

type Sizes = ReturnType<typeof sizesOf>;
type Rows = Readonly<Record<string, tf.Tensor>>;

/** Runs `run` on tensors [B, L, w] padded to whole chunks, [B chunks, C, w]. */
export function inChunks<T>({ length, chunk, chunks, batch }: Sizes, tensors: Rows, run: (chunked: Rows) => T): T {
  const made: tf.Tensor[] = [];
  const chunked = Object.entries(tensors).map(([name, tensor]) => {
    const width = tensor.shape[2] as number;
    const padding: [number, number][] = [
      [0, 0],
      [0, chunks * chunk - length],
      [0, 0],
    ];
    // A normaliser of 1 does no harm where there is no token.
    const padded = chunks * chunk === length ? tensor.clone() : tf.pad(tensor, padding, name === 'normaliser' ? 1 : 0);
    const reshaped = padded.reshape([batch * chunks, chunk, width]);
    made.push(padded, reshaped);
    return [name, reshaped] as const;
  });
  const result = run(Object.fromEntries(chunked));
  tf.dispose(made);
  return result;
}

/** phi of x [B, L, H p]: [heads, L padded, D padded]. */
export function featureRows(
  gpu: WebgpuCall,
  x: tf.Tensor,
  to: tf.Tensor,
  part: Part,
  { feature, size }: FeatureMap,
  factor: number,
): void {
  eachPaddedToken(gpu, to, part, part.sizes.featureColumns, {
    functions: `${scaledBy('x')}${feature}`,
    value: 'select(0.0, feature(row * u.dim, min(column, u.features - 1)), column < u.features)',
    read: { x },
    integers: { dim: part.sizes.p, features: size },
    floats: { factor },
  });
}

/** v with a column of ones behind it: [heads, L padded, r padded]. */
export function valueRows(
  gpu: WebgpuCall,
  v: tf.Tensor,
  to: tf.Tensor,
  part: Part,
  { normalize }: ChunkwiseForm,
): void {
  eachPaddedToken(gpu, to, part, part.sizes.valueColumns, {
    value: `select(${normalize ? 'select(0.0, 1.0, column == u.r)' : '0.0'}, v[row * u.r + min(column, u.r - 1)], column < u.r)`,
    read: { v },
    integers: { r: part.sizes.r },
  });
}

/** g: the gradients of the sums and, behind them, of the sum of weights. */
export function gradientRows(
  gpu: WebgpuCall,
  {
    o,
    dO,
    normaliser,
    dNormaliser,
  }: { o: tf.Tensor; dO: tf.Tensor; normaliser: tf.Tensor; dNormaliser?: tf.Tensor | undefined },
  to: tf.Tensor,
  part: Part,
  form: ChunkwiseForm,
): void {
  const { normalize = false } = form;
  const at = normaliserAt(form);
  eachPaddedToken(gpu, to, part, part.sizes.valueColumns, {
    functions: normalize
      ? `fn ofSum(row: i32) -> f32 { var sum = 0.0; for (var j = 0; j < u.r; j++) { sum += dO[row * u.r + j] * o[row * u.r + j]; } return -sum; }\n`
      : '',
    statements: normalize
      ? `var gradient = 0.0;
  if (column < u.r) { gradient = dO[row * u.r + column] / normaliser[${at}]; }
  else if (column == u.r) { gradient = ofSum(row) / normaliser[${at}]${dNormaliser ? ` + dNormaliser[${at}]` : ''}; }`
      : 'let gradient = select(0.0, dO[row * u.r + min(column, u.r - 1)], column < u.r);',
    value: 'gradient',
    read: { dO, ...(normalize && { o, normaliser, ...(dNormaliser && { dNormaliser }) }) },
    integers: { r: part.sizes.r },
  });
}

/** States [heads, chunks, D, r] = the sum of outer products of each chunk's rows. */
export function outerProducts(gpu: WebgpuCall, phi: tf.Tensor, values: tf.Tensor, states: tf.Tensor, part: Part): void {
  const { chunk, chunks, nHeads, featureColumns, valueColumns } = part.sizes;
  multiply(
    gpu,
    { a: { tensor: phi, transposed: true }, b: { tensor: values }, c: { tensor: states } },
    { batches: part.batches * nHeads * chunks, m: featureColumns, k: chunk, n: valueColumns },
  );
}

/** Rows of features through their chunk's state to rows of values, or back. */
export function throughStates(
  gpu: WebgpuCall,
  rows: tf.Tensor,
  states: tf.Tensor,
  to: tf.Tensor,
  part: Part,
  direction: 'toValues' | 'toFeatures',
): void {
  const { chunk, chunks, nHeads, featureColumns, valueColumns } = part.sizes;
  const transposed = direction === 'toFeatures';
  const [k, n] = transposed ? [valueColumns, featureColumns] : [featureColumns, valueColumns];
  multiply(
    gpu,
    { a: { tensor: rows }, b: { tensor: states, transposed }, c: { tensor: to } },
    { batches: part.batches * nHeads * chunks, m: chunk, k, n },
  );
}

/** Makes each chunk's state the sum of those of the chunks before it, or after it. */
export function carry(gpu: WebgpuCall, states: tf.Tensor, part: Part, direction: 'forward' | 'backward'): void {
  const { chunks, nHeads, featureColumns, valueColumns } = part.sizes;
  const cells = featureColumns * valueColumns;
  const size = part.batches * nHeads * cells;
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  var sum = 0.0;
  for (var step = 0; step < u.chunks; step++) {
    let chunk = ${direction === 'forward' ? 'step' : 'u.chunks - 1 - step'};
    let at = (i / u.cells * u.chunks + chunk) * u.cells + i % u.cells;
    let own = states[at];
    states[at] = sum;
    sum += own;
  }
}`,
    read: {},
    write: { states },
    integers: { size, cells, chunks },
    workgroups: forEachElement(gpu, size),
  });
}

/** dx = what flows within chunks + factor times what flows through the features. */
export function addSlopes(
  gpu: WebgpuCall,
  x: tf.Tensor,
  within: tf.Tensor,
  dPhi: tf.Tensor,
  dx: tf.Tensor,
  part: Part,
  { slope }: FeatureMap,
  factor: number,
): void {
  const linear = !slope.includes('z('); // WebGPU refuses a tensor that the shader does not read.
  eachToken(gpu, part, 'p', {
    functions: `${linear ? '' : scaledBy('x')}${slope}`,
    code: 'dx[element] = within[inChunk * u.dim + column] + u.factor * slope(row * u.dim, padded * u.featureColumns, column);',
    read: { within, d: dPhi, ...(!linear && { x }) },
    write: { dx },
    floats: { factor },
  });
}

const scaledBy = (name: string) => `fn z(at: i32) -> f32 { return u.factor * ${name}[at]; }\n`;

/** WGSL of the place of a row's normaliser. */
export const normaliserAt = ({ headsLast }: ChunkwiseForm) => (headsLast ? 'row' : '(b * u.nHeads + h) * u.length + t');

/** Fills to [heads, L padded, columns] with `value` of token t of head h of sequence b, `row` of [B, L, H]; zeros beyond L. */
function eachPaddedToken(
  gpu: WebgpuCall,
  to: tf.Tensor,
  { first, batches, sizes }: Part,
  columns: number,
  {
    functions = '',
    statements = '',
    value,
    read,
    integers,
    floats = {},
  }: {
    functions?: string;
    statements?: string;
    value: string;
    read: Rows;
    integers: Record<string, number>;
    floats?: Record<string, number>;
  },
): void {
  const { length, nHeads, paddedLength } = sizes;
  const size = batches * nHeads * paddedLength * columns;
  gpu.dispatch({
    code: `${functions}${EACH_ELEMENT}
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  ${statements}
  to[i] = ${value};
}`,
    read,
    write: { to },
    integers: { size, first, length, nHeads, paddedLength, columns, ...integers },
    floats,
    workgroups: forEachElement(gpu, size),
  });
}

/**
 * Runs code for every `element` of a tensor [B, L, H w]: its `column`, the `row` of [B, L, H], the row `inChunk` of what was
 * computed within chunks, and the row `padded` of what was computed head by head.
 */
export function eachToken(
  gpu: WebgpuCall,
  { first, batches, sizes }: Part,
  width: 'p' | 'r',
  {
    functions = '',
    code,
    read,
    write,
    floats = {},
  }: { functions?: string; code: string; read: Rows; write: Rows; floats?: Record<string, number> },
): void {
  const { length, nHeads, paddedLength, r, p, valueColumns, featureColumns } = sizes;
  const size = batches * length * nHeads * sizes[width];
  gpu.dispatch({
    code: `${functions}
${EACH_ELEMENT}
  let element = u.first * u.length * u.nHeads * u.width + i;
  let column = element % u.width;
  let row = element / u.width;
  let h = row % u.nHeads;
  let t = row / u.nHeads % u.length;
  let b = row / (u.nHeads * u.length);
  let inChunk = (b * u.paddedLength + t) * u.nHeads + h;
  let padded = ((b - u.first) * u.nHeads + h) * u.paddedLength + t;
  ${code}
}`,
    read,
    write,
    integers: {
      size,
      first,
      length,
      nHeads,
      paddedLength,
      width: sizes[width],
      r,
      dim: p,
      columns: valueColumns,
      featureColumns,
    },
    floats,
    workgroups: forEachElement(gpu, size),
  });
}

/** Sequences [first, first + batches). */
interface Part {
  readonly sizes: Sizes;
  readonly first: number;
  readonly batches: number;
}

/** The sequences, as many at a time as fit. */
export function* partsOf(sizes: Sizes): Generator<Part> {
  const { batch, batchesAtOnce } = sizes;
  for (let first = 0; first < batch; first += batchesAtOnce) {
    yield { sizes, first, batches: Math.min(batchesAtOnce, batch - first) };
  }
}

/** Sizes of the op, of its chunks, and of the buffers for a part. */
export function sizesOf({ q, v }: PairwiseInputs, { nHeads, features, mostElements = 2 ** 24 }: ChunkwiseForm) {
  const [batch, length, width] = q.shape as [number, number, number];
  const r = (v.shape[2] as number) / nHeads;
  const chunks = Math.ceil(length / CHUNK);
  const paddedLength = chunks * CHUNK;
  const wholeVectors = (columns: number) => 4 * Math.ceil(columns / 4);
  const [featureColumns, valueColumns] = [wholeVectors(features.size), wholeVectors(r + 1)];
  const perSequence = nHeads * featureColumns * Math.max(paddedLength, chunks * valueColumns);
  const batchesAtOnce = Math.max(1, Math.min(batch, Math.floor(mostElements / perSequence)));
  return {
    batch,
    length,
    nHeads,
    p: width / nHeads,
    r,
    chunk: CHUNK,
    chunks,
    paddedLength,
    featureColumns,
    valueColumns,
    batchesAtOnce,
    features: batchesAtOnce * nHeads * paddedLength * featureColumns,
    values: batchesAtOnce * nHeads * paddedLength * valueColumns,
    states: batchesAtOnce * nHeads * chunks * featureColumns * valueColumns,
  };
}
