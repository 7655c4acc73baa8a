/** The sigmoid-weighted linear unit on the webgpu engine. */
import { elementwise } from '../../engines/webgpu/elementwise.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import type * as tf from '../../tf.js';

type None = Record<string, never>;

export const siluKernel: WebgpuKernel<{ x: tf.Tensor }, None, { y: tf.Tensor }> = {
  run(gpu, { x }) {
    const y = gpu.output(x.shape as never) as tf.Tensor;
    elementwise(gpu, { x }, y, 'x[i] / (1.0 + exp(-x[i]))');
    return { y };
  },
};

export const siluGradKernel: WebgpuKernel<{ x: tf.Tensor; dy: tf.Tensor }, None, { dx: tf.Tensor }> = {
  run(gpu, { x, dy }) {
    const dx = gpu.output(x.shape as never) as tf.Tensor;
    elementwise(gpu, { x, dy }, dx, 'dy[i] * slope(x[i])', {
      functions: 'fn slope(x: f32) -> f32 { let s = 1.0 / (1.0 + exp(-x)); return s * (1.0 + x * (1.0 - s)); }',
    });
    return { dx };
  },
};
