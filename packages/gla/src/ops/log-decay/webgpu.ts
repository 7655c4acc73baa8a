/** The log-decay on the webgpu engine; no exponential is large. */
import { elementwise, SOFTPLUS_WGSL, type tf, type WebgpuKernel } from '@mixerzoo/core';

type Attrs = { normalizer: number };

export const logDecayKernel: WebgpuKernel<{ x: tf.Tensor }, Attrs, { y: tf.Tensor }> = {
  run(gpu, { x }, { normalizer }) {
    const y = gpu.output(x.shape as [number]) as tf.Tensor;
    elementwise(gpu, { x }, y, '-softplus(-x[i]) * u.inverse', {
      functions: SOFTPLUS_WGSL,
      floats: { inverse: 1 / normalizer },
    });
    return { y };
  },
};

export const logDecayGradientKernel: WebgpuKernel<{ x: tf.Tensor; dy: tf.Tensor }, Attrs, { dx: tf.Tensor }> = {
  run(gpu, { x, dy }, { normalizer }) {
    const dx = gpu.output(x.shape as [number]) as tf.Tensor;
    elementwise(gpu, { x, dy }, dx, 'dy[i] * u.inverse * complement(x[i])', {
      // sigmoid(-x)
      functions: 'fn complement(x: f32) -> f32 { let e = exp(-abs(x)); return select(1.0, e, x > 0.0) / (1.0 + e); }\n',
      floats: { inverse: 1 / normalizer },
    });
    return { dx };
  },
};
