/**
 * Channel mixers: the part of a layer that works on each token alone.
 *
 * - `mlp`: W2 act(W1 x + b1) + b2, the GPT and Pythia form.
 * - `swiGlu`: W_down (silu(W_gate x) * W_up x), without biases: Shazeer, "GLU Variants Improve Transformer",
 *   arXiv 2002.05202, as in LLaMA.
 *
 * A package brings more with {@link defineChannelMixer} and the list `channelMixers` of its plugin, as core does.
 */
import * as z from 'zod';
import { initProjection, type Projection, projectionInitOption } from '../blocks/projection.js';
import { parseConfig } from '../config.js';
import { InvalidConfigError } from '../errors.js';
import type { ApplyContext } from '../mixer.js';
import { gelu } from '../ops/gelu/index.js';
import { linear, linears } from '../ops/linear/index.js';
import { silu } from '../ops/silu/index.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { createTokenPart } from './token-part.js';

/** The rows between the projections of a channel mixer, before the activation: what a filter in it (place D) acts on. */
export interface HiddenRows<P extends Tree = Tree> {
  /** Columns by role: `{ gate: m, up: m }`. */
  readonly widths: Readonly<Record<string, number>>;
  /** x [.., d] -> rows [.., w] by role; each token on its own. */
  project<T extends tf.Tensor>(params: P, x: T): Readonly<Record<string, T>>;
  /** Rows by role -> the output, [.., d]. */
  readOut<T extends tf.Tensor>(params: P, rows: Readonly<Record<string, T>>): T;
}

/** A channel mixer. P is its tree of parameters. */
export interface ChannelMixer<P extends Tree = Tree> {
  readonly specVersion: 1;
  readonly name: string;
  /** The parsed config, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Fresh parameters; the output projection is scaled by 1 / sqrt(2 nLayers). The caller owns the tensors.
   * @throws InvalidConfigError for a seed that is no whole number of 32 bits.
   */
  init(seed: number, nLayers?: number): P;
  /** x: [B, L, d] or [n, d] -> the same shape; each row depends on itself alone. @throws ShapeError */
  apply<T extends tf.Tensor2D | tf.Tensor3D>(params: P, x: T, context?: ApplyContext): T;
  /** FLOPs per sequence of `seqLen` tokens; a multiply-add is 2, elementwise work is not counted. */
  flops(seqLen: number): number;
  /** Its hidden rows, where it has some: `apply` is `readOut` of `project`. */
  readonly hidden?: HiddenRows<P>;
}

/** What `create` of {@link defineChannelMixer} returns; `apply` may be left to the hidden rows. */
type ChannelMixerForms<P extends Tree> = Omit<ChannelMixer<P>, 'specVersion' | 'name' | 'config' | 'apply' | 'hidden'> &
  (Pick<ChannelMixer<P>, 'apply' | 'hidden'> | { readonly hidden: HiddenRows<P>; readonly apply?: undefined });

/** Makes a channel mixer from its config, and carries the schema. */
export interface ChannelMixerFactory<C extends z.ZodType = z.ZodType, M extends ChannelMixer = ChannelMixer> {
  /** @throws InvalidConfigError */
  (config: z.input<C>): M;
  readonly channelMixerName: string;
  /** One sentence for `mixerzoo list channel-mixers`. */
  readonly summary: string;
  readonly schema: C;
}

/** The word for a layer that has no channel mixer. */
const NO_CHANNEL_MIXER = 'none';

/**
 * Defines a channel mixer: a name, a schema of its config with the key `dModel`, and the functions that a parsed config
 * gives rise to.
 * @example export const mlp = defineChannelMixer({ name: 'mlp', summary: '…', schema, create: (config) => ({ init, apply, flops }) });
 * @throws InvalidConfigError for the name `none`.
 */
export function defineChannelMixer<C extends z.ZodType, P extends Tree>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly schema: C;
  create(config: z.output<C>): ChannelMixerForms<P>;
}): ChannelMixerFactory<C, ChannelMixer<P>> {
  const { name, summary, schema, create } = definition;
  if (name === NO_CHANNEL_MIXER) {
    throw new InvalidConfigError(
      `defineChannelMixer: expected another name, got '${name}', which stands for none at all.`,
    );
  }
  const factory = (input: z.input<C>): ChannelMixer<P> => {
    const config = parseConfig(schema, input, name);
    const made = create(config);
    const forms = made.apply ? made : { ...made, apply: applyHidden(made.hidden) };
    return createTokenPart(factory, { name, config, forms });
  };
  return Object.assign(factory, { channelMixerName: name, summary, schema });
}

