/** elu(x) + 1 on the webgpu engine. */
import { elementwise, type tf, type WebgpuKernel } from '@mixerzoo/core';

type None = Record<string, never>;

export const elu1Kernel: WebgpuKernel<{ x: tf.Tensor }, None, { y: tf.Tensor }> = {
  run(gpu, { x }) {
    const y = gpu.output(x.shape as never) as tf.Tensor;
    elementwise(gpu, { x }, y, 'max(x[i], 0.0) + exp(min(x[i], 0.0))');
    return { y };
  },
};

export const elu1GradientKernel: WebgpuKernel<{ y: tf.Tensor; dy: tf.Tensor }, None, { dx: tf.Tensor }> = {
  run(gpu, { y, dy }) {
    const dx = gpu.output(y.shape as never) as tf.Tensor;
    elementwise(gpu, { y, dy }, dx, 'dy[i] * min(y[i], 1.0)');
    return { dx };
  },
};
