/** Norms over the model width: LayerNorm (zoology, Pythia) and RMSNorm (LLaMA, Mamba). */
import { layerNorm, rmsNorm } from '../ops/index.js';
import * as tf from '../tf.js';

export const NORM_NAMES = ['layerNorm', 'rmsNorm'] as const;
export type NormName = (typeof NORM_NAMES)[number];

/** `bias` is there for LayerNorm alone. */
export type NormParams = { readonly weight: tf.Tensor; readonly bias?: tf.Tensor };

/** Weight 1 and, for LayerNorm, bias 0. The caller owns the tensors. */
export function initNorm(name: NormName, dModel: number): NormParams {
  const weight = tf.ones([dModel]);
  return name === 'layerNorm' ? { weight, bias: tf.zeros([dModel]) } : { weight };
}

/** x: [..., d] -> [..., d]; which norm it is, its parameters say. */
export function applyNorm<T extends tf.Tensor>({ weight, bias }: NormParams, x: T, eps: number): T {
  return bias ? layerNorm(x, { weight, bias }, eps) : rmsNorm(x, { weight }, eps);
}
