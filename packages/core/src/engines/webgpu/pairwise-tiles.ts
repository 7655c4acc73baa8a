/**
 * What a call of pairwise attention is given, and WGSL that its forward and backward shaders are put together from.
 *
 * A workgroup of 8 x 8 threads works on a tile of 32 queries by 32 keys. Thread (tx, ty) holds 4 x 4 of it in four
 * vectors, `x0` to `x3`: its rows are `row` to `row + 3`, its columns 4 tx to 4 tx + 3. Of a result it holds the same
 * four rows, 32 columns at a time (a chunk): `sum<chunk><row>`.
 *
 * Two products make up every shader: `products` multiplies rows of one tensor by rows of another (q k^T) through two
 * panels in workgroup memory; `storeWeights` and `addProducts` multiply the tile that came out of it by rows of a third
 * (w v).
 */
import type * as tf from '../../tf.js';
import { DROPOUT_WGSL } from './elementwise.js';
import type { WebgpuCall } from './kernel.js';
import { eachLine } from './workgroup.js';

/** q [B, M, H p], k [B, L, H p], v [B, L, H r]; slopes [H] with softmax only. */
export interface PairwiseInputs {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
  readonly slopes?: tf.Tensor | undefined;
}

export interface PairwiseForm {
  readonly nHeads: number;
  readonly scale: number;
  /** `softmax`, or WGSL of the weight and of its derivative, of `x`. */
  readonly weight: 'softmax' | { readonly value: string; readonly derivative: string };
  /** Without softmax: divide by the sum of the weights plus `eps`. */
  readonly normalize?: boolean;
  readonly eps?: number;
  /** Layout of the normaliser: [B, H, M] (the default) or [B, M, H]. */
  readonly headsLast?: boolean;
  /** Tokens a query sees; 0 is all. */
  readonly window?: number;
  readonly dropoutRate?: number;
  readonly dropoutSeed?: number;
}

/** Queries and keys of a tile. */
const TILE = 32;
/** Columns of q and k that are in workgroup memory at a time. */
const DEPTH = 16;
const THREADS = 64;
/** Vectors in a row of a panel, one more than used, so that writing down a column meets every bank. */
const PITCH = TILE / 4 + 1;

/** Lines of an unrolled loop; of a thread's four rows unless told otherwise. */
export const unrolled = (line: (index: number) => string, count = 4) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** A vector by its elements. */
export const vector = (element: (index: number) => string) => `vec4f(${[0, 1, 2, 3].map(element).join(', ')})`;

/** Lines for every vector of a result. */
export const everyVector = (chunks: number, line: (chunk: number, row: number) => string) =>
  unrolled((chunk) => unrolled((row) => line(chunk, row)), chunks);

/** Where a tile's rows of a tensor are: from `first` on, of `rows`; a head's are `dim` wide and begin at `at`. */
interface Rows {
  readonly name: string;
  readonly at: string;
  readonly first: 't0' | 's0';
  readonly rows: string;
  readonly dim: 'p' | 'r';
}

/** Queries run from `t0` on, keys from `s0` on. */
export const ROWS = {
  q: { name: 'q', at: 'qAt', first: 't0', rows: 'u.queries', dim: 'p' },
  k: { name: 'k', at: 'kAt', first: 's0', rows: 'u.keys', dim: 'p' },
  v: { name: 'v', at: 'vAt', first: 's0', rows: 'u.keys', dim: 'r' },
  dO: { name: 'dO', at: 'oAt', first: 't0', rows: 'u.queries', dim: 'r' },
} as const satisfies Record<string, Rows>;

/** What a call's shapes say; `p` and `r` are the columns of a head in q, k and in v. */
export function sizesOf({ q, k, v }: PairwiseInputs, { nHeads }: PairwiseForm) {
  const [batch, queries, width] = q.shape as [number, number, number];
  return { batch, nHeads, queries, keys: k.shape[1] as number, p: width / nHeads, r: (v.shape[2] as number) / nHeads };
}

export type PairwiseSizes = ReturnType<typeof sizesOf>;

/** What the text of a shader depends on; all else is a uniform. */
export interface PairwiseVariant {
  readonly weight: PairwiseForm['weight'];
  /** Whether there is a divisor other than 1. */
  readonly divided: boolean;
  readonly slopes: boolean;
  readonly dropout: boolean;
  /** Chunks of 32 columns of a head in q and k, and in v. */
  readonly chunks: { readonly p: number; readonly r: number };
}

