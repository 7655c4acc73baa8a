/** Whether shaders may use subgroups: a device that has them is asked how they lie, which WGSL leaves open. */
import { processState } from '../../process-state.js';

const THREADS = 256;

/** Threads that found their subgroup as `workgroupReductions` takes it: 4 to 128 lanes side by side, all of them there. */
const CODE = `
enable subgroups;
@group(0) @binding(0) var<storage, read_write> asExpected: array<u32, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) local: u32) {
  let lanes = subgroupAdd(1u);
  let lane = subgroupExclusiveAdd(1u);
  let ends = vec2u(subgroupMin(local), subgroupMax(local)) / lanes;
  let sum = subgroupAdd(f32(lane));
  let largest = subgroupMax(f32(lane));
  let first = subgroupElect();
  let sideBySide = all(ends == vec2u(local / lanes)) && first == (local % lanes == 0u);
  let added = sum == 0.5 * f32(lanes * (lanes - 1u)) && largest == f32(lanes - 1u);
  asExpected[local] = select(0u, 1u, lanes >= 4u && lanes <= 128u && sideBySide && added);
}
`;

/** Whether a device that was probed has subgroups to rely on. */
export const hasSubgroups = (device: GPUDevice) => processState().subgroupDevices.has(device);

/** Runs a small shader, once for a device; from then on {@link hasSubgroups} knows it. */
export async function probeSubgroups(device: GPUDevice): Promise<boolean> {
  if (!device.features.has('subgroups')) return false;
  device.pushErrorScope('validation');
  const asExpected = await runProbe(device).catch(() => []);
  const fault = await device.popErrorScope();
  const works = !fault && asExpected.length === THREADS && asExpected.every((each) => each === 1);
  if (works) processState().subgroupDevices.add(device);
  return works;
}

async function runProbe(device: GPUDevice): Promise<number[]> {
  const size = 4 * THREADS;
  const found = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const copy = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const compute = { module: device.createShaderModule({ code: CODE }), entryPoint: 'main' };
  const pipeline = device.createComputePipeline({ layout: 'auto', compute });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer: found } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(found, 0, copy, 0, size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  const values = [...new Uint32Array(copy.getMappedRange())];
  for (const buffer of [found, copy]) buffer.destroy();
  return values;
}
