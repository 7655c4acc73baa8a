/**
 * The log-decay of GLA, `logsigmoid(x) / normalizer`, as an op: at most 0, and -x / normalizer for a saturated gate.
 * Gradient: sigmoid(-x) / normalizer.
 */
import { defineOp, type tf } from '@mixerzoo/core';
import { code } from './kernel.generated.js';
import * as webgpu from './webgpu.js';

type Attrs = { normalizer: number };

const logDecayGradientOp = defineOp<{ x: tf.Tensor; dy: tf.Tensor }, Attrs, { dx: tf.Tensor }>({
  name: 'LogDecayGradient',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  reference: ({ x, dy }, { normalizer }) => ({ dx: x.neg().sigmoid().mul(dy).div(normalizer) }),
  gradient: 'none',
  kernels: {
    wasm: {
      code,
      run(wasm, { x, dy }, { normalizer }) {
        const dx = wasm.output(x.shape as [number]);
        const pointers = [x, dy, dx].map((tensor) => wasm.pointer(tensor));
        wasm.parallel('backward', x.size, ...pointers, normalizer);
        return { dx };
      },
    },
    webgpu: webgpu.logDecayGradientKernel,
  },
});

/** The op behind {@link logDecay}. */
export const logDecayOp = defineOp<{ x: tf.Tensor }, Attrs, { y: tf.Tensor }>({
  name: 'LogDecay',
  inputs: ['x'],
  outputs: ['y'],
  reference: ({ x }, { normalizer }) => ({ y: x.neg().softplus().div(-normalizer) }),
  gradient: ({ inputs, grads, attrs }) => ({ x: logDecayGradientOp({ x: inputs.x, dy: grads.y }, attrs).dx }),
  kernels: {
    wasm: {
      code,
      run(wasm, { x }, { normalizer }) {
        const y = wasm.output(x.shape as [number]);
        wasm.parallel('forward', x.size, wasm.pointer(x), wasm.pointer(y), normalizer);
        return { y };
      },
    },
    webgpu: webgpu.logDecayKernel,
  },
});

/** `logsigmoid(x) / normalizer`, elementwise. */
export function logDecay<T extends tf.Tensor>(x: T, normalizer: number): T {
  return logDecayOp({ x }, { normalizer }).y as T;
}
