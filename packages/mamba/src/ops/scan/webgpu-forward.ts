/** The scan of webgpu-layout.ts forward in time. */
import type { tf } from '@mixerzoo/core';
import { elementwise, type TensorOf, type WebgpuCall } from '@mixerzoo/core/kernels';
import type { ScanSizes, ScanTensors } from './wasm.js';
import { integersOf, layOut, opening, perChannel, prepare, SILU, THREADS } from './webgpu-layout.js';

/** Tokens between two exchanges through workgroup memory; their inputs are read before the first is scanned. */
const GROUP = 8;

/** y and the states after every chunk, of the shapes given. */
export function scanForward<U extends tf.Tensor, const S extends readonly number[]>(
  gpu: WebgpuCall,
  tensors: ScanTensors & { readonly u: U },
  sizes: ScanSizes,
  statesShape: S,
): { y: U; states: TensorOf<S> } {
  const { u, skip, gate } = tensors;
  const y = gpu.output(u.shape) as U;
  const states = gpu.output(statesShape);
  const prepared = prepare(gpu, tensors, sizes, undefined);
  const readout = gpu.scratch([u.size]);
  const layout = layOut(sizes);
  const { lanes, channels, pitch, slots } = layout;
  const each = (line: (e: number) => string) => Array.from({ length: GROUP }, (_, e) => line(e)).join('\n    ');
  gpu.dispatch({
    code: `
var<workgroup> shares: array<f32, ${GROUP * slots}>;
${opening(sizes, layout)}
  let dAt = min(d, u.width - 1);
  let nAt = min(n, u.dState - 1);
  var state = ${tensors.initial ? 'select(0.0, initial[stateAt], valid)' : '0.0'};
  for (var t0 = 0; t0 < u.length; t0 += ${GROUP}) {
    ${each(
      (e) => `let token${e} = b * u.length + min(t0 + ${e}, u.length - 1);
    let row${e} = (token${e} * u.groups + group0) * u.dState + nAt;
    let decay${e} = exp(prepared[token${e} * u.width + dAt] * rate);
    let input${e} = prepared[u.plane + token${e} * u.width + dAt] * bs[row${e}];
    let output${e} = cs[row${e}];`,
    )}
    ${each(
      (e) => `state = select(state, decay${e} * state + input${e}, t0 + ${e} < u.length);
    shares[${e * slots} + slot] = select(0.0, state * output${e}, valid);
    if (valid && (t0 + ${e + 1} == u.length || ((t0 + ${e + 1}) % u.chunk == 0 && t0 + ${e + 1} < u.length))) {
      states[((b * u.chunks + (t0 + ${e}) / u.chunk) * u.width + d) * u.dState + n] = state;
    }`,
    )}
    workgroupBarrier();
    for (var o = local; o < ${GROUP * channels}; o += ${THREADS}) {
      let t = t0 + o / ${channels};
      let channel = first + o % ${channels};
      var sum = 0.0;
      for (var j = 0; j < ${lanes}; j++) { sum += shares[o / ${channels} * ${slots} + o % ${channels} * ${pitch} + j]; }
      if (t < u.length && channel < (head + 1) * u.headDim) { readout[(b * u.length + t) * u.width + channel] = sum; }
    }
    workgroupBarrier();
  }
}`,
    read: {
      prepared,
      rates: tensors.A,
      bs: tensors.B,
      cs: tensors.C,
      ...(tensors.initial && { initial: tensors.initial }),
    },
    write: { readout, states: states as tf.Tensor },
    integers: integersOf(sizes),
    workgroups: [layout.blocks, sizes.batch],
  });
  elementwise(
    gpu,
    { readout, ...(skip && { x: u, skip }), ...(gate && { gate }) },
    y,
    `(readout[i]${skip ? ` + x[i] * skip[${perChannel(sizes)}]` : ''})${gate ? ' * silu(gate[i])' : ''}`,
    { functions: SILU, integers: integersOf(sizes) },
  );
  return { y, states };
}
