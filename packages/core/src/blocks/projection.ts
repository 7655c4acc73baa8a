/** Projections of rows, and how they start. */
import * as z from 'zod';
import { randomNormal, randomUniform } from '../random-tensors.js';
import * as tf from '../tf.js';

const INITS = ['zoology', 'fanIn', 'smallInit', 'normal'] as const;

/**
 * Option to spread into a schema, after the ways of four code bases; d is the model's width, n its layers:
 *
 *   zoology    N(0, 0.02), output projections 0.02 / sqrt(2 n)
 *   fanIn      U(+-1 / sqrt(in)), as PyTorch's Linear does by itself: at d = 64 3.6 times as wide
 *   smallInit  N(0, sqrt(2 / (5 d))), output projections 2 / (n sqrt(d)): GPT-NeoX's `small_init` and `wang_init`
 *   normal     N(0, 0.02) for all, as LLaMA and flash-linear-attention
 */
export const projectionInitOption = {
  init: z
    .enum(INITS)
    .default('zoology')
    .describe(
      'projections start as N(0, 0.02), outputs over sqrt(2 layers) (zoology) or not (normal), as U(+-1 / sqrt(in)) (fanIn), or as in GPT-NeoX (smallInit)',
    ),
};

export type ProjectionInit = (typeof INITS)[number];

const BIASED = ['q', 'k', 'v', 'o'] as const;
/** Which projections of a mixer that attends have a bias: all, none, or those named. */
export type ProjectionBias = boolean | { readonly [R in (typeof BIASED)[number]]?: boolean | undefined };

const oneBias = z.boolean().optional();
/** What the option `bias` of mixers with projections q, k, v and o takes. */
export const projectionBiasSchema = z.union([
  z.boolean(),
  z.strictObject({
    q: oneBias.describe('bias of the projection to q'),
    k: oneBias.describe('bias of the projection to k'),
    v: oneBias.describe('bias of the projection to v'),
    o: oneBias.describe('bias of the output projection'),
  }),
]);

/** Whether one of the projections has a bias. */
export function hasBias(bias: ProjectionBias, role: (typeof BIASED)[number]): boolean {
  return typeof bias === 'boolean' ? bias : (bias[role] ?? false);
}

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
      : randomNormal(shape, deviationOf(init, shape, nLayers), seed);
  return bias ? { weight, bias: tf.zeros([shape[1]]) } : { weight };
}

/** Standard deviation of a projection's weights; `nLayers` tells an output projection, which leads to the model's width. */
function deviationOf(init: Exclude<ProjectionInit, 'fanIn'>, [from, to]: [number, number], nLayers?: number): number {
  if (init === 'normal') return 0.02;
  if (init === 'smallInit') return nLayers === undefined ? Math.sqrt(2 / (5 * from)) : 2 / (nLayers * Math.sqrt(to));
  return nLayers === undefined ? 0.02 : 0.02 / Math.sqrt(2 * nLayers);
}
