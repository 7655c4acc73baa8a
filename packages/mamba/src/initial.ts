/**
 * Inner width and initial values of the Mamba family, as state-spaces/mamba draws them (`modules/mamba_simple.py`, `mamba2.py`).
 */
import { createRng, InvalidConfigError, randomUniform, tf } from '@mixerzoo/core';
import type { Projection } from '@mixerzoo/core/blocks';

/**
 * E, `expand` dModel rounded.
 * @throws InvalidConfigError if nothing is left.
 */
export function innerWidth(expand: number, dModel: number): number {
  const inner = Math.round(expand * dModel);
  if (inner > 0) return inner;
  throw new InvalidConfigError(
    `expand: expected an inner width of at least 1, got ${expand} of ${dModel} columns. Raise expand.`,
  );
}

/** As `torch.nn.Linear` draws it, U(+-1 / sqrt(in)); output projections over sqrt(nLayers). */
export function torchProjection(shape: [number, number], seed: number, nLayers = 1): Projection {
  const bound = 1 / Math.sqrt(nLayers) / Math.sqrt(shape[0]);
  return { weight: randomUniform<tf.Rank.R2>(shape, -bound, bound, seed) };
}

/** Bias [size] whose softplus is log-uniform in [0.001, 0.1], at least 1e-4. */
export function stepSizeBias(size: number, seed: number): tf.Tensor1D {
  const rng = createRng(seed);
  return tf.tensor1d(
    Float32Array.from({ length: size }, () => {
      const step = Math.max(0.001 * (0.1 / 0.001) ** rng.uniform(), 1e-4);
      return step + Math.log(-Math.expm1(-step)); // the inverse of softplus
    }),
  );
}