function applyHidden<P extends Tree>({ project, readOut }: HiddenRows<P>): ChannelMixer<P>['apply'] {
  return (params, x) => readOut(params, project(params, x));
}

const ACTIVATIONS = {
  gelu: (x) => gelu(x),
  /** What GPT-NeoX trained Pythia with. */
  geluTanh: (x) => gelu(x, true),
  relu: (x) => tf.relu(x),
  silu: (x) => silu(x),
} satisfies Record<string, (x: tf.Tensor) => tf.Tensor>;

const width = z.int().positive();
const dModel = width.describe('model width d');

type MlpParams = { fc1: Projection; fc2: Projection };

/**
 * A two-layer perceptron with biases.
 * @throws InvalidConfigError
 */
export const mlp = defineChannelMixer({
  name: 'mlp',
  summary: 'A perceptron of two layers, with biases: GPT, Pythia.',
  schema: z
    .strictObject({
      dModel,
      dHidden: width.optional().describe('hidden width; default 4 dModel'),
      activation: z
        .enum(['gelu', 'geluTanh', 'relu', 'silu'])
        .default('gelu')
        .describe('between the two projections; geluTanh is the usual approximation of gelu'),
      ...projectionInitOption,
    })
    .transform((config) => ({ ...config, dHidden: config.dHidden ?? 4 * config.dModel })),
  create: ({ dModel, dHidden, activation, init }) => ({
    init: (seed, nLayers = 1): MlpParams => ({
      fc1: initProjection([dModel, dHidden], foldIn(seed, 'fc1'), { bias: true, init }),
      fc2: initProjection([dHidden, dModel], foldIn(seed, 'fc2'), { bias: true, init, nLayers }),
    }),
    hidden: {
      widths: { fc1: dHidden },
      project: (params: MlpParams, x) => ({ fc1: linear(x, params.fc1) }),
      readOut: <T extends tf.Tensor>(params: MlpParams, { fc1 }: Record<string, T>) =>
        linear(ACTIVATIONS[activation](fc1 as T) as T, params.fc2),
    },
    flops: (seqLen) => 4 * seqLen * dModel * dHidden,
  }),
});

type SwiGluParams = { gateProj: Projection; upProj: Projection; downProj: Projection };

/**
 * A gated perceptron without biases.
 * @throws InvalidConfigError
 */
export const swiGlu = defineChannelMixer({
  name: 'swiGlu',
  summary: 'A gated perceptron, without biases: LLaMA.',
  schema: z
    .strictObject({
      dModel,
      dHidden: width
        .optional()
        .describe(
          'hidden width; default 8/3 dModel rounded up to a multiple of 8, the parameters of an mlp of 4 dModel',
        ),
      ...projectionInitOption,
    })
    .transform((config) => ({ ...config, dHidden: config.dHidden ?? 8 * Math.ceil(config.dModel / 3) })),
  create: ({ dModel, dHidden, init }) => ({
    init: (seed, nLayers = 1): SwiGluParams => ({
      gateProj: initProjection([dModel, dHidden], foldIn(seed, 'gateProj'), { init }),
      upProj: initProjection([dModel, dHidden], foldIn(seed, 'upProj'), { init }),
      downProj: initProjection([dHidden, dModel], foldIn(seed, 'downProj'), { init, nLayers }),
    }),
    hidden: {
      widths: { gate: dHidden, up: dHidden },
      project: (params: SwiGluParams, x) => {
        const [gate, up] = linears(x, [params.gateProj, params.upProj]);
        return { gate, up };
      },
      readOut: <T extends tf.Tensor>(params: SwiGluParams, { gate, up }: Record<string, T>) =>
        linear(tf.mul(silu(gate as T), up as T) as T, params.downProj),
    },
    flops: (seqLen) => 6 * seqLen * dModel * dHidden,
  }),
});

/** The channel mixers of core. */
export const CHANNEL_MIXERS = { mlp, swiGlu } as const;
export type ChannelMixerName = keyof typeof CHANNEL_MIXERS;
