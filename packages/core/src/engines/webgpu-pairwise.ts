/**
 * Causal attention of every kind on the webgpu engine: sums over pairs of tokens, 32 queries by 32 keys at a time, so
 * that no [M, L] tensor exists.
 *
 *   x = scale q_t . k_s    o_t = sum_{s visible to t} w(x) v_s / N_t
 *   softmax:  w = exp(x - N_t), N the log-sum-exp, found online (Milakov and Gimelshein 2018; Dao et al. 2022)
 *   otherwise w is given, N_t = sum w + eps, or 1
 *   backward: dx = w'(x) / N_t (do_t . v_s - D_t), with softmax w (do_t . v_s - D_t); D_t = do_t . o_t less what flows
 *   into N_t; dq by tiles of queries, dk and dv by tiles of keys, weights computed again
 *
 * 64 threads hold a tile of 32 x 32 weights in registers, 4 x 4 each, and 4 rows of the result. Heads own contiguous
 * columns; sizes are uniforms, only the number of registers that p and r take is part of the text.
 */
import type * as tf from '../tf.js';
import { DROPOUT_WGSL, EACH_ELEMENT, forEachElement } from './webgpu-elementwise.js';
import type { WebgpuCall } from './webgpu-kernel.js';

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

const TILE = 32;
const DEPTH = 16;
const THREADS = 64;
/** Vectors in a row of a panel, one more than used, so that writing down a column meets every bank. */
const PITCH = TILE / 4 + 1;

const each = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');
/** Registers for `columns` columns of a result, 32 at a time. */
const chunksOf = (columns: number) => Math.ceil(columns / TILE);

/** o [B, M, H r] and the normaliser (ones where there is none). */
export function pairwiseForward(
  gpu: WebgpuCall,
  inputs: PairwiseInputs,
  form: PairwiseForm,
): { o: tf.Tensor; normaliser: tf.Tensor } {
  const sizes = sizesOf(inputs, form);
  const { batch, nHeads, queries, r, tiles } = sizes;
  const { normalize = false } = form;
  const softmax = form.weight === 'softmax';
  const o = gpu.output<tf.Rank.R3>([batch, queries, nHeads * r]);
  const normaliser = gpu.output<tf.Rank.R3>(
    form.headsLast ? [batch, queries, nHeads] : [batch, nHeads, queries],
  ) as tf.Tensor;
  const chunks = chunksOf(r);
  const code = `
${declarations(inputs, form)}
${ACROSS}
${opening(inputs)}
  let t0 = i32(group.y) * ${TILE};
  let row = t0 + 4 * ty;
  ${each(chunks, (chunk) => each(4, (i) => `var sum${chunk}${i} = vec4f();`))}
  var largest = vec4f(-1e30);
  var total = vec4f();
  let last = min(u.keys, offset + t0 + ${TILE});
  let first = select(0, max(0, offset + t0 - u.window + 1) / ${TILE} * ${TILE}, u.window > 0);
  for (var s0 = first; s0 < last; s0 += ${TILE}) {
    ${products('x', { name: 'q', first: 't0', rows: 'u.queries' }, { name: 'k', first: 's0', rows: 'u.keys' }, 'p')}
    ${each(4, (i) => `let back${i} = offset + row + ${i} - (s0 + 4 * tx + vec4i(0, 1, 2, 3)); let seen${i} = visible(back${i}, s0 + 4 * tx + vec4i(0, 1, 2, 3));`)}
    ${each(4, (i) => `x${i} = ${scaled(inputs, i)};`)}
    ${
      softmax
        ? `${each(4, (i) => `x${i} = select(vec4f(-1e30), x${i}, seen${i});`)}
    let highest = max(largest, ${across(
      'max',
      each(4, (i) => `${i ? ', ' : ''}max(max(x${i}.x, x${i}.y), max(x${i}.z, x${i}.w))`),
    )});
    let factor = exp(largest - highest);
    largest = highest;
    ${each(4, (i) => `x${i} = select(vec4f(), exp(x${i} - highest[${i}]), seen${i});`)}
    total = total * factor + vec4f(${each(4, (i) => `${i ? ', ' : ''}dot(x${i}, vec4f(1.0))`)});
    ${each(chunks, (chunk) => each(4, (i) => `sum${chunk}${i} *= factor[${i}];`))}
    ${form.dropoutRate ? each(4, (i) => `x${i} *= kept((head * u.queries + row + ${i}) * u.keys + s0 + 4 * tx);`) : ''}`
        : `${each(4, (i) => `x${i} = select(vec4f(), weight(x${i}), seen${i});`)}
    total += vec4f(${each(4, (i) => `${i ? ', ' : ''}dot(x${i}, vec4f(1.0))`)});`
    }
    ${storeWeights('x')}
    ${addProducts('sum', chunks, { name: 'v', first: 's0', rows: 'u.keys' }, 'r')}
  }
  total = ${across('sum', 'total')};
  let divisor = ${softmax ? 'total' : normalize ? 'total + u.eps' : 'vec4f(1.0)'};
  ${each(
    4,
    (i) => `if (row + ${i} < u.queries) {
    ${each(chunks, (chunk) => `for (var j = 0; j < 4; j++) { if (${chunk * TILE} + 4 * tx + j < u.r) { o[oAt + (row + ${i}) * u.nHeads * u.r + ${chunk * TILE} + 4 * tx + j] = sum${chunk}${i}[j] / divisor[${i}]; } }`)}
    if (tx == 0) { normaliser[normaliserAt + (row + ${i}) * normaliserRow] = ${softmax ? `largest[${i}] + log(total[${i}])` : `divisor[${i}]`}; }
  }`,
  )}
}`;
  gpu.dispatch({
    code,
    read: reads(inputs),
    write: { o, normaliser },
    integers: { ...integersOf(sizes, form) },
    floats: floatsOf(form),
    workgroups: [batch * nHeads, tiles(queries)],
  });
  return { o, normaliser };
}

