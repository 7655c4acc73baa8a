/** Linear attention on the webgpu engine, with weights scale q . k: core's pairwise tiles, and its chunks for long sequences. */
import {
  chunkwiseBackward,
  chunkwiseForward,
  FEATURE_GRADIENT,
  FEATURE_INPUT,
  type GradientInputs,
  type Gradients,
  pairwiseBackward,
  pairwiseForward,
  type WebgpuKernel,
  wgsl,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Longest sequence done by pairs of tokens: about where the multiply-adds of the two forms meet, with those of the copies. */
const LONGEST_PAIRWISE = 512;

function formOf({ q }: Inputs, attrs: Attrs) {
  const features = {
    size: q.shape[2] / attrs.nHeads,
    queryFactor: attrs.scale,
    keyFactor: 1,
    feature: wgsl`return ${FEATURE_INPUT}(at + i);`,
    slope: wgsl`return ${FEATURE_GRADIENT}[first + a];`,
  };
  return { ...attrs, weight: { value: 'x', derivative: 'vec4f(1.0)' }, features };
}

export const attend: WebgpuKernel<Inputs, Attrs, Saved> = {
  run(gpu, inputs, attrs) {
    const attend = inputs.q.shape[1] > LONGEST_PAIRWISE ? chunkwiseForward : pairwiseForward;
    const { o, normaliser } = attend(gpu, inputs, formOf(inputs, attrs));
    return { o, denominator: normaliser };
  },
};

export const attendGradient: WebgpuKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  run(gpu, { denominator, ...inputs }, attrs) {
    const differentiate = inputs.q.shape[1] > LONGEST_PAIRWISE ? chunkwiseBackward : pairwiseBackward;
    const { dq, dk, dv } = differentiate(gpu, { ...inputs, normaliser: denominator }, formOf(inputs, attrs));
    return { q: dq, k: dk, v: dv };
  },
};
