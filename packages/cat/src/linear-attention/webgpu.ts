/** Linear attention on the webgpu engine: the pairwise tiles of core with weights scale q . k. */
import { pairwiseBackward, pairwiseForward, type tf, type WebgpuKernel } from '@mixerzoo/core';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor };
type Outputs = { o: tf.Tensor; denominator: tf.Tensor };
type Attrs = { nHeads: number; scale: number; normalize: boolean; eps: number; chunkSize: number };

const weight = { value: 'x', derivative: 'vec4f(1.0)' };

export const attendKernel: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const { o, normaliser } = pairwiseForward(gpu, inputs, { ...attrs, weight });
    return { o, denominator: normaliser };
  },
};

export const attendGradientKernel: WebgpuKernel<
  Inputs & Outputs & { dO: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
> = {
  run: (gpu, { denominator, ...inputs }, attrs) =>
    pairwiseBackward(gpu, { ...inputs, normaliser: denominator }, { ...attrs, weight }),
};
