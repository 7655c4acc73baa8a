/** Causal attention on the webgpu engine: the pairwise tiles of core with an online softmax. */
import { pairwiseBackward, pairwiseForward, type tf, type WebgpuKernel } from '@mixerzoo/core';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; slopes: tf.Tensor | undefined };
type Outputs = { o: tf.Tensor; logSumExp: tf.Tensor };
type Attrs = { nHeads: number; scale: number; window: number; dropoutRate: number; dropoutSeed: number };

export const attendKernel: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const { o, normaliser } = pairwiseForward(gpu, inputs, { ...attrs, weight: 'softmax' });
    return { o, logSumExp: normaliser };
  },
};

export const attendGradientKernel: WebgpuKernel<
  Inputs & Outputs & { dO: tf.Tensor; dLogSumExp: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
> = {
  run: (gpu, { logSumExp, dLogSumExp, ...inputs }, attrs) =>
    pairwiseBackward(
      gpu,
      { ...inputs, normaliser: logSumExp, dNormaliser: dLogSumExp },
      { ...attrs, weight: 'softmax' },
    ),
};
