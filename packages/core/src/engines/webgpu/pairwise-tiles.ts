/**
 * What a call of pairwise attention is given, and the fragments that its forward and backward shaders are put together
 * from.
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
import { type Declared, declare, type Fragment, fragment, joined, type Part, tensor, wgsl } from './wgsl.js';
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
export const unrolled = (line: (index: number) => Part, count = 4) =>
  joined(Array.from({ length: count }, (_, index) => line(index)));

/** A vector by its elements. */
export const vector = (element: (index: number) => Part) => wgsl`vec4f(${joined([0, 1, 2, 3].map(element), ', ')})`;

/** Lines for every vector of a result. */
export const everyVector = (chunks: number, line: (chunk: number, row: number) => Part) =>
  unrolled((chunk) => unrolled((row) => line(chunk, row)), chunks);

/** Names of the vectors of a tile, and of a result. */
const tileOf = (name: string) => [0, 1, 2, 3].map((row) => `${name}${row}`).join(' ');
const resultOf = (name: string, chunks: number) =>
  Array.from({ length: chunks }, (_, chunk) => tileOf(`${name}${chunk}`)).join(' ');

/** Where a tile's rows of a tensor are: from `first` on, of `rows`; a head's are `dim` wide and begin at `at`. */
interface Rows {
  readonly tensor: Declared;
  readonly at: string;
  readonly first: 't0' | 's0';
  readonly rows: 'u.queries' | 'u.keys';
  readonly dim: 'u.p' | 'u.r';
}