export function variantOf({ slopes }: PairwiseInputs, { weight, ...form }: PairwiseForm, { p, r }: PairwiseSizes) {
  return {
    weight,
    divided: weight === 'softmax' || (form.normalize ?? false),
    slopes: slopes !== undefined,
    dropout: weight === 'softmax' && Boolean(form.dropoutRate),
    chunks: { p: Math.ceil(p / TILE), r: Math.ceil(r / TILE) },
  } satisfies PairwiseVariant;
}

/** A dispatch but for its shader and what that writes: a workgroup for every tile of queries, or of keys, of every head. */
export function dispatchOf(
  gpu: WebgpuCall,
  { q, k, v, slopes }: PairwiseInputs,
  sizes: PairwiseSizes,
  form: PairwiseForm,
  owner: 'queries' | 'keys',
) {
  const { batch, nHeads, queries, keys, p, r } = sizes;
  const tiles = Math.ceil(sizes[owner] / TILE);
  const lines = batch * nHeads * tiles;
  const { scale, eps = 0, window = 0, headsLast = false, dropoutRate = 0, dropoutSeed = 0 } = form;
  const dropout = dropoutRate ? { threshold: Math.round(dropoutRate * 2 ** 24), seed: dropoutSeed | 0 } : {};
  return {
    read: { q, k, v, ...(slopes && { slopes }) },
    integers: { lines, tiles, nHeads, queries, keys, p, r, window, headsLast: Number(headsLast), ...dropout },
    floats: { scale, eps, keptScale: 1 / (1 - dropoutRate) },
    workgroups: gpu.grid(lines),
  };
}

/** Workgroup memory and functions: `weight` and `derivative`, `visible`, `kept` and `keptDown` where there is dropout. */
export function declarations({ weight, ...variant }: PairwiseVariant): string {
  const weights =
    weight === 'softmax'
      ? ''
      : `
fn weight(x: vec4f) -> vec4f { return ${weight.value}; }
fn derivative(x: vec4f) -> vec4f { return ${weight.derivative}; }`;
  const mask = (index: (j: number) => string) =>
    `u.keptScale * ${vector((j) => `select(0.0, 1.0, isKept(${index(j)}))`)}`;
  const dropout = variant.dropout
    ? `${DROPOUT_WGSL}
fn kept(index: i32) -> vec4f { return ${mask((j) => `index + ${j}`)}; }
fn keptDown(index: i32, query: vec4i) -> vec4f { return ${mask((j) => `index + query[${j}] * u.keys`)}; }`
    : '';
  return `
var<workgroup> leftPanel: array<vec4f, ${DEPTH * PITCH}>;
var<workgroup> rightPanel: array<vec4f, ${DEPTH * PITCH}>;
var<workgroup> weights: array<vec4f, ${TILE * PITCH}>;
var<workgroup> values: array<vec4f, ${(TILE * TILE) / 4}>;
${weights}
${dropout}
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}`;
}

/**
 * Opens `main`: the thread's place and first `row`, the tile's first query `t0` or key `s0`, and where the head begins in
 * each tensor. Tiles of a head begin with those that meet the most others.
 */
export function opening({ slopes }: PairwiseVariant, owner: 'queries' | 'keys'): string {
  const first = { queries: `t0 = (u.tiles - 1 - line % u.tiles) * ${TILE}`, keys: `s0 = line % u.tiles * ${TILE}` };
  return `${eachLine(THREADS)}
  let tx = local % 8;
  let ty = local / 8;
  let ${first[owner]};
  let row = ${owner === 'queries' ? 't0' : 's0'} + 4 * ty;
  let head = line / u.tiles;
  let b = head / u.nHeads;
  let h = head % u.nHeads;
  let offset = u.keys - u.queries;
  let qAt = (b * u.queries * u.nHeads + h) * u.p;
  let kAt = (b * u.keys * u.nHeads + h) * u.p;
  let vAt = (b * u.keys * u.nHeads + h) * u.r;
  let oAt = (b * u.queries * u.nHeads + h) * u.r;
  let normaliserRow = select(1, u.nHeads, u.headsLast == 1);
  let termAt = b * u.queries * u.nHeads + h;
  let normaliserAt = select(head * u.queries, termAt, u.headsLast == 1);
  ${slopes ? 'let slope = slopes[h];' : ''}
`;
}

/** Loops over the tiles of keys that the queries from `t0` on see. */
export const eachTileOfKeys = (body: string) => `
  let last = min(u.keys, offset + t0 + ${TILE});
  let first = select(0, max(0, offset + t0 - u.window + 1) / ${TILE} * ${TILE}, u.window > 0);
  for (var s0 = first; s0 < last; s0 += ${TILE}) {${body}
  }`;

