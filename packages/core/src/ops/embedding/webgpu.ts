/**
 * Gathering rows and adding them up on the webgpu engine.
 *
 * The scatter-add is deterministic: a workgroup owns 12 rows of the result and 64 of their columns, in workgroup memory.
 * Its threads look through the indices side by side and mark those of its rows in a bit each; four walkers add what is
 * marked, in order, to sums of their own, added at the end. Long lists of indices are divided, since a token may be
 * most of them. An index outside gives a row of NaN in the gather (on the host it is refused, where the indices are
 * still there) and is left out of the scatter-add.
 */
import { dims } from '../../dims.js';
import { EACH_ELEMENT, forEachElement } from '../../engines/webgpu/elementwise.js';
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { sumPartials } from '../../engines/webgpu/reduce.js';
import { eachLine } from '../../engines/webgpu/workgroup.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import type { GatherAttrs, GatherInputs, Outputs, ScatterAttrs, ScatterInputs } from './types.js';

export const gather: WebgpuKernel<GatherInputs, GatherAttrs, Outputs> = {
  run(gpu, { table, indices }) {
    const [rows, d] = dims(table, 2);
    assertInside(gpu, 'gatherRows: expected indices', indices, rows);
    const y = gpu.output([...indices.shape, d]);
    gpu.dispatch({
      code: `${EACH_ELEMENT}
  let row = indices[i / u.d];
  let outside = u32(row) >= u32(u.rows);
  y[i] = select(table[select(row, 0, outside) * u.d + i % u.d], bitcast<f32>(u.nan), outside);
}`,
      read: { table, indices },
      write: { y },
      integers: { size: y.size, d, rows, nan: 0x7fc00000 },
      workgroups: forEachElement(gpu, y.size),
    });
    return { y };
  },
};

/**
 * Refuses an index outside [0, below), where the indices are still on the host: reading them back would stall the
 * device.
 * @throws ShapeError
 */
export function assertInside(gpu: WebgpuCall, expected: string, indices: tf.Tensor, below: number): void {
  const values = gpu.hostValues(indices);
  if (!values) return;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (value < 0 || value >= below) {
      throw new ShapeError(`${expected} in [0, ${below}), got ${value} at position ${at}.`);
    }
  }
}

/** Rows of the result in a workgroup, its columns, and walkers. */
const [ROWS, COLUMNS, WALKERS] = [12, 64, 4];
/** Indices that are looked through at a time: 32 to a word, four words to a step of a walker. */
const MARKED = 1024;
/** A list of indices is divided into parts of at least so many, and their sums hold at most so many elements. */
const SHORTEST_PART = 4 * MARKED;
const MOST_PARTS = 8;
const MOST_PARTIALS = 2 ** 22;

/** Sums x [...indices.shape, ...rest] into `[rows, ...rest]` by index. */
export const scatterAdd: WebgpuKernel<ScatterInputs, ScatterAttrs, Outputs> = {
  run(gpu, { x, indices }, { rows }) {
    const rest = x.shape.slice(indices.shape.length);
    const y = gpu.output([rows, ...rest]);
    const d = tf.util.sizeFromShape(rest);
    const count = indices.size;
    const parts = Math.max(
      1,
      Math.min(MOST_PARTS, Math.ceil(count / SHORTEST_PART), Math.floor(MOST_PARTIALS / (rows * d))),
    );
    const sums = parts > 1 ? gpu.scratch([parts * rows * d]) : y;
    const [rowTiles, columnTiles] = [Math.ceil(rows / ROWS), Math.ceil(d / COLUMNS)];
    const lines = rowTiles * columnTiles * parts;
    gpu.dispatch({
      code: SCATTER_ADD,
      read: { x, indices },
      write: { sums },
      integers: { lines, rowTiles, columnTiles, perPart: Math.ceil(count / parts), count, d, rows },
      workgroups: gpu.grid(lines),
    });
    if (parts > 1) sumPartials(gpu, sums, y, { count: parts, size: rows * d });
    return { y };
  },
};

const four = (element: (index: string) => string) => ['x', 'y', 'z', 'w'].map(element);

const SCATTER_ADD = `
var<workgroup> marks: array<atomic<u32>, ${MARKED / 32}>;
var<workgroup> shares: array<f32, ${WALKERS * ROWS * COLUMNS}>;
${eachLine(COLUMNS * WALKERS)}
  let first = line % u.rowTiles * ${ROWS};
  let column = line / u.rowTiles % u.columnTiles * ${COLUMNS} + local % ${COLUMNS};
  let part = line / (u.rowTiles * u.columnTiles);
  let walker = local / ${COLUMNS};
  let own = walker * ${ROWS * COLUMNS} + local % ${COLUMNS};
  let read = min(column, u.d - 1);
  for (var row = 0; row < ${ROWS}; row++) { shares[own + row * ${COLUMNS}] = 0.0; }
  let end = min(u.count, (part + 1) * u.perPart);
  for (var start = part * u.perPart; start < end; start += ${MARKED}) {
    workgroupBarrier();
    if (local < ${MARKED / 32}) { atomicStore(&marks[local], 0u); }
    workgroupBarrier();
    for (var e = local; e < min(${MARKED}, end - start); e += ${COLUMNS * WALKERS}) {
      if (u32(indices[start + e] - first) < ${ROWS}u) { atomicOr(&marks[e / 32], 1u << u32(e % 32)); }
    }
    workgroupBarrier();
    for (var word = 4 * walker; word < ${MARKED / 32}; word += ${4 * WALKERS}) {
      var left = vec4u(${[0, 1, 2, 3].map((w) => `atomicLoad(&marks[word + ${w}])`).join(', ')});
      while (any(left != vec4u())) {
        let marked = left != vec4u();
        let i = start + select(vec4i(), 32 * (word + vec4i(0, 1, 2, 3)) + vec4i(firstTrailingBit(left)), marked);
        let row = vec4i(${four((e) => `indices[i.${e}]`).join(', ')}) - first;
        let values = vec4f(${four((e) => `x[i.${e} * u.d + read]`).join(', ')});
        ${four((e) => `if (marked.${e}) { shares[own + row.${e} * ${COLUMNS}] += values.${e}; }`).join('\n        ')}
        left &= left - vec4u(1u);
      }
    }
  }
  workgroupBarrier();
  if (column >= u.d) { return; }
  for (var row = walker; row < ${ROWS}; row += ${WALKERS}) {
    var sum = 0.0;
    for (var w = 0; w < ${WALKERS}; w++) { sum += shares[w * ${ROWS * COLUMNS} + row * ${COLUMNS} + local % ${COLUMNS}]; }
    if (first + row < u.rows) { sums[(part * u.rows + first + row) * u.d + column] = sum; }
  }
}`;