/** Gradients; `dNormaliser` is that of the normaliser, where one flows into it. */
export function pairwiseBackward(
  gpu: WebgpuCall,
  inputs: PairwiseInputs & {
    readonly o: tf.Tensor;
    readonly normaliser: tf.Tensor;
    readonly dO: tf.Tensor;
    readonly dNormaliser?: tf.Tensor | undefined;
  },
  form: PairwiseForm,
): { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor } {
  const { q, k, v, normaliser, dO } = inputs;
  const sizes = sizesOf(inputs, form);
  const { batch, nHeads, queries, keys, p, r, tiles } = sizes;
  const divided = form.weight === 'softmax' || (form.normalize ?? false);
  const [dq, dk, dv] = [q, k, v].map(({ shape }) => gpu.output(shape as never)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const rowTerms = divided ? rowTermsOf(gpu, inputs, form, sizes) : undefined;
  const common = {
    read: { ...reads(inputs), dO, ...(rowTerms && { normaliser, rowTerms }) },
    integers: integersOf(sizes, form),
    floats: floatsOf(form),
  };
  const softmax = form.weight === 'softmax';
  const dropped = softmax && form.dropoutRate;
  /** x, dP -> weight a and its gradient, where the normaliser and row term of a row are vectors over the columns, or scalars. */
  const gradientOf = (i: number, normaliserOf: string, term: string, index: string) =>
    softmax
      ? `let w${i} = select(vec4f(), exp(x${i} - ${normaliserOf}), seen${i});
    ${dropped ? `let kept${i} = ${index};` : ''}
    let dx${i} = w${i} * (g${i}${dropped ? ` * kept${i}` : ''} - ${term}) * u.scale;
    let a${i} = w${i}${dropped ? ` * kept${i}` : ''};`
      : `let a${i} = select(vec4f(), weight(x${i})${divided ? ` / ${normaliserOf}` : ''}, seen${i});
    let dx${i} = select(vec4f(), derivative(x${i})${divided ? ` / ${normaliserOf} * (g${i} - ${term})` : ` * g${i}`} * u.scale, seen${i});`;

  const chunks = chunksOf(p);
  gpu.dispatch({
    code: `
${declarations(inputs, form)}
${opening(inputs)}
  let t0 = i32(group.y) * ${TILE};
  let row = t0 + 4 * ty;
  ${each(chunks, (chunk) => each(4, (i) => `var sum${chunk}${i} = vec4f();`))}
  ${divided ? `${each(4, (i) => `let at${i} = min(row + ${i}, u.queries - 1); let n${i} = normaliser[normaliserAt + at${i} * normaliserRow]; let term${i} = rowTerms[head * u.queries + at${i}];`)}` : ''}
  let last = min(u.keys, offset + t0 + ${TILE});
  let first = select(0, max(0, offset + t0 - u.window + 1) / ${TILE} * ${TILE}, u.window > 0);
  for (var s0 = first; s0 < last; s0 += ${TILE}) {
    ${products('x', { name: 'q', first: 't0', rows: 'u.queries' }, { name: 'k', first: 's0', rows: 'u.keys' }, 'p')}
    ${products('g', { name: 'dO', first: 't0', rows: 'u.queries' }, { name: 'v', first: 's0', rows: 'u.keys' }, 'r')}
    ${each(
      4,
      (
        i,
      ) => `let back${i} = offset + row + ${i} - (s0 + 4 * tx + vec4i(0, 1, 2, 3)); let seen${i} = visible(back${i}, s0 + 4 * tx + vec4i(0, 1, 2, 3));
    x${i} = ${scaled(inputs, i)};
    ${gradientOf(i, `n${i}`, `term${i}`, `kept((head * u.queries + row + ${i}) * u.keys + s0 + 4 * tx)`)}`,
    )}
    ${storeWeights('dx')}
    ${addProducts('sum', chunks, { name: 'k', first: 's0', rows: 'u.keys' }, 'p')}
  }
  ${storeRows('sum', chunks, 'dq', 'qAt', 'u.queries', 'p')}
}`,
    ...common,
    write: { dq },
    workgroups: [batch * nHeads, tiles(queries)],
  });

  const valueChunks = chunksOf(r);
  gpu.dispatch({
    code: `
${declarations(inputs, form)}
${opening(inputs)}
  let s0 = i32(group.y) * ${TILE};
  let row = s0 + 4 * ty;
  ${each(chunks, (chunk) => each(4, (i) => `var sum${chunk}${i} = vec4f();`))}
  ${each(valueChunks, (chunk) => each(4, (i) => `var valueSum${chunk}${i} = vec4f();`))}
  let first = max(0, s0 - offset) / ${TILE} * ${TILE};
  let last = select(u.queries, min(u.queries, s0 + ${TILE - 1} + u.window - offset), u.window > 0);
  for (var t0 = first; t0 < last; t0 += ${TILE}) {
    let query = t0 + 4 * tx + vec4i(0, 1, 2, 3);
    ${
      divided
        ? `let at = min(query, vec4i(u.queries - 1));
    let n = vec4f(${each(4, (j) => `${j ? ', ' : ''}normaliser[normaliserAt + at[${j}] * normaliserRow]`)});
    let term = vec4f(${each(4, (j) => `${j ? ', ' : ''}rowTerms[head * u.queries + at[${j}]]`)});`
        : ''
    }
    ${products('x', { name: 'k', first: 's0', rows: 'u.keys' }, { name: 'q', first: 't0', rows: 'u.queries' }, 'p')}
    ${products('g', { name: 'v', first: 's0', rows: 'u.keys' }, { name: 'dO', first: 't0', rows: 'u.queries' }, 'r')}
    ${each(
      4,
      (
        i,
      ) => `let back${i} = offset + query - (row + ${i}); let seen${i} = visible(back${i}, vec4i(row + ${i})) & (query < vec4i(u.queries));
    x${i} = ${scaled(inputs, i)};
    ${gradientOf(i, 'n', 'term', `keptDown(head * u.queries * u.keys + row + ${i}, query)`)}`,
    )}
    ${storeWeights('a')}
    ${addProducts('valueSum', valueChunks, { name: 'dO', first: 't0', rows: 'u.queries' }, 'r')}
    ${storeWeights('dx')}
    ${addProducts('sum', chunks, { name: 'q', first: 't0', rows: 'u.queries' }, 'p')}
  }
  ${storeRows('sum', chunks, 'dk', 'kAt', 'u.keys', 'p')}
  ${storeRows('valueSum', valueChunks, 'dv', 'vAt', 'u.keys', 'r')}
}`,
    ...common,
    write: { dk, dv },
    workgroups: [batch * nHeads, tiles(keys)],
  });
  return { dq, dk, dv };
}

/** D [B, H, M]: do . o less the gradient that flows into the normaliser. */
function rowTermsOf(
  gpu: WebgpuCall,
  {
    o,
    dO,
    normaliser,
    dNormaliser,
  }: { o: tf.Tensor; dO: tf.Tensor; normaliser: tf.Tensor; dNormaliser?: tf.Tensor | undefined },
  form: PairwiseForm,
  sizes: ReturnType<typeof sizesOf>,
): tf.Tensor {
  const { batch, nHeads, queries, r } = sizes;
  const rowTerms = gpu.scratch<tf.Rank.R3>([batch, nHeads, queries]);
  const into = form.weight === 'softmax' ? 'dNormaliser[at]' : 'normaliser[at] * dNormaliser[at]';
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  let t = i % u.queries;
  let h = (i / u.queries) % u.nHeads;
  let b = i / (u.queries * u.nHeads);
  let row = ((b * u.queries + t) * u.nHeads + h) * u.r;
  ${dNormaliser ? `let at = ${form.headsLast ? '(b * u.queries + t) * u.nHeads + h' : 'i'};` : ''}
  var sum = ${dNormaliser ? `-${into}` : '0.0'};
  for (var j = 0; j < u.r; j++) { sum += dO[row + j] * o[row + j]; }
  rowTerms[i] = sum;
}`,
    read: {
      o,
      dO,
      ...(dNormaliser && { dNormaliser }),
      ...(dNormaliser && form.weight !== 'softmax' && { normaliser }),
    },
    write: { rowTerms },
    integers: { size: rowTerms.size, queries, nHeads, r },
    workgroups: forEachElement(gpu, rowTerms.size),
  });
  return rowTerms;
}

function sizesOf({ q, k, v }: PairwiseInputs, { nHeads }: PairwiseForm) {
  const [batch, queries, width] = q.shape as [number, number, number];
  const tiles = (length: number) => Math.ceil(length / TILE);
  return {
    batch,
    nHeads,
    queries,
    keys: k.shape[1] as number,
    p: width / nHeads,
    r: (v.shape[2] as number) / nHeads,
    tiles,
  };
}

const reads = ({ q, k, v, slopes }: PairwiseInputs) => ({ q, k, v, ...(slopes && { slopes }) });

function integersOf({ nHeads, queries, keys, p, r }: ReturnType<typeof sizesOf>, form: PairwiseForm) {
  const { window = 0, headsLast = false, dropoutRate = 0, dropoutSeed = 0 } = form;
  const dropout = dropoutRate ? { threshold: Math.round(dropoutRate * 2 ** 24), seed: dropoutSeed | 0 } : {};
  return { nHeads, queries, keys, p, r, window, headsLast: Number(headsLast), ...dropout };
}

function floatsOf({ scale, eps = 0, dropoutRate = 0 }: PairwiseForm) {
  return { scale, eps, keptScale: 1 / (1 - dropoutRate) };
}

function declarations({ slopes: _slopes }: PairwiseInputs, { weight, dropoutRate }: PairwiseForm): string {
  const functions =
    weight === 'softmax'
      ? ''
      : `fn weight(x: vec4f) -> vec4f { return ${weight.value}; }
fn derivative(x: vec4f) -> vec4f { return ${weight.derivative}; }`;
  const dropout = dropoutRate
    ? `${DROPOUT_WGSL}
fn kept(index: i32) -> vec4f {
  return u.keptScale * vec4f(${each(4, (j) => `${j ? ', ' : ''}select(0.0, 1.0, isKept(index + ${j}))`)});
}
fn keptDown(index: i32, query: vec4i) -> vec4f {
  return u.keptScale * vec4f(${each(4, (j) => `${j ? ', ' : ''}select(0.0, 1.0, isKept(index + query[${j}] * u.keys))`)});
}`
    : '';
  return `
var<workgroup> leftPanel: array<vec4f, ${DEPTH * PITCH}>;
var<workgroup> rightPanel: array<vec4f, ${DEPTH * PITCH}>;
var<workgroup> weights: array<vec4f, ${TILE * PITCH}>;
var<workgroup> values: array<vec4f, ${(TILE * TILE) / 4}>;
${functions}
${dropout}
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}`;
}

/** Opens `main`: the thread's place, and where the head begins in each tensor. */
function opening({ slopes }: PairwiseInputs): string {
  return `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let tx = local % 8;
  let ty = local / 8;
  let head = i32(group.x);
  let b = head / u.nHeads;
  let h = head % u.nHeads;
  let offset = u.keys - u.queries;
  let qAt = (b * u.queries * u.nHeads + h) * u.p;
  let kAt = (b * u.keys * u.nHeads + h) * u.p;
  let vAt = (b * u.keys * u.nHeads + h) * u.r;
  let oAt = (b * u.queries * u.nHeads + h) * u.r;
  let dOAt = oAt;
  let normaliserRow = select(1, u.nHeads, u.headsLast == 1);
  let normaliserAt = select(head * u.queries, b * u.queries * u.nHeads + h, u.headsLast == 1);
  ${slopes ? 'let slope = slopes[h];' : ''}
