/**
 * Matrix products on the webgpu engine: tiles of C in registers, 4 x 4 or 8 x 8 to a thread, panels of A and B in
 * workgroup memory as vectors along the rows of A and the columns of B. Where the tiles of C are too few to fill a
 * GPU and k is long, k is divided and the partial products are added in a fixed order: no atomics, same result always.
 */
import type * as tf from '../../tf.js';
import { shaderText, type WebgpuCall } from './kernel.js';
import { sumPartials } from './reduce.js';
import { eachLine } from './workgroup.js';

/** A stack of matrices in a tensor, row-major; offsets and strides in elements. */
export interface GpuMatrices {
  readonly tensor: tf.Tensor;
  /** Whether what lies in memory is the transposed matrix. */
  readonly transposed?: boolean;
  /** Elements from one matrix to the next; 0 repeats one. Default: matrices lie one after the other. */
  readonly batch?: number;
  readonly offset?: number;
}

export interface GpuProduct {
  readonly a: GpuMatrices;
  readonly b: GpuMatrices;
  readonly c: { readonly tensor: tf.Tensor; readonly offset?: number };
  /** [n] */
  readonly bias?: tf.Tensor | undefined;
  /** Adds to what C holds. */
  readonly accumulate?: boolean;
}

/** A tile: 16 x 16 or 8 x 8 threads, each with `blocks` x `blocks` blocks of 4 x 4; `depth` of k at a time. */
interface Tile {
  readonly threads: number;
  readonly blocks: number;
  readonly depth: number;
  /** Workgroups below which a GPU has idle processors. */
  readonly enough: number;
}

const SMALL: Tile = { threads: 8, blocks: 1, depth: 16, enough: 512 };
const MEDIUM: Tile = { threads: 16, blocks: 1, depth: 16, enough: 256 };
const LARGE: Tile = { threads: 16, blocks: 2, depth: 8, enough: 128 };

/** Least length of a part of k: a shorter one is done sooner than the partial products are added. */
const SHORTEST_SPLIT = 128;
const MOST_SPLITS = 128;

const widthOf = ({ threads, blocks }: Tile) => 4 * threads * blocks;

/** `c[batches, m, n] = a[batches, m, k] b[batches, k, n] + bias`. */
export function multiply(
  gpu: WebgpuCall,
  { a, b, c, bias, accumulate = false }: GpuProduct,
  { batches, m, k, n }: { readonly batches: number; readonly m: number; readonly k: number; readonly n: number },
): void {
  const tilesOf = (tile: Tile) => Math.ceil(m / widthOf(tile)) * Math.ceil(n / widthOf(tile)) * batches;
  const mostSplits = Math.max(1, Math.min(Math.floor(k / SHORTEST_SPLIT), MOST_SPLITS));
  const fills = (tile: Tile) => Math.min(m, n) > widthOf(tile) / 2 && tilesOf(tile) * mostSplits >= tile.enough;
  const tile = [LARGE, MEDIUM].find(fills) ?? SMALL;
  const splits = Math.min(mostSplits, Math.ceil(tile.enough / tilesOf(tile)));
  const perSplit = tile.depth * Math.ceil(k / (splits * tile.depth));
  const partials = splits > 1 ? gpu.scratch([splits * batches * m * n]) : undefined;
  const [aOffset, bOffset, cOffset] = [a.offset ?? 0, b.offset ?? 0, partials ? 0 : (c.offset ?? 0)];
  const variant: Variant = {
    tile,
    transposeA: a.transposed ?? false,
    transposeB: b.transposed ?? false,
    vectorA: (a.transposed ?? false) && wholeVectors(a.tensor, m, aOffset, a.batch ?? 0),
    vectorB: !b.transposed && wholeVectors(b.tensor, n, bOffset, b.batch ?? 0),
    vectorC: wholeVectors(partials ?? c.tensor, n, cOffset, 0),
    bias: bias !== undefined && !partials,
    accumulate: accumulate && !partials,
  };
  const read: Record<string, tf.Tensor> = { a: a.tensor, b: b.tensor };
  if (variant.bias) read['bias'] = bias as tf.Tensor;
  const vec4 = (['A', 'B', 'C'] as const).filter((name) => variant[`vector${name}`]).map((name) => name.toLowerCase());
  const [tilesM, tilesN] = [Math.ceil(m / widthOf(tile)), Math.ceil(n / widthOf(tile))];
  const lines = tilesM * tilesN * batches * splits;
  gpu.dispatch({
    code: gemmCode(variant),
    read,
    write: { c: partials ?? c.tensor },
    vec4,
    integers: {
      m,
      k,
      n,
      aBatch: a.batch ?? m * k,
      bBatch: b.batch ?? k * n,
      aOffset,
      bOffset,
      cOffset,
      splits,
      perSplit,
      splitSize: batches * m * n,
      lines,
      tilesM,
      tilesN,
    },
    workgroups: gpu.grid(lines),
  });
  if (partials) {
    sumPartials(gpu, partials, c.tensor, {
      count: splits,
      size: batches * m * n,
      toOffset: c.offset ?? 0,
      bias,
      accumulate,
    });
  }
}

