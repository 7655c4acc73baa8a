/** Dropout on the webgpu engine. */
import { DROPOUT_WGSL, elementwise } from '../../engines/webgpu/elementwise.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import type * as tf from '../../tf.js';
import { type Attrs, dropoutThreshold } from './wasm.js';

export const dropoutKernel: WebgpuKernel<{ x: tf.Tensor }, Attrs, { y: tf.Tensor }> = {
  run(gpu, { x }, { rate, seed }) {
    const y = gpu.output(x.shape as never) as tf.Tensor;
    elementwise(gpu, { x }, y, 'select(0.0, x[i] * u.scale, isKept(i))', {
      functions: DROPOUT_WGSL,
      integers: { threshold: dropoutThreshold(rate), seed },
      floats: { scale: 1 / (1 - rate) },
    });
    return { y };
  },
};
