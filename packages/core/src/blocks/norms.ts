/** Norms inside of mixers: rows of unit length (delta rules, CAT), RMSNorm per head, and with a gate (GLA, Mamba-2). */
import { rmsNorm } from '../ops/norm/index.js';
import { silu } from '../ops/silu/index.js';
import type * as tf from '../tf.js';

/** `x / sqrt(sum x^2 + eps)` over the last axis, x [..., p] of rank 2 or more: rows of unit norm. */
export function l2Norm<T extends tf.Tensor>(x: T, eps = 1e-6): T {
  const width = x.shape.at(-1) as number;
  return rmsNorm(x, {}, eps / width).mul<T>(width ** -0.5);
}

/**
 * RMSNorm of every w columns on their own, such as those of a head.
 *
 * @param x - [..., d], rank 2 or more.
 * @param norm - weight [w], w dividing d.
 */
export function rmsNormPerHead<T extends tf.Tensor>(x: T, norm: { readonly weight: tf.Tensor }, eps = 1e-5): T {
  const width = norm.weight.size;
  if (x.shape.at(-1) === width) return rmsNorm(x, norm, eps);
  return rmsNorm(x.reshape([-1, width]), norm, eps).reshape(x.shape) as T;
}

/** What {@link gatedRmsNorm} can be told. */
export interface GatedRmsNormOptions {
  /** True: the norm of what is gated, as in Mamba-2. Default: the gate is applied after the norm, as in GLA. */
  readonly gateFirst?: boolean;
  /** Default 1e-5. */
  readonly eps?: number;
}

/**
 * `RMSNorm(x) silu(gate)`, or `RMSNorm(x silu(gate))`, the norm that of {@link rmsNormPerHead}.
 *
 * @param x - [..., d]
 * @param gate - [..., d], before its silu.
 * @param norm - weight [w], w dividing d.
 */
export function gatedRmsNorm<T extends tf.Tensor>(
  x: T,
  gate: T,
  norm: { readonly weight: tf.Tensor },
  { gateFirst = false, eps = 1e-5 }: GatedRmsNormOptions = {},
): T {
  const open = silu(gate);
  return gateFirst ? rmsNormPerHead(x.mul<T>(open), norm, eps) : rmsNormPerHead(x, norm, eps).mul<T>(open);
}
