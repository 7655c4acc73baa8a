/** What the softmax kernels of the webgpu engine share: 64 threads, the sum and the largest of what they hold. */
import { workgroupTotal } from '@mixerzoo/core';

/** Threads of a workgroup. */
export const THREADS = 64;
const SIDE = Math.sqrt(THREADS);

/** WGSL of `total(share, local)` and `highest(share, local)`, which every thread gets. */
export const WORKGROUP_WGSL = `${workgroupTotal(THREADS)}
fn highest(share: f32, local: i32) -> f32 {
  shares[local] = share;
  workgroupBarrier();
  if (local < ${SIDE}) {
    var largest = shares[local];
    for (var j = 1; j < ${SIDE}; j++) { largest = max(largest, shares[local + j * ${SIDE}]); }
    subtotals[local] = largest;
  }
  workgroupBarrier();
  var largest = subtotals[0];
  for (var j = 1; j < ${SIDE}; j++) { largest = max(largest, subtotals[j]); }
  return largest;
}
`;

/** Opens `main`: `line` is the workgroup's index, of `u.lines`, `local` the thread's in it. */
export const EACH_LINE = `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
`;
