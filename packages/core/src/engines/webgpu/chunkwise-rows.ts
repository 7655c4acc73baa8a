/**
 * The parts of `chunkwise.ts`: features, values and gradients as rows of one head each, states of chunks, and the way
 * back to [B, L, H w]. Rows and states are padded with zeros to whole vectors and whole chunks.
 */
import * as tf from '../../tf.js';
import type { WebgpuDispatch } from './dispatch.js';
import { EACH_ELEMENT, forEachElement } from './elementwise.js';
import { multiply } from './gemm.js';
import { shaderText, type WebgpuCall } from './kernel.js';
import type { PairwiseForm, PairwiseInputs } from './pairwise-tiles.js';
import { assemble, bind, declare, type Fragment, tensor, wgsl } from './wgsl.js';

/** Features phi of a vector z of a head: a factor times a query or key. */
export interface FeatureMap {
  readonly size: number;
  /** The factors; in the weight's `x` they stand as `scale`. */
  readonly queryFactor: number;
  readonly keyFactor: number;
  /**
   * Body of `feature(at: i32, i: i32) -> f32`: feature i of the vector z whose first element is {@link FEATURE_INPUT} at `at`;
   * `u.dim` is its length.
   */
  readonly feature: Fragment;
  /** Body of `slope(at: i32, first: i32, a: i32) -> f32`: the sum over i of {@link FEATURE_GRADIENT} at `first + i` d feature i / d z_a. */
  readonly slope: Fragment;
}

/** For feature maps: a function of an index, an element of a query or key times its factor. */
export const FEATURE_INPUT = declare('z', wgsl`fn z(at: i32) -> f32 { return u.factor * ${tensor('x')}[at]; }`);
/** For their slopes: what flows into the features. */
export const FEATURE_GRADIENT = tensor('d');

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
  const ofVector = declare('feature', wgsl`fn feature(at: i32, i: i32) -> f32 {${feature}}`);
  eachPaddedToken(gpu, to, part, part.sizes.featureColumns, {
    code: wgsl`to[i] = select(0.0, ${ofVector}(row * u.dim, min(column, u.features - 1)), column < u.features);`,
    tensors: { x },
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
  const behind = normalize ? 'select(0.0, 1.0, column == u.r)' : '0.0';
  eachPaddedToken(gpu, to, part, part.sizes.valueColumns, {
    code: wgsl`to[i] = select(${behind}, ${tensor('v')}[row * u.r + min(column, u.r - 1)], column < u.r);`,
    tensors: { v },
    integers: { r: part.sizes.r },
  });
}

const [O, D_O] = [tensor('o'), tensor('dO')] as const;
const OF_SUM = declare(
  'ofSum',
  wgsl`fn ofSum(row: i32) -> f32 { var sum = 0.0; for (var j = 0; j < u.r; j++) { sum += ${D_O}[row * u.r + j] * ${O}[row * u.r + j]; } return -sum; }`,
);

/** g: the gradients of the sums and, behind them, of the sum of weights. */
export function gradientRows(
  gpu: WebgpuCall,
  tensors: { o: tf.Tensor; dO: tf.Tensor; normaliser: tf.Tensor; dNormaliser?: tf.Tensor | undefined },
  to: tf.Tensor,
  part: Part,
  form: ChunkwiseForm,
): void {
  const at = normaliserAt(form);
  const normaliser = wgsl`${tensor('normaliser')}[${at}]`;
  const more = tensors.dNormaliser ? wgsl` + ${tensor('dNormaliser')}[${at}]` : '';
  eachPaddedToken(gpu, to, part, part.sizes.valueColumns, {
    code: form.normalize
      ? wgsl`var gradient = 0.0;
  if (column < u.r) { gradient = ${D_O}[row * u.r + column] / ${normaliser}; }
  else if (column == u.r) { gradient = ${OF_SUM}(row) / ${normaliser}${more}; }
  to[i] = gradient;`
      : wgsl`to[i] = select(0.0, ${D_O}[row * u.r + min(column, u.r - 1)], column < u.r);`,
    tensors,
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
  const ofVector = declare('slope', wgsl`fn slope(at: i32, first: i32, a: i32) -> f32 {${slope}}`);
  eachToken(gpu, part, 'p', {
    code: wgsl`dx[element] = ${tensor('within')}[inChunk * u.dim + column] + u.factor * ${ofVector}(row * u.dim, padded * u.featureColumns, column);`,
    tensors: { within, d: dPhi, x },
    write: { dx },
    floats: { factor },
  });
}

/** WGSL of the place of a row's normaliser. */
export const normaliserAt = ({ headsLast }: ChunkwiseForm) => (headsLast ? 'row' : '(b * u.nHeads + h) * u.length + t');

/** A dispatch but for what its frame knows. Of `tensors` those are bound that the code names. */
type TokenDispatch = Pick<WebgpuDispatch, 'integers' | 'floats'> & {
  readonly code: Fragment;
  readonly tensors: Readonly<Record<string, tf.Tensor | undefined>>;
};

const paddedTokenShader = shaderText((code: Fragment) =>
  assemble(wgsl`${EACH_ELEMENT}
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  ${code}
}`),
);

/**
 * Fills `to` [heads, L padded, columns] with zeros beyond L, and runs code for every other element i: its `column`, token `t`,
 * head `h`, sequence `b`, and the `row` of [B, L, H].
 */
function eachPaddedToken(
  gpu: WebgpuCall,
  to: tf.Tensor,
  { first, batches, sizes }: Part,
  columns: number,
  { code, tensors, integers, floats = {} }: TokenDispatch,
): void {
  const { length, nHeads, paddedLength } = sizes;
  const size = batches * nHeads * paddedLength * columns;
  gpu.dispatch({
    ...bind(paddedTokenShader(code), tensors),
    write: { to },
    integers: { size, first, length, nHeads, paddedLength, columns, ...integers },
    floats,
    workgroups: forEachElement(gpu, size),
  });
}

const tokenShader = shaderText((code: Fragment) =>
  assemble(wgsl`${EACH_ELEMENT}
  let element = u.first * u.length * u.nHeads * u.width + i;
  let column = element % u.width;
  let row = element / u.width;
  let h = row % u.nHeads;
  let t = row / u.nHeads % u.length;
  let b = row / (u.nHeads * u.length);
  let inChunk = (b * u.paddedLength + t) * u.nHeads + h;
  let padded = ((b - u.first) * u.nHeads + h) * u.paddedLength + t;
  ${code}
}`),
);

/**
 * Runs code for every `element` of a tensor [B, L, H w]: its `column`, the `row` of [B, L, H], the row `inChunk` of what was
 * computed within chunks, and the row `padded` of what was computed head by head.
 */
export function eachToken(
  gpu: WebgpuCall,
  { first, batches, sizes }: Part,
  width: 'p' | 'r',
  { code, tensors, write, floats = {} }: TokenDispatch & { readonly write: Rows },
): void {
  const { length, nHeads, paddedLength, r, p: dim, valueColumns: columns, featureColumns } = sizes;
  const size = batches * length * nHeads * sizes[width];
  const integers = { size, first, length, nHeads, paddedLength, width: sizes[width], r, dim, columns, featureColumns };
  gpu.dispatch({
    ...bind(tokenShader(code), tensors),
    write,
    integers,
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
