/**
 * Channel mixers: the part of a layer that works on each token alone.
 *
 * - `mlp`: W2 act(W1 x + b1) + b2, the GPT and Pythia form.
 * - `swiGlu`: W_down (silu(W_gate x) * W_up x), without biases: Shazeer, "GLU Variants Improve Transformer",
 *   arXiv 2002.05202, as in LLaMA.
 */
import { z } from 'zod';
import { initProjection, type Projection } from '../blocks/projection.js';
import { parseConfig } from '../config.js';
import type { ApplyContext } from '../mixer.js';
import { linear, silu } from '../ops/index.js';
import { foldIn } from '../rng.js';
import { createParameters } from '../structure.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';

/** A channel mixer. P is its tree of parameters. */
export interface ChannelMixer<P extends Tree = Tree> {
  readonly name: string;
  /** The parsed config, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>> & { readonly dModel: number };
  /**
   * Fresh parameters; the output projection is scaled by 1 / sqrt(2 nLayers). The caller owns the tensors.
   * @throws InvalidConfigError for a seed that is no whole number of 32 bits.
   */
  init(seed: number, nLayers?: number): P;
  /** x: [B, L, d] or [n, d] -> the same shape; each row depends on itself alone. @throws ShapeError */
  apply<T extends tf.Tensor2D | tf.Tensor3D>(params: P, x: T, context?: ApplyContext): T;
  /** FLOPs per sequence of `seqLen` tokens; a multiply-add is 2, elementwise work is not counted. */
  flops(seqLen: number): number;
}

const ACTIVATIONS = {
  /** The exact form, x Phi(x). */
  gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
  relu: (x) => tf.relu(x),
  silu: (x) => silu(x),
} satisfies Record<string, (x: tf.Tensor) => tf.Tensor>;

const width = z.int().positive();
const mlpSchema = z.strictObject({
  /** Model width. */
  dModel: width,
  /** Hidden width; default 4 dModel. */
  dHidden: width.optional(),
  /** Between the two projections. */
  activation: z.enum(['gelu', 'relu', 'silu']).default('gelu'),
});

type MlpParams = { fc1: Projection; fc2: Projection };

/**
 * A two-layer perceptron with biases.
 * @throws InvalidConfigError
 */
export function mlp(input: z.input<typeof mlpSchema>): ChannelMixer<MlpParams> {
  const parsed = parseConfig(mlpSchema, input, 'mlp');
  const config = Object.freeze({ ...parsed, dHidden: parsed.dHidden ?? 4 * parsed.dModel });
  const { dModel, dHidden, activation } = config;
  const parameters = createParameters<MlpParams>('mlp', (seed, nLayers = 1) => ({
    fc1: initProjection([dModel, dHidden], foldIn(seed, 'fc1'), { bias: true }),
    fc2: initProjection([dHidden, dModel], foldIn(seed, 'fc2'), { bias: true, nLayers }),
  }));
  return Object.freeze({
    name: 'mlp',
    config,
    init: parameters.init,
    apply<T extends tf.Tensor2D | tf.Tensor3D>(params: MlpParams, x: T) {
      parameters.assert('mlp.apply', params);
      return linear(ACTIVATIONS[activation](linear(x, params.fc1)) as T, params.fc2);
    },
    flops: (seqLen: number) => 4 * seqLen * dModel * dHidden,
  } as ChannelMixer<MlpParams>);
}

const swiGluSchema = z.strictObject({
  /** Model width. */
  dModel: width,
  /** Hidden width; default 8/3 dModel rounded up to a multiple of 8, the parameters of an `mlp` of 4 dModel. */
  dHidden: width.optional(),
});

type SwiGluParams = { gateProj: Projection; upProj: Projection; downProj: Projection };

/**
 * A gated perceptron without biases.
 * @throws InvalidConfigError
 */
export function swiGlu(input: z.input<typeof swiGluSchema>): ChannelMixer<SwiGluParams> {
  const parsed = parseConfig(swiGluSchema, input, 'swiGlu');
  const config = Object.freeze({ ...parsed, dHidden: parsed.dHidden ?? 8 * Math.ceil(parsed.dModel / 3) });
  const { dModel, dHidden } = config;
  const parameters = createParameters<SwiGluParams>('swiGlu', (seed, nLayers = 1) => ({
    gateProj: initProjection([dModel, dHidden], foldIn(seed, 'gateProj')),
    upProj: initProjection([dModel, dHidden], foldIn(seed, 'upProj')),
    downProj: initProjection([dHidden, dModel], foldIn(seed, 'downProj'), { nLayers }),
  }));
  return Object.freeze({
    name: 'swiGlu',
    config,
    init: parameters.init,
    apply<T extends tf.Tensor2D | tf.Tensor3D>(params: SwiGluParams, x: T) {
      parameters.assert('swiGlu.apply', params);
      const gate = silu(linear(x, params.gateProj));
      return linear(tf.mul(gate, linear(x, params.upProj)) as T, params.downProj);
    },
    flops: (seqLen: number) => 6 * seqLen * dModel * dHidden,
  } as ChannelMixer<SwiGluParams>);
}

/** The channel mixers a config can name. */
export const CHANNEL_MIXERS = { mlp, swiGlu } as const;
export type ChannelMixerName = keyof typeof CHANNEL_MIXERS;