/** Queries run from `t0` on, keys from `s0` on. */
export const ROWS = {
  q: { tensor: tensor('q'), at: 'qAt', first: 't0', rows: 'u.queries', dim: 'u.p' },
  k: { tensor: tensor('k'), at: 'kAt', first: 's0', rows: 'u.keys', dim: 'u.p' },
  v: { tensor: tensor('v'), at: 'vAt', first: 's0', rows: 'u.keys', dim: 'u.r' },
  dO: { tensor: tensor('dO'), at: 'oAt', first: 't0', rows: 'u.queries', dim: 'u.r' },
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

/** A dispatch but for its shader and tensors: a workgroup for every tile of queries, or of keys, of every head. */
export function launchOf(
  gpu: WebgpuCall,
  { batch, nHeads, queries, keys, p, r }: PairwiseSizes,
  { scale, eps = 0, window = 0, headsLast = false, dropoutRate = 0, dropoutSeed = 0 }: PairwiseForm,
  owner: 'queries' | 'keys',
) {
  const tiles = Math.ceil((owner === 'queries' ? queries : keys) / TILE);
  const lines = batch * nHeads * tiles;
  const dropout = dropoutRate ? { threshold: Math.round(dropoutRate * 2 ** 24), seed: dropoutSeed | 0 } : {};
  return {
    integers: { lines, tiles, nHeads, queries, keys, p, r, window, headsLast: Number(headsLast), ...dropout },
    floats: { scale, eps, keptScale: 1 / (1 - dropoutRate) },
    workgroups: gpu.grid(lines),
  };
}

/** A function of four scores, by its value. */
export const functionOfX = (name: string, value: string) =>
  declare(name, wgsl`fn ${name}(x: vec4f) -> vec4f { return ${value}; }`);

const IS_KEPT = declare('isKept', wgsl`${DROPOUT_WGSL}`);
const mask = (index: (j: number) => string) =>
  wgsl`u.keptScale * ${vector((j) => wgsl`select(0.0, 1.0, ${IS_KEPT}(${index(j)}))`)}`;

/** Dropout of four weights side by side in [B, H, M, L], and of four below each other. */
export const KEPT = declare('kept', wgsl`fn kept(index: i32) -> vec4f { return ${mask((j) => `index + ${j}`)}; }`);
export const KEPT_DOWN = declare(
  'keptDown',
  wgsl`fn keptDown(index: i32, query: vec4i) -> vec4f { return ${mask((j) => `index + query[${j}] * u.keys`)}; }`,
);

/** `visible(back, key)`: whether a query sees keys, of which there are so many, so far back. */
export const VISIBLE = declare(
  'visible',
  wgsl`fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}`,
);

const SLOPES = tensor('slopes');

/**
 * Opens `main`: the thread's place and first `row`, the tile's first query `t0` or key `s0`, and where the head begins in
 * each tensor. Tiles of a head begin with those that meet the most others.
 */
export function opening({ slopes }: PairwiseVariant, owner: 'queries' | 'keys'): Fragment {
  const [first, at] =
    owner === 'queries' ? ['t0', `(u.tiles - 1 - line % u.tiles) * ${TILE}`] : ['s0', `line % u.tiles * ${TILE}`];
  const gives = `local tx ty ${first} row head offset qAt kAt vAt oAt normaliserRow termAt normaliserAt`;
  return fragment('', gives)`${eachLine(THREADS)}
  let tx = local % 8;
  let ty = local / 8;
  let ${first as string} = ${at as string};
  let row = ${first as string} + 4 * ty;
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
  ${slopes ? wgsl`let slope = ${SLOPES}[h];` : ''}
`;
}

/** Loops over the tiles of keys that the queries from `t0` on see; the body has the first of a tile, `s0`. */
export const eachTileOfKeys = (body: Fragment) => wgsl`
  let last = min(u.keys, offset + t0 + ${TILE});
  let first = select(0, max(0, offset + t0 - u.window + 1) / ${TILE} * ${TILE}, u.window > 0);
  for (var s0 = first; s0 < last; s0 += ${TILE}) {${body}
  }`;

/** Loops over the tiles of queries that see the keys from `s0` on; the body has the first of a tile, `t0`. */
export const eachTileOfQueries = (body: Fragment) => wgsl`
  let first = max(0, s0 - offset) / ${TILE} * ${TILE};
  let last = select(u.queries, min(u.queries, s0 + ${TILE - 1} + u.window - offset), u.window > 0);
  for (var t0 = first; t0 < last; t0 += ${TILE}) {${body}
  }`;

/** `x<row>` scaled, less what ALiBi takes off by the distance `back<row>`. */
export const scaled = ({ slopes }: PairwiseVariant, row: number) =>
  `x${row} = x${row} * u.scale${slopes ? ` - slope * vec4f(back${row})` : ''};`;

/** Where rows are queries: how far `back` the four keys are from row i, which of them it has `seen`, and `x` scaled. */
export const scoresOfQuery = (variant: PairwiseVariant, i: number) =>
  fragment(`offset row key x${i}${variant.slopes ? ' slope' : ''}`, `back${i} seen${i}`)`
    let back${i} = offset + row + ${i} - key;
    let seen${i} = ${VISIBLE}(back${i}, key);
    ${scaled(variant, i)}`;

/** An element, 0 past the last row or column. */
const element = ({ tensor, at, rows, dim }: Rows, row: string, column: string) =>
  wgsl`select(0.0, ${tensor}[${at} + min(${row}, ${rows} - 1) * u.nHeads * ${dim} + min(${column}, ${dim} - 1)], ${row} < ${rows} && ${column} < ${dim})`;

const memory = (name: string, vectors: number) =>
  declare(name, wgsl`var<workgroup> ${name}: array<vec4f, ${vectors}>;`);

const [LEFT_PANEL, RIGHT_PANEL] = [memory('leftPanel', DEPTH * PITCH), memory('rightPanel', DEPTH * PITCH)] as const;
const [WEIGHTS, VALUES] = [memory('weights', TILE * PITCH), memory('values', (TILE * TILE) / 4)] as const;

/** Makes `target0..3`: the thread's 4 x 4 of left right^T. */
export function products(target: string, left: Rows, right: Rows): Fragment {
  const stage = (panel: Declared, rows: Rows) =>
    wgsl`${panel}[(l % ${DEPTH}) * ${PITCH} + l / ${DEPTH}] = ${vector((e) => element(rows, `(${rows.first} + i + ${e})`, 'c'))};`;
  return fragment(`local tx ty ${left.at} ${left.first} ${right.at} ${right.first}`, tileOf(target))`
    ${unrolled((row) => `var ${target}${row} = vec4f();`)}
    for (var c0 = 0; c0 < ${left.dim}; c0 += ${DEPTH}) {
      workgroupBarrier();
      for (var l = local; l < ${(DEPTH * TILE) / 4}; l += ${THREADS}) {
        let c = c0 + l % ${DEPTH};
        let i = 4 * (l / ${DEPTH});
        ${stage(LEFT_PANEL, left)}
        ${stage(RIGHT_PANEL, right)}
      }
      workgroupBarrier();
      for (var c = 0; c < ${DEPTH}; c++) {
        let left = ${LEFT_PANEL}[c * ${PITCH} + ty];
        let right = ${RIGHT_PANEL}[c * ${PITCH} + tx];
        ${unrolled((row) => `${target}${row} = fma(vec4f(left[${row}]), right, ${target}${row});`)}
      }
    }`;
}

/** Puts the thread's 4 x 4 into workgroup memory, transposed. */
export const storeWeights = (source: string) => fragment(`tx ty ${tileOf(source)}`)`workgroupBarrier();
    ${unrolled((column) => wgsl`${WEIGHTS}[(4 * tx + ${column}) * ${PITCH} + ty] = ${vector((row) => `${source}${row}[${column}]`)};`)}`;

/** Adds the product of the stored weights and 32 rows of values to the thread's four rows of `target`. */
export const addProducts = (target: string, chunks: number, values: Rows) =>
  fragment(`local tx ty ${values.at} ${values.first} ${resultOf(target, chunks)}`)`${unrolled(
    (chunk) => wgsl`workgroupBarrier();
    for (var l = local; l < ${(TILE * TILE) / 4}; l += ${THREADS}) {
      let s = ${values.first} + l / 8;
      let c = ${chunk * TILE} + 4 * (l % 8);
      ${VALUES}[l] = ${vector((e) => element(values, 's', `(c + ${e})`))};
    }
    workgroupBarrier();
    for (var s = 0; s < ${TILE}; s++) {
      let left = ${WEIGHTS}[s * ${PITCH} + ty];
      let right = ${VALUES}[s * 8 + tx];
      ${unrolled((row) => `${target}${chunk}${row} = fma(vec4f(left[${row}]), right, ${target}${chunk}${row});`)}
    }`,
    chunks,
  )}`;

/** Writes the thread's rows of a result to the tensor `to`, which lies as those rows do. */
export const storeRows = (source: string, chunks: number, to: string, { at, rows, dim }: Rows) =>
  fragment(`${to} ${at} row tx ${resultOf(source, chunks)}`)`${everyVector(
    chunks,
    (chunk, row) =>
      `for (var j = 0; j < 4; j++) { if (row + ${row} < ${rows} && ${chunk * TILE} + 4 * tx + j < ${dim}) { ${to}[${at} + (row + ${row}) * u.nHeads * ${dim} + ${chunk * TILE} + 4 * tx + j] = ${source}${chunk}${row}[j]; } }`,
  )}`;

const SHARES = memory('shares', THREADS);

const acrossThreads = (name: string, next: Fragment) =>
  declare(
    name,
    wgsl`fn ${name}(share: vec4f, tx: i32, ty: i32) -> vec4f {
  workgroupBarrier();
  ${SHARES}[8 * tx + ty] = share;
  workgroupBarrier();
  var all = ${SHARES}[ty];
  for (var x = 1; x < 8; x++) { all = ${next}; }
  return all;
}`,
  );

/** The largest, and the sum, of `share` over the eight threads that share rows; an element to a row. */
export const ACROSS = {
  max: acrossThreads('acrossMax', wgsl`max(all, ${SHARES}[8 * x + ty])`),
  sum: acrossThreads('acrossSum', wgsl`all + ${SHARES}[8 * x + ty]`),
};
