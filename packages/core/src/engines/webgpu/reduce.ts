/** Sums on the webgpu engine, each in a fixed order: of partial results, over the rows of a matrix, over its columns. */
import type * as tf from '../../tf.js';
import type { WebgpuCall } from './kernel.js';
import { eachLine } from './workgroup.js';

/** Where the partial results lie; in elements. */
export interface PartialSums {
  /** How many partial results. */
  readonly count: number;
  /** Elements to sum, each by itself. */
  readonly size: number;
  /** From one partial result to the next. Default: `size`. */
  readonly stride?: number;
  readonly offset?: number;
  readonly toOffset?: number;
  /** Added to every row of the result. */
  readonly bias?: tf.Tensor | undefined;
  /** Adds to what the result holds. */
  readonly accumulate?: boolean;
}

const THREADS = 64;

/** `to[toOffset + i] = sum_c partials[offset + c stride + i]` for i < size. */
export function sumPartials(
  gpu: WebgpuCall,
  partials: tf.Tensor,
  to: tf.Tensor,
  { count, size, stride = size, offset = 0, toOffset = 0, bias, accumulate = false }: PartialSums,
): void {
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var c = 0; c < u.count; c++) { sum += partials[u.offset + c * u.stride + i]; }
  ${accumulate ? 'sum += to[u.toOffset + i];' : ''}
  to[u.toOffset + i] = sum${bias ? ' + bias[i % u.width]' : ''};
}`,
    read: bias ? { partials, bias } : { partials },
    write: { to },
    integers: { count, size, stride, offset, toOffset, ...(bias && { width: bias.size }) },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

/** A sum over the rows of a matrix. */
export interface ColumnSum {
  /** [columns] */
  readonly to: tf.Tensor;
  /** WGSL of what is added up, of `row` and `column`. */
  readonly term: string;
}

/** A workgroup has 32 columns, so that its reads are of whole lines of memory, and 8 walkers down the rows. */
const [COLUMNS, WALKERS] = [32, 8];
/** Rows that a workgroup takes: all of so many, else as few as let the blocks be summed by one workgroup. */
const ROWS_AT_ONCE = 256;
const ROWS_PER_BLOCK = 64;

/** Sums over the rows of a matrix, several at once: one dispatch for up to 256 rows, two for any number. */
export function columnSums(
  gpu: WebgpuCall,
  read: Readonly<Record<string, tf.Tensor>>,
  sums: Readonly<Record<string, ColumnSum>>,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): void {
  const blocks = rows <= ROWS_AT_ONCE ? 1 : Math.min(ROWS_AT_ONCE, Math.ceil(rows / ROWS_PER_BLOCK));
  const names = Object.keys(sums);
  const to: Record<string, tf.Tensor> = Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, blocks === 1 ? sum.to : gpu.scratch([blocks, columns])]),
  );
  const each = (line: (name: string) => string) => names.map(line).join('\n');
  gpu.dispatch({
    code: `
${each((name) => `var<workgroup> ${name}Shares: array<f32, ${COLUMNS * WALKERS}>;`)}
@compute @workgroup_size(${COLUMNS * WALKERS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let column = i32(group.x) * ${COLUMNS} + local % ${COLUMNS};
  let walker = local / ${COLUMNS};
  let block = i32(group.y);
  let last = select(0, min(u.rows, (block + 1) * u.perBlock), column < u.columns);
  ${each((name) => `var ${name}Sum = 0.0;`)}
  for (var row = block * u.perBlock + walker; row < last; row += ${WALKERS}) {
    ${each((name) => `${name}Sum += ${sums[name]?.term};`)}
  }
  ${each((name) => `${name}Shares[local] = ${name}Sum;`)}
  workgroupBarrier();
  if (walker > 0 || column >= u.columns) { return; }
  for (var other = 1; other < ${WALKERS}; other++) {
    ${each((name) => `${name}Sum += ${name}Shares[local + other * ${COLUMNS}];`)}
  }
  ${each((name) => `${name}[block * u.columns + column] = ${name}Sum;`)}
}`,
    read,
    write: to,
    integers: { rows, columns, perBlock: Math.ceil(rows / blocks) },
    workgroups: [Math.ceil(columns / COLUMNS), blocks],
  });
  if (blocks === 1) return;
  const partials = Object.fromEntries(names.map((name) => [`${name}Partials`, to[name] as tf.Tensor]));
  const totals = Object.fromEntries(
    names.map((name) => [
      name,
      { to: (sums[name] as ColumnSum).to, term: `${name}Partials[row * u.columns + column]` },
    ]),
  );
  columnSums(gpu, partials, totals, { rows: blocks, columns });
}

/** A row of a matrix for eight threads, so that reads are of neighbours; 32 rows for a workgroup. */
const [ROWS, SHARERS] = [32, 8];

/** Sums over the columns of a matrix, a number to a row. */
export function rowSums(
  gpu: WebgpuCall,
  read: Readonly<Record<string, tf.Tensor>>,
  to: tf.Tensor,
  {
    term,
    finish = 'sum',
    columns,
    integers = {},
  }: {
    /** WGSL of what is added up, of `row` and `column`. */
    readonly term: string;
    /** WGSL of what is kept, of `sum` and `row`. */
    readonly finish?: string;
    readonly columns: number;
    readonly integers?: Readonly<Record<string, number>>;
  },
): void {
  const rows = to.size;
  const lines = Math.ceil(rows / ROWS);
  gpu.dispatch({
    code: `
var<workgroup> shares: array<f32, ${ROWS * SHARERS}>;
${eachLine(ROWS * SHARERS)}
  let sharer = local % ${SHARERS};
  let own = line * ${ROWS} + local / ${SHARERS};
  var share = 0.0;
  if (own < u.rows) {
    let row = own;
    for (var column = sharer; column < u.columns; column += ${SHARERS}) { share += ${term}; }
  }
  shares[sharer * ${ROWS} + local / ${SHARERS}] = share;
  workgroupBarrier();
  let row = line * ${ROWS} + local;
  if (local >= ${ROWS} || row >= u.rows) { return; }
  var sum = 0.0;
  for (var other = 0; other < ${SHARERS}; other++) { sum += shares[other * ${ROWS} + local]; }
  to[row] = ${finish};
}`,
    read,
    write: { to },
    integers: { lines, rows, columns, ...integers },
    workgroups: gpu.grid(lines),
  });
}
