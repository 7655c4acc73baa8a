/** What a language model is made of, as `createLanguageModel` is told it. */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { InvalidConfigError } from '../errors.js';
import { isMixer } from '../identity.js';
import type { Mixer } from '../mixer.js';
import { assertSpecVersion } from '../spec-version.js';
import { CHANNEL_MIXERS, type ChannelMixer } from './channel-mixer.js';
import { type LayerSpec, RESIDUAL_NAMES } from './layer.js';
import { shortFiltersSchema } from './layer-filters.js';
import { NORM_NAMES, type Norm } from './norm.js';

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPart = (value: unknown): value is ChannelMixer =>
  typeof value === 'object' && value !== null && typeof (value as { apply?: unknown }).apply === 'function';

/** What came in place of a mixer, and how to come to one: names are for configs of experiments. Without a full stop at its end. */
function describeNoMixer(given: unknown): string {
  if (typeof given === 'function') return 'got a function. If it is a factory, call it: cat({ dModel })';
  const name = typeof given === 'string' && /^[A-Za-z]\w*$/.test(given) ? given : 'cat';
  return `got ${kindOf(given)}. Import a factory from its package and call it: ${name}({ dModel })`;
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : String(value);
}

/** As {@link describeNoMixer}, of what stands where a layer should. */
function describeNoLayer(given: unknown): string {
  const wanted = 'expected a layer, { sequenceMixer: mixer }';
  return isMixer(given) ? `${wanted}, got a mixer` : `${wanted}, ${describeNoMixer(given)}`;
}

const rate = z.number().min(0).lt(1);
const normSchema = z.union([z.enum(NORM_NAMES), z.custom<Norm>(isPart)]);

const layerSchema = z.strictObject({
  /** What mixes information across tokens. */
  sequenceMixer: z.custom<Mixer>(isMixer, {
    error: ({ input }) => `expected a mixer, as its factory makes it, ${describeNoMixer(input)}`,
  }),
  channelMixer: z
    .union([
      z.enum(['none', ...(Object.keys(CHANNEL_MIXERS) as (keyof typeof CHANNEL_MIXERS)[])]),
      z.custom<ChannelMixer>(isPart),
    ])
    .optional(),
  /** How the parts of a layer join the stream. Default `sequential`. */
  residual: z.enum(RESIDUAL_NAMES).optional(),
  /** Default: the model's. */
  norm: normSchema.optional(),
  /** Causal depthwise filters, by place: A before the mixer, B in it, C before the channel mixer, D in it. */
  shortFilters: shortFiltersSchema.optional(),
});

const languageModelSchema = z.strictObject({
  /** V, different tokens. */
  vocabSize: z.int().positive(),
  /** Model width. */
  dModel: z.int().positive(),
  /** From the first to the last. */
  layers: z
    .array(
      z
        .custom<object>((layer) => isObject(layer) && !isMixer(layer), { error: ({ input }) => describeNoLayer(input) })
        .pipe(layerSchema),
    )
    .min(1),
  /** `learned`: a table of positions is added to the embedding. */
  positions: z.enum(['none', 'learned']).default('none'),
  /** Rows of the table of learned positions. Rows past the training length stay as initialised. */
  maxPositions: z.int().positive().optional(),
  /**
   * What a token past the table's end gets: an error; the last row (`clamp`); or row `t mod maxPositions` (`wrap`).
   */
  positionsPastEnd: z.enum(['error', 'clamp', 'wrap']).default('error'),
  /** Before each part of a layer and before the head. */
  norm: normSchema.default('layerNorm'),
  /** Added to the variance in norms that are given by name. */
  normEps: z.number().positive().default(1e-5),
  /** Rates while training: of the embedding, and of what each part of a layer adds to the stream. */
  dropout: z
    .strictObject({
      /** Rate on the embedded tokens. */
      embedding: rate.default(0.1),
      /** Rate on what each part of a layer adds to the stream. */
      residual: rate.default(0),
    })
    .default({ embedding: 0.1, residual: 0 }),
  /** Standard deviation with which the embedding, learned positions and an untied head start. */
  embeddingStd: z.number().positive().default(0.02),
  /** The head's weight is the embedding's; otherwise `head.weight` [V, d]. */
  tieEmbeddings: z.boolean().default(true),
  /** What the last position holds is all that `loss` and `predict` tell labels from: as {@link Task.decoder} asks. */
  decoder: z.literal('lastPosition').optional(),
});

export type LanguageModelConfig = Omit<z.input<typeof languageModelSchema>, 'layers'> & {
  /** From the first to the last. */
  readonly layers: readonly LayerSpec[];
};

export type ParsedLanguageModelConfig = z.output<typeof languageModelSchema>;

/** @throws InvalidConfigError */
export function parseLanguageModel(input: LanguageModelConfig): ParsedLanguageModelConfig {
  const config = parseConfig(languageModelSchema, input, 'createLanguageModel');
  for (const [index, { sequenceMixer, channelMixer, norm }] of config.layers.entries()) {
    const where = `createLanguageModel: layers.${index}`;
    assertSpecVersion(`${where}.sequenceMixer`, 'mixer', sequenceMixer, 'defineMixer');
    if (isPart(channelMixer))
      assertSpecVersion(`${where}.channelMixer`, 'channel mixer', channelMixer, 'defineChannelMixer');
    if (isPart(norm)) assertSpecVersion(`${where}.norm`, 'norm', norm, 'defineNorm');
  }
  if (isPart(config.norm)) assertSpecVersion('createLanguageModel: norm', 'norm', config.norm, 'defineNorm');
  const { positions, maxPositions } = config;
  if ((positions === 'learned') !== (maxPositions !== undefined)) {
    throw new InvalidConfigError(
      `createLanguageModel: expected maxPositions together with positions 'learned', got positions '${positions}' and maxPositions ${maxPositions}. Set both or neither.`,
    );
  }
  return config;
}
