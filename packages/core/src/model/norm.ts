/**
 * Norms over the model width: LayerNorm (zoology, Pythia) and RMSNorm (LLaMA, Mamba).
 *
 * A package brings more with {@link defineNorm} and the list `norms` of its plugin, as core does.
 */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { layerNorm, rmsNorm } from '../ops/norm/index.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { createTokenPart } from './token-part.js';

/** A norm. P is its tree of parameters. */
export interface Norm<P extends Tree = Tree> {
  readonly specVersion: 1;
  readonly name: string;
  /** The parsed config, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Fresh parameters; the caller owns the tensors. @throws InvalidConfigError for a seed that is no whole number of 32 bits. */
  init(seed: number): P;
  /** x: [B, L, d] or [n, d] -> the same shape; each row depends on itself alone. @throws ShapeError */
  apply<T extends tf.Tensor2D | tf.Tensor3D>(params: P, x: T): T;
}

/** Makes a norm from its config, and carries the schema. */
export interface NormFactory<C extends z.ZodType = z.ZodType, N extends Norm = Norm> {
  /** @throws InvalidConfigError */
  (config: z.input<C>): N;
  readonly normName: string;
  /** One sentence for `mixerzoo list norms`. */
  readonly summary: string;
  readonly schema: C;
}

/**
 * Defines a norm: a name, a schema of its config with the key `dModel`, and the functions that a parsed config gives rise to.
 * @example export const rmsNorm = defineNorm({ name: 'rmsNorm', summary: '…', schema, create: (config) => ({ init, apply }) });
 */
export function defineNorm<C extends z.ZodType, P extends Tree>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly schema: C;
  create(config: z.output<C>): Omit<Norm<P>, 'specVersion' | 'name' | 'config'>;
}): NormFactory<C, Norm<P>> {
  const { name, summary, schema, create } = definition;
  const factory = (input: z.input<C>): Norm<P> => {
    const config = parseConfig(schema, input, name);
    return createTokenPart(factory, { name, config, forms: create(config) });
  };
  return Object.assign(factory, { normName: name, summary, schema });
}

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  eps: z.number().positive().default(1e-5).describe('added to the variance, or to the mean square'),
});

type RmsNormParams = { weight: tf.Tensor };
type LayerNormParams = { weight: tf.Tensor; bias: tf.Tensor };

/** The norms of core: weight 1 and, for LayerNorm, bias 0 to begin with. */
export const NORMS = {
  layerNorm: defineNorm({
    name: 'layerNorm',
    summary: 'Mean 0 and variance 1, then a weight and a bias: zoology, Pythia.',
    schema,
    create: ({ dModel, eps }) => ({
      init: () => ({ weight: tf.ones([dModel]), bias: tf.zeros([dModel]) }),
      apply: (params: LayerNormParams, x) => layerNorm(x, params, eps),
    }),
  }),
  rmsNorm: defineNorm({
    name: 'rmsNorm',
    summary: 'Mean square 1, then a weight: LLaMA, Mamba.',
    schema,
    create: ({ dModel, eps }) => ({
      init: () => ({ weight: tf.ones([dModel]) }),
      apply: (params: RmsNormParams, x) => rmsNorm(x, params, eps),
    }),
  }),
} as const;

export type NormName = keyof typeof NORMS;
export const NORM_NAMES = Object.keys(NORMS) as readonly NormName[];
