/** Linear attention on the webgpu engine, with weights scale q . k: core's pairwise tiles, and its chunks for long sequences. */
import {
  chunkwiseBackward,
  chunkwiseForward,
  pairwiseBackward,
  pairwiseForward,
  type tf,
  type WebgpuKernel,
} from '@mixerzoo/core';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor };
type Outputs = { o: tf.Tensor; denominator: tf.Tensor };
type Attrs = { nHeads: number; scale: number; normalize: boolean; eps: number; chunkSize: number };

/** Longest sequence done by pairs of tokens: about where the multiply-adds of the two forms meet, with those of the copies. */
const LONGEST_PAIRWISE = 512;

function formOf(q: tf.Tensor, attrs: Attrs) {
  const features = {
    size: (q.shape[2] as number) / attrs.nHeads,
    queryFactor: attrs.scale,
    keyFactor: 1,
    feature: 'fn feature(at: i32, i: i32) -> f32 { return z(at + i); }\n',
    slope: 'fn slope(at: i32, first: i32, a: i32) -> f32 { return d[first + a]; }\n',
  };
  return { ...attrs, weight: { value: 'x', derivative: 'vec4f(1.0)' }, features };
}

export const attendKernel: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const attend = (inputs.q.shape[1] as number) > LONGEST_PAIRWISE ? chunkwiseForward : pairwiseForward;
    const { o, normaliser } = attend(gpu, inputs, formOf(inputs.q, attrs));
    return { o, denominator: normaliser };
  },
};

export const attendGradientKernel: WebgpuKernel<
  Inputs & Outputs & { dO: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
> = {
  run(gpu, { denominator, ...inputs }, attrs) {
    const differentiate = (inputs.q.shape[1] as number) > LONGEST_PAIRWISE ? chunkwiseBackward : pairwiseBackward;
    return differentiate(gpu, { ...inputs, normaliser: denominator }, formOf(inputs.q, attrs));
  },
};
