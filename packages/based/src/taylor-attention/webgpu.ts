/**
 * Taylor attention on the webgpu engine: the pairwise tiles of core with weights 1 + x + x^2 / 2. Quadratic in L with no
 * [L, L] tensor; the chunkwise op computes the same and shares it.
 */
import { pairwiseBackward, pairwiseForward, type tf, type WebgpuKernel } from '@mixerzoo/core';
import type { TaylorGradientInputs, TaylorGradients } from './index.js';
import type { TaylorAttrs, TaylorInputs, TaylorOutputs } from './reference.js';

const formOf = (q: tf.Tensor, { nHeads, eps }: TaylorAttrs) => ({
  nHeads,
  eps,
  scale: ((q.shape[2] as number) / nHeads) ** -0.5,
  weight: { value: '0.5 * (x + 1.0) * (x + 1.0) + 0.5', derivative: 'x + 1.0' },
  normalize: true,
  headsLast: true,
});

export const forwardKernel: WebgpuKernel<TaylorInputs, TaylorAttrs, TaylorOutputs> = {
  run: (gpu, inputs, attrs) => pairwiseForward(gpu, inputs, formOf(inputs.q, attrs)),
};

export const backwardKernel: WebgpuKernel<TaylorGradientInputs, TaylorAttrs, TaylorGradients> = {
  run(gpu, inputs, attrs) {
    const { dq, dk, dv } = pairwiseBackward(gpu, inputs, formOf(inputs.q, attrs));
    return { dQ: dq, dK: dk, dV: dv };
  },
};
