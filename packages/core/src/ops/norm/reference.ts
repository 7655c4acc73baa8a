/** Layer and RMS normalisation in plain `tf` ops. */
import type { Attrs, LayerNormInputs, Outputs, RmsNormInputs } from './types.js';

export function layerNormReference({ x, weight, bias }: LayerNormInputs, { eps }: Attrs): Outputs {
  const centred = x.sub(x.mean(-1, true));
  const scale = centred.square().mean(-1, true).add(eps).rsqrt();
  return { y: centred.mul(scale).mul(weight).add(bias) };
}

export function rmsNormReference({ x, weight }: RmsNormInputs, { eps }: Attrs): Outputs {
  const normed = x.mul(x.square().mean(-1, true).add(eps).rsqrt());
  return { y: weight ? normed.mul(weight) : normed };
}