`;
}

const scaled = ({ slopes }: PairwiseInputs, i: number) =>
  `x${i} * u.scale${slopes ? ` - slope * vec4f(back${i})` : ''}`;

/** Rows of a tensor, from `first` on, of `rows`; `<name>At` is where its head begins. */
interface Rows {
  readonly name: string;
  readonly first: string;
  readonly rows: string;
}

const element = ({ name, rows }: Rows, row: string, column: string, dim: string) =>
  `select(0.0, ${name}[${name}At + min(${row}, ${rows} - 1) * u.nHeads * u.${dim} + min(${column}, u.${dim} - 1)], ${row} < ${rows} && ${column} < u.${dim})`;

/** `target0..3`: the thread's 4 x 4 of left right^T over `dim` columns. */
function products(target: string, left: Rows, right: Rows, dim: 'p' | 'r'): string {
  const stage = (panel: string, rows: Rows) =>
    `${panel}[(l % ${DEPTH}) * ${PITCH} + l / ${DEPTH}] = vec4f(${each(4, (e) => `${e ? ', ' : ''}${element(rows, `(${rows.first} + i + ${e})`, 'c', dim)}`)});`;
  return `
    ${each(4, (i) => `var ${target}${i} = vec4f();`)}
    for (var c0 = 0; c0 < u.${dim}; c0 += ${DEPTH}) {
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
        ${each(4, (i) => `${target}${i} = fma(vec4f(left[${i}]), right, ${target}${i});`)}
      }
    }`;
}

/** Puts the thread's 4 x 4 into workgroup memory, transposed. */
function storeWeights(source: string): string {
  return `workgroupBarrier();
    ${each(4, (j) => `weights[(4 * tx + ${j}) * ${PITCH} + ty] = vec4f(${each(4, (i) => `${i ? ', ' : ''}${source}${i}[${j}]`)});`)}`;
}

/** Adds the product of the stored weights and 32 rows of values to the thread's 4 rows of `target`. */
function addProducts(target: string, chunks: number, rows: Rows, dim: 'p' | 'r'): string {
  return each(
    chunks,
    (chunk) => `workgroupBarrier();
    for (var l = local; l < ${(TILE * TILE) / 4}; l += ${THREADS}) {
      let s = ${rows.first} + l / 8;
      let c = ${chunk * TILE} + 4 * (l % 8);
      values[l] = vec4f(${each(4, (e) => `${e ? ', ' : ''}${element(rows, 's', `(c + ${e})`, dim)}`)});
    }
    workgroupBarrier();
    for (var s = 0; s < ${TILE}; s++) {
      let left = weights[s * ${PITCH} + ty];
      let right = values[s * 8 + tx];
      ${each(4, (i) => `${target}${chunk}${i} = fma(vec4f(left[${i}]), right, ${target}${chunk}${i});`)}
    }`,
  );
}

function storeRows(source: string, chunks: number, to: string, at: string, rows: string, dim: 'p' | 'r'): string {
  return each(4, (i) =>
    each(
      chunks,
      (chunk) =>
        `for (var j = 0; j < 4; j++) { if (row + ${i} < ${rows} && ${chunk * TILE} + 4 * tx + j < u.${dim}) { ${to}[${at} + (row + ${i}) * u.nHeads * u.${dim} + ${chunk * TILE} + 4 * tx + j] = ${source}${chunk}${i}[j]; } }`,
    ),
  );
}

const ACROSS = (['Max', 'Sum'] as const)
  .map(
    (kind) => `
fn across${kind}(share: vec4f, tx: i32, ty: i32) -> vec4f {
  workgroupBarrier();
  shares[8 * tx + ty] = share;
  workgroupBarrier();
  var all = shares[ty];
  for (var x = 1; x < 8; x++) { all = ${kind === 'Max' ? 'max(all, shares[8 * x + ty])' : 'all + shares[8 * x + ty]'}; }
  return all;
}`,
  )
  .join('\n')
  .concat(`\nvar<workgroup> shares: array<vec4f, ${THREADS}>;`);

/** The largest, or the sum, over the eight threads that share rows. */
function across(kind: 'max' | 'sum', share: string): string {
  return `across${kind === 'max' ? 'Max' : 'Sum'}(${kind === 'max' ? `vec4f(${share})` : share}, tx, ty)`;
}
