/**
 * The scans of Mamba and Mamba-2 on the webgpu engine: formulas and roles of the tensors as in kernel.as.ts. The forward pass
 * is in webgpu-forward.ts, the backward pass in webgpu-backward.ts; here is what they share.
 *
 * What depends on one channel and token alone is done before and after by elementwise shaders, so that the scan itself
 * binds few buffers: `prepared` holds four planes [B, L, H P]: Delta, w = Delta u, g (the gradient behind the gate) and the slope of
 * softplus. In the scan a thread owns one state of one channel; a workgroup of 128 threads holds as many channels as fit.
 * Sums over states and over channels go through workgroup memory, a few tokens at a time, in a fixed order.
 */
import { ShapeError, type tf } from '@mixerzoo/core';
import { EACH_ELEMENT, forEachElement, SOFTPLUS_WGSL, type WebgpuCall } from '@mixerzoo/core/kernels';
import type { ScanSizes, ScanTensors } from './wasm.js';

/** Threads of a workgroup, and so the largest number of states. */
export const THREADS = 128;

/** WGSL of `sigmoid` and `silu`. */
export const SILU =
  'fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }\nfn silu(x: f32) -> f32 { return x * sigmoid(x); }\n';

/**
 * A workgroup's channels never cross a head, so that they share B and C. In workgroup memory a value of every thread takes
 * `slots`: channels lie `pitch` apart, one more than their states, so that those who sum up a channel each meet every bank.
 */
export function layOut({ nHeads, headDim, dState }: ScanSizes) {
  if (dState > THREADS) {
    throw new ShapeError(`scan on webgpu: expected at most ${THREADS} states, got ${dState}. Use another engine.`);
  }
  let lanes = 4;
  while (lanes < dState) lanes *= 2;
  const channels = THREADS / lanes;
  const perHead = Math.ceil(headDim / channels);
  const pitch = lanes + 1;
  return { lanes, channels, perHead, blocks: nHeads * perHead, pitch, slots: channels * pitch };
}

/** Sizes as uniforms. */
export function integersOf({ batch, length, nHeads, headDim, nGroups, dState, chunkSize }: ScanSizes) {
  const width = nHeads * headDim;
  return {
    sequence: 0,
    length,
    width,
    headDim,
    nHeads,
    groups: nGroups,
    dState,
    chunk: chunkSize,
    chunks: Math.ceil(length / chunkSize),
    plane: batch * length * width,
  };
}

/** Opens `main` for the sequences from `u.sequence` on: sequence b, channel d, state n, its rate A; `first` is the workgroup's first channel, `slot` the thread's. */
export function opening({ scalar }: ScanSizes, { lanes, channels, perHead, pitch }: ReturnType<typeof layOut>): string {
  return `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let b = u.sequence + i32(group.y);
  let head = i32(group.x) / ${perHead};
  let within = i32(group.x) % ${perHead} * ${channels};
  let first = head * u.headDim + within;
  let d = first + local / ${lanes};
  let n = local % ${lanes};
  let valid = within + local / ${lanes} < u.headDim && n < u.dState;
  let slot = local / ${lanes} * ${pitch} + n;
  let group0 = head / (u.nHeads / u.groups);
  let stateAt = (b * u.width + d) * u.dState + n;
  let rate = select(0.0, rates[${scalar ? 'head' : 'select(0, d * u.dState + n, valid)'}], valid);
`;
}

/** The index of a value per channel, or per head. */
export const perChannel = ({ scalar }: ScanSizes) => (scalar ? 'i % u.width / u.headDim' : 'i % u.width');

/** Planes Delta, w and, for the backward pass, g and the slope of softplus. */
export function prepare(
  gpu: WebgpuCall,
  { u, delta, gate, bias }: ScanTensors,
  sizes: ScanSizes,
  dY: tf.Tensor | undefined,
): tf.Tensor {
  const prepared = gpu.scratch([(dY ? 4 : 2) * u.size]);
  const step = `delta[${sizes.scalar ? 'i / u.width * u.nHeads + i % u.width / u.headDim' : 'i'}]${bias ? ' + bias[i % u.width]' : ''}`;
  const gated = dY && gate && { gate };
  gpu.dispatch({
    code: `${SOFTPLUS_WGSL}${SILU}${EACH_ELEMENT}
  let before = ${step};
  let after = ${sizes.softplus ? 'softplus(before)' : 'before'};
  prepared[i] = after;
  prepared[u.plane + i] = after * x[i];
  ${
    dY
      ? `prepared[2 * u.plane + i] = dY[i]${gated ? ' * silu(gate[i])' : ''};
  prepared[3 * u.plane + i] = ${sizes.softplus ? 'sigmoid(before)' : '1.0'};`
      : ''
  }
}`,
    read: { x: u, delta, ...(bias && { bias }), ...(dY && { dY }), ...gated },
    write: { prepared },
    integers: { size: u.size, ...integersOf(sizes) },
    workgroups: forEachElement(gpu, u.size),
  });
  return prepared;
}