/** Whether rows of `width` elements can be read as vectors. */
function wholeVectors({ size }: tf.Tensor, width: number, offset: number, batch: number): boolean {
  return width % 4 === 0 && offset % 4 === 0 && batch % 4 === 0 && size % 4 === 0;
}

interface Variant {
  readonly tile: Tile;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly vectorC: boolean;
  readonly bias: boolean;
  readonly accumulate: boolean;
}

const gemmCode = shaderText((variant: Variant): string => {
  const { tile, transposeA, transposeB, vectorA, vectorB, vectorC, bias, accumulate } = variant;
  const { threads, blocks, depth } = tile;
  const [size, width] = [threads * threads, widthOf(tile)];
  const columns = width / 4; // vectors in a row of a panel
  const pitch = columns + 1; // one more, so that writing down a column meets every bank
  const each = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join('\n');

  /** Fills a panel [depth][columns] of vectors that run along `along` (m or n), `first` on. */
  const stage = (name: 'a' | 'b', along: 'm' | 'n', alongIsContiguous: boolean, vector: boolean) => {
    const [inDepth, inAlong] = alongIsContiguous
      ? [`l / ${columns}`, `l % ${columns}`]
      : [`l % ${depth}`, `l / ${depth}`];
    const element = (i: number) => {
      const index = alongIsContiguous ? `p * u.${along} + i + ${i}` : `(i + ${i}) * u.k + p`;
      return `select(0.0, ${name}[${name}At + min(${index}, ${name}Last)], inside && i + ${i} < u.${along})`;
    };
    const value = vector
      ? `select(vec4f(), ${name}[(${name}At + min(p * u.${along} + i, ${name}Last)) / 4], inside && i < u.${along})`
      : `vec4f(${[0, 1, 2, 3].map(element).join(', ')})`;
    return `
    for (var l = local; l < ${depth * columns}; l += ${size}) {
      let p = p0 + ${inDepth};
      let i = ${name}First + 4 * (${inAlong});
      let inside = p < last;
      ${name}Panel[(${inDepth}) * ${pitch} + ${inAlong}] = ${value};
    }`;
  };
  const blocksOf = (line: (row: number, column: number) => string) =>
    each(blocks, (row) => each(blocks, (column) => line(row, column)));
  const sum = (row: number, i: number, column: number) => `sum${row}${i}${column}`;

  const storeVector = (row: number, i: number, column: number) => {
    const value = `${sum(row, i, column)}${bias ? ` + vec4f(bias[j], bias[j + 1], bias[j + 2], bias[j + 3])` : ''}`;
    return `if (i + ${i} < u.m && j < u.n) { let at = (cAt + (i + ${i}) * u.n + j) / 4; c[at] = ${value}${accumulate ? ' + c[at]' : ''}; }`;
  };
  const storeScalars = (row: number, i: number, column: number) =>
    `for (var e = 0; e < 4; e++) { if (i + ${i} < u.m && j + e < u.n) { let at = cAt + (i + ${i}) * u.n + j + e;
      c[at] = ${sum(row, i, column)}[e]${bias ? ' + bias[j + e]' : ''}${accumulate ? ' + c[at]' : ''}; } }`;

  return `
var<workgroup> aPanel: array<vec4f, ${depth * pitch}>;
var<workgroup> bPanel: array<vec4f, ${depth * pitch}>;
${eachLine(size)}
  let tx = local % ${threads};
  let ty = local / ${threads};
  let product = line / (u.tilesM * u.tilesN);
  let batch = product / u.splits;
  let split = product % u.splits;
  let aFirst = line % u.tilesM * ${width};
  let bFirst = line / u.tilesM % u.tilesN * ${width};
  let aAt = u.aOffset + batch * u.aBatch;
  let bAt = u.bOffset + batch * u.bBatch;
  let aLast = u.m * u.k - 1;
  let bLast = u.k * u.n - 1;
  let cAt = u.cOffset + split * u.splitSize + batch * u.m * u.n;
  let begin = split * u.perSplit;
  let last = min(u.k, begin + u.perSplit);
  ${blocksOf((row, column) => each(4, (i) => `var ${sum(row, i, column)} = vec4f();`))}
  for (var p0 = begin; p0 < last; p0 += ${depth}) {
    ${stage('a', 'm', transposeA, vectorA)}
    ${stage('b', 'n', !transposeB, vectorB)}
    workgroupBarrier();
    for (var p = 0; p < ${depth}; p++) {
      ${each(blocks, (row) => `let a${row} = aPanel[p * ${pitch} + ${row * threads} + ty];`)}
      ${each(blocks, (column) => `let b${column} = bPanel[p * ${pitch} + ${column * threads} + tx];`)}
      ${blocksOf((row, column) => each(4, (i) => `${sum(row, i, column)} = fma(vec4f(a${row}[${i}]), b${column}, ${sum(row, i, column)});`))}
    }
    workgroupBarrier();
  }
  ${blocksOf(
    (row, column) => `{
    let i = aFirst + 4 * (${row * threads} + ty);
    let j = bFirst + 4 * (${column * threads} + tx);
    ${each(4, (i) => (vectorC ? storeVector : storeScalars)(row, i, column))}
  }`,
  )}
}`;
});
