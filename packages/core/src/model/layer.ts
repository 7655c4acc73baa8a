/**
 * A layer: a sequence mixer and a channel mixer around the residual stream.
 *
 * A layer takes and returns a pair: the residual stream r and the output h that has not been added to it yet. That is
 * zoology's form (HazyResearch/zoology, `zoology/model.py`, TransformerBlock), and what makes the others special cases:
 *
 *   sequential   r += drop(h); h = mixer(norm1(r)); r += drop(h); h = channel(norm2(r))      zoology, LLaMA
 *   parallel     r += drop(h); h = mixer(norm1(r)) + channel(norm2(r))                       Pythia (GPT-NeoX)
 *   mixerOnly    r += drop(h); h = mixer(norm1(r))                                           Mamba
 *
 * Without a channel mixer a sequential layer ends in h = norm2(r), which enters the residual stream as it does in
 * zoology. Short filters may stand at four places of a layer (`layer-filters.ts`).
 */
import { InvalidConfigError } from '../errors.js';
import { identity } from '../identity.js';
import { type ApplyContext, assertOutput, type Mixer } from '../mixer.js';
import { dropout } from '../ops/dropout/index.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { CHANNEL_MIXERS, type ChannelMixer, type ChannelMixerName } from './channel-mixer.js';
import type { TokenMixer } from './filtered-channel-mixer.js';
import { placeFilters, type ShortFilters } from './layer-filters.js';
import { NORMS, type Norm, type NormName } from './norm.js';

export const RESIDUAL_NAMES = ['sequential', 'parallel', 'mixerOnly'] as const;
export type ResidualName = (typeof RESIDUAL_NAMES)[number];

/** One layer of a model. */
export interface LayerSpec {
  readonly sequenceMixer: Mixer;
  /** A channel mixer, or the name of one of core's with its defaults. Default `'none'`. */
  readonly channelMixer?: ChannelMixer | ChannelMixerName | 'none';
  /** Default `'sequential'`. */
  readonly residual?: ResidualName;
  /** A norm, or the name of one of core's. Default: the model's. */
  readonly norm?: Norm | NormName;
  /** Causal filters before the mixer (A), in it (B), before the channel mixer (C), in it (D). Default: those that mixers have of their own. */
  readonly shortFilters?: ShortFilters;
}

/** The parts of a layer that mix tokens, by the names of their parameters; a channel mixer where it has filters. */
export type TokenMixers = Readonly<{ mixer: TokenMixer; channel?: TokenMixer }>;

export interface LayerParams extends Tree {
  readonly norm1: Tree;
  readonly mixer: Tree;
  readonly norm2?: Tree;
  readonly channel?: Tree;
}

/** The residual stream and what is to be added to it; [B, L, d], [B, d] or [n, d]. */
export interface Stream {
  readonly residual: tf.Tensor | undefined;
  readonly hidden: tf.Tensor;
}

/** How the tokens go through a layer: all at once, one at a time, or thinned out after the mixer. */
export interface Passage {
  readonly context: ApplyContext;
  /** A part that mixes tokens, in its parallel or its recurrent form. */
  mix(role: keyof TokenMixers, params: Tree, x: tf.Tensor, context: ApplyContext): tf.Tensor;
  /** Applied once nothing further mixes tokens: drops the positions that are not asked for. */
  select?(x: tf.Tensor): tf.Tensor;
}

/** A layer as the model uses it. */
export interface Layer {
  readonly mixers: TokenMixers;
  /** JSON: what decides the layer's computation. */
  readonly config: Readonly<Record<string, unknown>>;
  init(seed: number, nLayers: number): LayerParams;
  forward(params: LayerParams, stream: Stream, passage: Passage): Stream;
  flops(seqLen: number): number;
}

/**
 * Checks a layer's parts against each other and joins them.
 * @param index - its place in the model, which its dropout masks depend on.
 * @throws InvalidConfigError
 */
