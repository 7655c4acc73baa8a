/**
 * Gathering rows and adding them up on the webgpu engine.
 *
 * The scatter-add is deterministic, without atomics: a workgroup owns 12 rows of the result and 64 of their columns in
 * workgroup memory and walks all indices in order, four walkers with sums of their own, added at the end. An index
 * outside gives a row of NaN in the gather (on the host it is refused, where the indices are still there) and is left out
 * of the scatter-add.
 */
import { EACH_ELEMENT, forEachElement } from '../../engines/webgpu/elementwise.js';
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import type { Inputs } from './wasm.js';

type None = Record<string, never>;

export const gatherKernel: WebgpuKernel<Inputs, None, { y: tf.Tensor }> = {
  run(gpu, { table, indices }) {
    const [rows, d] = table.shape as [number, number];
    assertInside(gpu, 'gatherRows: expected indices', indices, rows);
    const y = gpu.output([...indices.shape, d] as never) as tf.Tensor;
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

/** Sums x [...indices.shape, ...rest] into `[rows, ...rest]` by index. */
export const scatterAddKernel: WebgpuKernel<{ x: tf.Tensor; indices: tf.Tensor }, { rows: number }, { y: tf.Tensor }> =
  {
    run(gpu, { x, indices }, { rows }) {
      const rest = x.shape.slice(indices.shape.length);
      const y = gpu.output([rows, ...rest] as never) as tf.Tensor;
      const d = tf.util.sizeFromShape(rest);
      gpu.dispatch({
        code: `
var<workgroup> tile: array<i32, ${COLUMNS * WALKERS}>;
var<workgroup> sums: array<f32, ${WALKERS * ROWS * COLUMNS}>;
@compute @workgroup_size(${COLUMNS * WALKERS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let column = i32(group.y) * ${COLUMNS} + local % ${COLUMNS};
  let walker = local / ${COLUMNS};
  let own = walker * ${ROWS * COLUMNS} + local % ${COLUMNS};
  let first = i32(group.x) * ${ROWS};
  for (var row = 0; row < ${ROWS}; row++) { sums[own + row * ${COLUMNS}] = 0.0; }
  for (var start = 0; start < u.count; start += ${COLUMNS * WALKERS}) {
    workgroupBarrier();
    tile[local] = select(-1, indices[min(start + local, u.count - 1)], start + local < u.count);
    workgroupBarrier();
    for (var i = walker * ${COLUMNS}; i < walker * ${COLUMNS} + ${COLUMNS}; i++) {
      let row = tile[i] - first;
      if (u32(row) < ${ROWS}u && column < u.d) { sums[own + row * ${COLUMNS}] += x[(start + i) * u.d + column]; }
    }
  }
  workgroupBarrier();
  if (column >= u.d) { return; }
  for (var row = walker; row < ${ROWS}; row += ${WALKERS}) {
    var sum = 0.0;
    for (var w = 0; w < ${WALKERS}; w++) { sum += sums[w * ${ROWS * COLUMNS} + row * ${COLUMNS} + local % ${COLUMNS}]; }
    if (first + row < u.rows) { y[(first + row) * u.d + column] = sum; }
  }
}`,
        read: { x, indices },
        write: { y },
        integers: { count: indices.size, d, rows },
        workgroups: [Math.ceil(rows / ROWS), Math.ceil(d / COLUMNS)],
      });
      return { y };
    },
  };
