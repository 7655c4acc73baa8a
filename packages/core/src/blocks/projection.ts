/** Projections of rows, and how they start. */
import { z } from 'zod';
import { randomNormal, randomUniform } from '../random-tensors.js';
import * as tf from '../tf.js';

/**
 * Option to spread into a schema. `zoology`: N(0, 0.02), output projections 0.02 / sqrt(2 nLayers), whatever the width.
 * `fanIn`: U(+-1 / sqrt(d)), as PyTorch's Linear does by itself: at d = 64 3.6 times as wide.
 */
export const projectionInitOption = {
  init: z
    .enum(['zoology', 'fanIn'])
    .default('zoology')
    .describe('projections start as N(0, 0.02), or U(+-1 / sqrt(d))'),
};

export type ProjectionInit = z.output<(typeof projectionInitOption)['init']>;

/** Weight [in, out] and, if there is one, bias [out]: what `linear` takes. */
export type Projection = { readonly weight: tf.Tensor2D; readonly bias?: tf.Tensor1D };

/** What {@link initProjection} can be told. */
export interface ProjectionOptions {
  /** Default `zoology`. */
  readonly init?: ProjectionInit;
  /** Layers of the model; given for output projections alone. */
  readonly nLayers?: number;
  /** With a bias, which starts at 0. Default false. */
  readonly bias?: boolean;
}

/** A fresh projection of rows of `shape[0]` columns to `shape[1]`. */
export function initProjection(
  shape: [number, number],
  seed: number,
  options: ProjectionOptions & { readonly bias: true },
): Required<Projection>;
export function initProjection(shape: [number, number], seed: number, options?: ProjectionOptions): Projection;
export function initProjection(
  shape: [number, number],
  seed: number,
  { init = 'zoology', nLayers, bias = false }: ProjectionOptions = {},
): Projection {
  const bound = shape[0] ** -0.5;
  const weight: tf.Tensor2D =
    init === 'fanIn'
      ? randomUniform(shape, -bound, bound, seed)
      : randomNormal(shape, nLayers === undefined ? 0.02 : 0.02 / Math.sqrt(2 * nLayers), seed);
  return bias ? { weight, bias: tf.zeros([shape[1]]) } : { weight };
}