export function createLayer(
  spec: LayerSpec,
  index: number,
  model: {
    readonly dModel: number;
    readonly norm: Norm;
    readonly normEps: number;
    readonly dropout: { readonly embedding: number; readonly residual: number };
  },
): Layer {
  const { residual = 'sequential' } = spec;
  const { dModel } = model;
  const where = `layers.${index}`;
  const channelMixer = resolveChannelMixer(spec.channelMixer ?? 'none', dModel);
  const norm = spec.norm === undefined ? model.norm : resolveNorm(spec.norm, model, where);
  if (residual === 'parallel' && !channelMixer) {
    throw new InvalidConfigError(
      `${where}: expected a channelMixer beside residual 'parallel', got none. Use residual 'mixerOnly'.`,
    );
  }
  if (residual === 'mixerOnly' && channelMixer) {
    throw new InvalidConfigError(
      `${where}: expected no channelMixer beside residual 'mixerOnly', got '${channelMixer.name}'. Use residual 'sequential'.`,
    );
  }
  assertWidth(`${where}.sequenceMixer`, spec.sequenceMixer, dModel);
  if (channelMixer) assertWidth(`${where}.channelMixer`, channelMixer, dModel);
  const { sequenceMixer, around, mixer, channel } = placeFilters(
    { sequenceMixer: spec.sequenceMixer, channelMixer, shortFilters: spec.shortFilters },
    dModel,
    where,
  );

  return {
    mixers: { mixer, ...(channel && { channel }) },
    config: {
      sequenceMixer: identity(sequenceMixer),
      channelMixer: channelMixer ? identity(channelMixer) : 'none',
      residual,
      norm: identity(norm),
      ...(Object.keys(around).length > 0 && { shortFilters: around }),
    },
    init: (seed, nLayers) => ({
      norm1: norm.init(foldIn(seed, 'norm1')),
      mixer: mixer.init(foldIn(seed, 'mixer'), nLayers),
      ...(residual === 'mixerOnly' ? {} : { norm2: norm.init(foldIn(seed, 'norm2')) }),
      ...(channelMixer ? { channel: (channel ?? channelMixer).init(foldIn(seed, 'channel'), nLayers) } : {}),
    }),
    forward(params, stream, { context, mix, select = (x) => x }) {
      const inner: ApplyContext = { ...context, seed: foldIn(context.seed, where) };
      const rateIn = index === 0 ? model.dropout.embedding : model.dropout.residual;
      const entered = addTo(stream.residual, drop(stream.hidden, rateIn, inner, 'in'));
      const normed = applyNorm(where, norm, params.norm1, entered);
      const mixture = mix('mixer', params.mixer, normed, inner);
      assertOutput(`${where}: sequenceMixer '${sequenceMixer.name}'`, mixture, normed.shape);
      // Filters of the channel mixer need every token.
      const [early, late] = channel ? [(x: tf.Tensor) => x, select] : [select, (x: tf.Tensor) => x];
      const mixed = early(mixture);
      const kept = early(entered);
      if (residual === 'mixerOnly') return { residual: kept, hidden: mixed };
      const mixChannels = (x: tf.Tensor) => {
        const normed = applyNorm(where, norm, params.norm2 as Tree, x);
        if (!channelMixer) return normed;
        const given = params.channel as Tree;
        const y = channel
          ? mix('channel', given, normed, inner)
          : channelMixer.apply(given, normed as tf.Tensor3D, inner);
        assertOutput(`${where}: channelMixer '${channelMixer.name}'`, y, normed.shape);
        return y;
      };
      if (residual === 'parallel') return { residual: late(kept), hidden: late(tf.add(mixed, mixChannels(kept))) };
      const between = addTo(kept, drop(mixed, model.dropout.residual, inner, 'between'));
      return { residual: late(between), hidden: late(mixChannels(between)) };
    },
    flops: (seqLen) => mixer.flops(seqLen) + ((channel ?? channelMixer)?.flops(seqLen) ?? 0),
  };
}

/** x: [B, L, d], [B, d] or [n, d] -> the same shape. @throws ShapeError for a norm that gives another. */
export function applyNorm(where: string, norm: Norm, params: Tree, x: tf.Tensor): tf.Tensor {
  const y = norm.apply(params, x as tf.Tensor3D);
  assertOutput(`${where}: norm '${norm.name}'`, y, x.shape);
  return y;
}

/**
 * The norm of a model or a layer; one that is given by name has the model's eps.
 * @throws InvalidConfigError for one of another width.
 */
export function resolveNorm(
  given: Norm | NormName,
  { dModel, normEps }: { readonly dModel: number; readonly normEps: number },
  where: string,
): Norm {
  if (typeof given === 'string') return NORMS[given]({ dModel, eps: normEps });
  assertWidth(`${where}.norm`, given, dModel);
  return given;
}

function assertWidth(where: string, { name, config }: Pick<Mixer, 'name' | 'config'>, dModel: number): void {
  const { dModel: given } = config as { dModel?: unknown };
  if (given === dModel) return;
  throw new InvalidConfigError(
    `${where}: expected '${name}' of the model's dModel ${dModel}, got ${String(given)}. Give both the same width.`,
  );
}

/** The stream with what was pending added to it. */
export function addTo(residual: tf.Tensor | undefined, hidden: tf.Tensor): tf.Tensor {
  return residual ? tf.add(residual, hidden) : hidden;
}

/** Dropout while training, with a mask of its own for each place in the model. */
export function drop(x: tf.Tensor, rate: number, { training, seed }: ApplyContext, place: string): tf.Tensor {
  return training && rate > 0 ? dropout(x, rate, foldIn(seed, place)) : x;
}

function resolveChannelMixer(
  given: ChannelMixer | ChannelMixerName | 'none',
  dModel: number,
): ChannelMixer | undefined {
  if (given === 'none') return undefined;
  return typeof given === 'string' ? CHANNEL_MIXERS[given]({ dModel }) : given;
}
