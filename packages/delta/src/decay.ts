/** Decays of the gated delta rules, and how they start. */
import { createRng, tf } from '@mixerzoo/core';

/** aLog [H], with exp(aLog) uniform in (from, to]. */
export function initLogRate(nHeads: number, [from, to]: readonly [number, number], seed: number): tf.Tensor1D {
  const rng = createRng(seed);
  return tf.tensor1d(Float32Array.from({ length: nHeads }, () => Math.log(to - (to - from) * rng.uniform())));
}

/** Bias [size] whose softplus is log-uniform in [0.001, 0.1], at least 1e-4: most heads start with decays near 1. */
export function initDecayBias(size: number, seed: number): tf.Tensor1D {
  const rng = createRng(seed);
  return tf.tensor1d(
    Float32Array.from({ length: size }, () => {
      const step = Math.max(0.001 * (0.1 / 0.001) ** rng.uniform(), 1e-4);
      return step + Math.log(-Math.expm1(-step)); // the inverse of softplus
    }),
  );
}

/**
 * The logarithm of the decay, `-exp(aLog) softplus(x + bias)`, or `lowerBound sigmoid(exp(aLog) (x + bias))`.
 *
 * @param x - [..., H w], w columns a head.
 * @param options - aLog [H], dtBias [H w].
 * @returns [..., H w], at most 0.
 */
export function logDecay<T extends tf.Tensor>(
  x: T,
  { aLog, dtBias, lowerBound }: { aLog: tf.Tensor1D; dtBias: tf.Tensor1D; lowerBound?: number | undefined },
): T {
  const nHeads = aLog.size;
  const raw = x.add(dtBias).reshape([...x.shape.slice(0, -1), nHeads, dtBias.size / nHeads]);
  const rate = tf.exp(aLog).reshape([nHeads, 1]);
  const g = lowerBound === undefined ? raw.softplus().mul(rate.neg()) : raw.mul(rate).sigmoid().mul(lowerBound);
  return g.reshape(x.shape) as T;
}