/** Loops over the tiles of queries that see the keys from `s0` on. */
export const eachTileOfQueries = (body: string) => `
  let first = max(0, s0 - offset) / ${TILE} * ${TILE};
  let last = select(u.queries, min(u.queries, s0 + ${TILE - 1} + u.window - offset), u.window > 0);
  for (var t0 = first; t0 < last; t0 += ${TILE}) {${body}
  }`;

/** `x<row>` scaled, less what ALiBi takes off by the distance `back<row>`. */
export const scaled = ({ slopes }: PairwiseVariant, row: number) =>
  `x${row} = x${row} * u.scale${slopes ? ` - slope * vec4f(back${row})` : ''};`;

/** An element, 0 past the last row or column. */
const element = ({ name, at, rows, dim }: Rows, row: string, column: string) =>
  `select(0.0, ${name}[${at} + min(${row}, ${rows} - 1) * u.nHeads * u.${dim} + min(${column}, u.${dim} - 1)], ${row} < ${rows} && ${column} < u.${dim})`;

/** Makes `target0..3`: the thread's 4 x 4 of left right^T. */
export function products(target: string, left: Rows, right: Rows): string {
  const stage = (panel: string, rows: Rows) =>
    `${panel}[(l % ${DEPTH}) * ${PITCH} + l / ${DEPTH}] = ${vector((e) => element(rows, `(${rows.first} + i + ${e})`, 'c'))};`;
  return `
    ${unrolled((row) => `var ${target}${row} = vec4f();`)}
    for (var c0 = 0; c0 < u.${left.dim}; c0 += ${DEPTH}) {
      workgroupBarrier();
      for (var l = local; l < ${(DEPTH * TILE) / 4}; l += ${THREADS}) {
        let c = c0 + l % ${DEPTH};
        let i = 4 * (l / ${DEPTH});
        ${stage('leftPanel', left)}
        ${stage('rightPanel', right)}
      }
      workgroupBarrier();
      for (var c = 0; c < ${DEPTH}; c++) {
        let left = leftPanel[c * ${PITCH} + ty];
        let right = rightPanel[c * ${PITCH} + tx];
        ${unrolled((row) => `${target}${row} = fma(vec4f(left[${row}]), right, ${target}${row});`)}
      }
    }`;
}

/** Puts the thread's 4 x 4 into workgroup memory, transposed. */
export const storeWeights = (source: string) => `workgroupBarrier();
    ${unrolled((column) => `weights[(4 * tx + ${column}) * ${PITCH} + ty] = ${vector((row) => `${source}${row}[${column}]`)};`)}`;

/** Adds the product of the stored weights and 32 rows of values to the thread's four rows of `target`. */
export const addProducts = (target: string, chunks: number, values: Rows) =>
  unrolled(
    (chunk) => `workgroupBarrier();
    for (var l = local; l < ${(TILE * TILE) / 4}; l += ${THREADS}) {
      let s = ${values.first} + l / 8;
      let c = ${chunk * TILE} + 4 * (l % 8);
      values[l] = ${vector((e) => element(values, 's', `(c + ${e})`))};
    }
    workgroupBarrier();
    for (var s = 0; s < ${TILE}; s++) {
      let left = weights[s * ${PITCH} + ty];
      let right = values[s * 8 + tx];
      ${unrolled((row) => `${target}${chunk}${row} = fma(vec4f(left[${row}]), right, ${target}${chunk}${row});`)}
    }`,
    chunks,
  );

/** Writes the thread's rows of a result that lies as `like` does. */
export const storeRows = (source: string, chunks: number, to: string, { at, rows, dim }: Rows) =>
  everyVector(
    chunks,
    (chunk, row) =>
      `for (var j = 0; j < 4; j++) { if (row + ${row} < ${rows} && ${chunk * TILE} + 4 * tx + j < u.${dim}) { ${to}[${at} + (row + ${row}) * u.nHeads * u.${dim} + ${chunk * TILE} + 4 * tx + j] = ${source}${chunk}${row}[j]; } }`,
  );

/** Functions behind {@link across}. */
export const ACROSS = `
var<workgroup> shares: array<vec4f, ${THREADS}>;
${[
  ['Max', 'max(all, shares[8 * x + ty])'],
  ['Sum', 'all + shares[8 * x + ty]'],
]
  .map(
    ([kind, next]) => `
fn across${kind}(share: vec4f, tx: i32, ty: i32) -> vec4f {
  workgroupBarrier();
  shares[8 * tx + ty] = share;
  workgroupBarrier();
  var all = shares[ty];
  for (var x = 1; x < 8; x++) { all = ${next}; }
  return all;
}`,
  )
  .join('\n')}`;

/** The largest, or the sum, over the eight threads that share rows; an element to a row. */
export const across = (kind: 'Max' | 'Sum', share: string) => `across${kind}(${share}, tx, ty)`;
