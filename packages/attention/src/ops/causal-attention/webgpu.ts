/** Causal attention on the webgpu engine: the pairwise tiles of core with an online softmax. */
import {
  type GradientInputs,
  type Gradients,
  pairwiseBackward,
  pairwiseForward,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export const attend: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const { o, normaliser } = pairwiseForward(gpu, inputs, { ...attrs, weight: 'softmax' });
    return { o, logSumExp: normaliser };
  },
};

export const attendGradient: WebgpuKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { logSumExp, dLogSumExp, ...inputs }, attrs) {
    const given = { ...inputs, normaliser: logSumExp, dNormaliser: dLogSumExp };
    const { dq, dk, dv } = pairwiseBackward(gpu, given, { ...attrs, weight: 'softmax' });
    return { q: dq, k: dk, v: dv, slopes: null };
  },
};
