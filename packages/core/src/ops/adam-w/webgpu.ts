/**
 * AdamW in place and the global norm on the webgpu engine. A dispatch takes as many parameters as storage buffers can
 * be bound.
 */
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { workgroupReductions } from '../../engines/webgpu/workgroup.js';
import type * as tf from '../../tf.js';
import type { AdamWOptions, AdamWState } from './types.js';

type Tensors = { [name: string]: tf.Tensor };

const THREADS = 64;
/** Elements a thread takes at most, a workgroup's width apart. */
const PER_THREAD = 4;
/** Bound buffers of a dispatch, at most: more make the shader longer for little. */
const MOST_BUFFERS = 16;

/** Updates parameters and moments in place. */
export function adamW(
  state: AdamWState,
  grads: readonly tf.Tensor[],
  options: AdamWOptions,
): WebgpuKernel<Tensors, Record<string, never>, Tensors> {
  const { learningRate, beta1, beta2, eps, step, weightDecay, gradientScale = 1 } = options;
  return {
    run(gpu) {
      for (const group of groupsOf([...state.params.entries()], Math.floor(buffersOf(gpu) / 4))) {
        const write: Tensors = {};
        const read: Tensors = {};
        const integers: Record<string, number> = {};
        const floats: Record<string, number> = {
          beta1,
          rest1: 1 - beta1,
          beta2,
          rest2: 1 - beta2,
          eps,
          rate: learningRate / (1 - beta1 ** step),
          correction: 1 / (1 - beta2 ** step),
          gradientScale,
        };
        for (const [slot, [index, param]] of group.entries()) {
          write[`p${slot}`] = param;
          write[`m${slot}`] = state.m[index] as tf.Tensor;
          write[`v${slot}`] = state.v[index] as tf.Tensor;
          read[`g${slot}`] = grads[index] as tf.Tensor;
          integers[`size${slot}`] = param.size;
          const decay = typeof weightDecay === 'number' ? weightDecay : (weightDecay[index] ?? 0);
          floats[`keep${slot}`] = 1 - learningRate * decay;
        }
        const cases = group.map(
          (_, slot) => `case ${slot}: {
    for (var i = first; i < min(u.size${slot}, end); i += ${THREADS}) {
      let g = g${slot}[i] * u.gradientScale;
      let m = u.beta1 * m${slot}[i] + u.rest1 * g;
      let v = u.beta2 * v${slot}[i] + u.rest2 * g * g;
      m${slot}[i] = m;
      v${slot}[i] = v;
      p${slot}[i] = p${slot}[i] * u.keep${slot} - u.rate * m / (sqrt(v * u.correction) + u.eps);
    }
  }`,
        );
        gpu.dispatch({
          code: eachSlot(cases),
          read,
          write,
          integers,
          floats,
          workgroups: slotGrid(gpu, Math.max(...group.map(([, { size }]) => size)), group.length),
        });
      }
      return {};
    },
  };
}

/** The Euclidean norm of all inputs taken as one vector. */
export const globalNorm: WebgpuKernel<Tensors, Record<string, never>, { norm: tf.Scalar }> = {
  run(gpu, inputs) {
    const norm = gpu.output([]);
    const total = workgroupReductions(gpu, THREADS, ['total']);
    const tensors = Object.values(inputs);
    const perWorkgroup = THREADS * PER_THREAD;
    const blocksOf = ({ size }: tf.Tensor) => Math.ceil(size / perWorkgroup);
    const sums = gpu.scratch([tensors.reduce((total, tensor) => total + blocksOf(tensor), 0)]);
    let done = 0;
    for (const group of groupsOf(tensors, buffersOf(gpu) - 1)) {
      const integers: Record<string, number> = {};
      for (const [slot, tensor] of group.entries()) {
        integers[`size${slot}`] = tensor.size;
        integers[`to${slot}`] = done;
        done += blocksOf(tensor);
      }
      const cases = group.map(
        (_, slot) => `case ${slot}: {
    for (var i = first; i < min(u.size${slot}, end); i += ${THREADS}) { sum += x${slot}[i] * x${slot}[i]; }
    to = select(-1, u.to${slot} + block, block * ${perWorkgroup} < u.size${slot});
  }`,
      );
      gpu.dispatch({
        code: `${total}${eachSlot(cases, 'var sum = 0.0;\n  var to = -1;', 'sum = total(sum, local);\n  if (local == 0 && to >= 0) { sums[to] = sum; }')}`,
        read: Object.fromEntries(group.map((tensor, slot) => [`x${slot}`, tensor])),
        write: { sums },
        integers,
        workgroups: slotGrid(gpu, Math.max(...group.map(({ size }) => size)), group.length),
      });
    }
    gpu.dispatch({
      code: `${total}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  var sum = 0.0;
  for (var i = local; i < u.count; i += ${THREADS}) { sum += sums[i]; }
  sum = total(sum, local);
  if (local == 0) { norm[0] = sqrt(sum); }
}`,
      read: { sums },
      write: { norm },
      integers: { count: done },
      workgroups: [1],
    });
    return { norm };
  },
};

/** A copy in memory of its own, as the only output. */
export const copy: WebgpuKernel<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }> = {
  run(gpu, { x }) {
    const y = gpu.output(x.shape);
    gpu.dispatch({
      code: eachSlot([`case 0: { for (var i = first; i < min(u.size, end); i += ${THREADS}) { y[i] = x[i]; } }`]),
      read: { x },
      write: { y },
      integers: { size: x.size },
      workgroups: slotGrid(gpu, x.size, 1),
    });
    return { y };
  },
};

/** A shader whose workgroups are divided among slots by z; [first, end) in steps of the width is the thread's part. */
function eachSlot(cases: readonly string[], before = '', after = ''): string {
  return `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let block = i32(group.y * groups.x + group.x);
  let first = block * ${THREADS * PER_THREAD} + local;
  let end = (block + 1) * ${THREADS * PER_THREAD};
  ${before}
  switch (i32(group.z)) {
  ${cases.join('\n')}
  default: {}
  }
  ${after}
}`;
}

function slotGrid(gpu: WebgpuCall, size: number, slots: number): [number, number, number] {
  const [x, y] = gpu.grid(Math.ceil(size / (THREADS * PER_THREAD)));
  return [x, y, slots];
}

/** Storage buffers a dispatch may bind. */
function buffersOf({ device }: WebgpuCall): number {
  return Math.min(device.limits.maxStorageBuffersPerShaderStage, MOST_BUFFERS);
}

function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, group) =>
    items.slice(group * size, (group + 1) * size),
  );
}
