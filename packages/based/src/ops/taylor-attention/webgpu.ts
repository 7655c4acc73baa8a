/**
 * Taylor attention on the webgpu engine: the quadratic op by core's pairwise tiles with weights 1 + x + x^2 / 2, no [L, L]
 * tensor; the chunkwise op by core's chunks with the packed features of features.ts.
 */
import {
  chunkwiseBackward,
  chunkwiseForward,
  declareWgsl,
  FEATURE_GRADIENT,
  FEATURE_INPUT,
  type GradientInputs,
  type Gradients,
  pairwiseBackward,
  pairwiseForward,
  type WebgpuKernel,
  wgsl,
} from '@mixerzoo/core/kernels';
import { packedFeatures } from './features.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Order of the features: 1; z_0 .. z_{f-1}; z_i z_j for i <= j, i major. */
const PAIR_AT = declareWgsl(
  'pairAt',
  wgsl`fn pairAt(i: i32, j: i32) -> i32 { return 1 + u.dim + i * u.dim - i * (i - 1) / 2 + j - i; }`,
);
const FEATURE = wgsl`
  if (i == 0) { return 1.0; }
  if (i <= u.dim) { return ${FEATURE_INPUT}(at + i - 1); }
  let n = f32(2 * u.dim + 1);
  var first = i32(0.5 * (n - sqrt(n * n - 8.0 * f32(i - 1 - u.dim)))); // but for rounding
  if (${PAIR_AT}(first + 1, first + 1) <= i) { first++; }
  if (${PAIR_AT}(first, first) > i) { first--; }
  let second = first + i - ${PAIR_AT}(first, first);
  return ${FEATURE_INPUT}(at + first) * ${FEATURE_INPUT}(at + second) * select(1.0, ${Math.SQRT1_2}, first == second);
`;
const SLOPE = wgsl`
  var sum = ${FEATURE_GRADIENT}[first + 1 + a];
  for (var b = 0; b < u.dim; b++) {
    sum += ${FEATURE_GRADIENT}[first + ${PAIR_AT}(min(a, b), max(a, b))] * ${FEATURE_INPUT}(at + b) * select(1.0, ${Math.SQRT2}, a == b);
  }
  return sum;
`;

function formOf({ q }: Inputs, { nHeads, eps }: Attrs) {
  const featureDim = q.shape[2] / nHeads;
  const factor = featureDim ** -0.25;
  return {
    nHeads,
    eps,
    scale: factor ** 2,
    weight: { value: '0.5 * (x + 1.0) * (x + 1.0) + 0.5', derivative: 'x + 1.0' },
    normalize: true,
    headsLast: true,
    features: {
      size: packedFeatures(featureDim),
      queryFactor: factor,
      keyFactor: factor,
      feature: FEATURE,
      slope: SLOPE,
    },
  };
}

const attendBy = (attend: typeof chunkwiseForward): WebgpuKernel<Inputs, Attrs, Outputs> => ({
  run: (gpu, inputs, attrs) => attend(gpu, inputs, formOf(inputs, attrs)),
});

const differentiateBy = (
  differentiate: typeof chunkwiseBackward,
): WebgpuKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> => ({
  run(gpu, inputs, attrs) {
    const { dq, dk, dv } = differentiate(gpu, inputs, formOf(inputs, attrs));
    return { q: dq, k: dk, v: dv };
  },
});

export const quadratic = { attend: attendBy(pairwiseForward), attendGradient: differentiateBy(pairwiseBackward) };
export const chunkwise = { attend: attendBy(chunkwiseForward), attendGradient: differentiateBy(chunkwiseBackward) };
