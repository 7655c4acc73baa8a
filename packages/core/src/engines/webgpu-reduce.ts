/** Sums of partial results on the webgpu engine, in a fixed order. */
import type * as tf from '../tf.js';
import type { WebgpuCall } from './webgpu-kernel.js';

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

/**
 * WGSL of `total(share, local)`, the sum over a workgroup, which every thread gets: in two levels with two barriers, for
 * barriers are what costs, most of all on software drivers. `threads` is a square.
 */
export function workgroupTotal(threads: 64 | 256): string {
  const side = Math.sqrt(threads);
  return `
var<workgroup> shares: array<f32, ${threads}>;
var<workgroup> subtotals: array<f32, ${side}>;
fn total(share: f32, local: i32) -> f32 {
  shares[local] = share;
  workgroupBarrier();
  if (local < ${side}) {
    var sum = 0.0;
    for (var j = 0; j < ${side}; j++) { sum += shares[local + j * ${side}]; }
    subtotals[local] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var j = 0; j < ${side}; j++) { sum += subtotals[j]; }
  return sum;
}
`;
}
