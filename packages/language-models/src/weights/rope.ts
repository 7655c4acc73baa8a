/** Rotary positions in a config.json: the fields of transformers 4, `rope_theta` and `rope_scaling`, and of 5, `rope_parameters`. */
import { CheckpointError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import type { Fields } from './family.js';
import { count, USUAL_LENGTH } from './fields.js';
import { type Part, unplaced } from './uniform-model.js';

const base = { rope_theta: z.number().gt(1).optional(), partial_rotary_factor: z.number().gt(0).max(1).optional() };
const factor = z.number().min(1);
const original = { original_max_position_embeddings: count.nullish() };
const positive = z.number().positive();

const ropeSchema = z.discriminatedUnion('rope_type', [
  z.strictObject({ rope_type: z.literal('default'), ...base }),
  z.strictObject({ rope_type: z.literal('linear'), factor, ...original, ...base }),
  z.strictObject({
    rope_type: z.literal('yarn'),
    factor,
    ...original,
    ...base,
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    attention_factor: positive.nullish(),
    mscale: positive.nullish(),
    mscale_all_dim: positive.nullish(),
    truncate: z.literal(true).optional(),
  }),
  z.strictObject({
    rope_type: z.literal('llama3'),
    factor,
    low_freq_factor: positive,
    high_freq_factor: positive,
    ...original,
    ...base,
  }),
]);

/** `type` was the name of `rope_type`. */
const scalingSchema = z
  .preprocess((value) => {
    if (typeof value !== 'object' || value === null) return value;
    const { type, rope_type = type ?? 'default', ...rest } = value as Fields;
    return { rope_type, ...rest };
  }, ropeSchema)
  .nullish();

/** To spread into a schema. */
export const ropeFields = {
  rope_theta: z.number().gt(1).nullish(),
  rope_scaling: scalingSchema,
  rope_parameters: scalingSchema,
  max_position_embeddings: count.default(USUAL_LENGTH),
};

/** What was read by {@link ropeFields}, with the names that a family has of its own. */
interface RopeValues {
  readonly rope_theta?: number | null | undefined;
  readonly rope_scaling?: z.output<typeof scalingSchema>;
  readonly rope_parameters?: z.output<typeof scalingSchema>;
  readonly max_position_embeddings: number;
  readonly rotaryFraction?: number | undefined;
}

/** The options of attention for these fields. @throws CheckpointError for fields that contradict each other. */
export function readRope(values: RopeValues, where: string) {
  const { rope_scaling, rope_parameters, max_position_embeddings: maxLength } = values;
  if (rope_scaling && rope_parameters) {
    throw new CheckpointError(
      `${where}: expected rope_scaling or rope_parameters, got both. Delete the one that the model was not trained with.`,
    );
  }
  const rope = rope_parameters ?? rope_scaling ?? { rope_type: 'default' };
  const contextExtension = readExtension(rope, maxLength);
  return {
    positional: 'rope' as const,
    ropeBase: rope.rope_theta ?? values.rope_theta ?? 10_000,
    rotaryFraction: rope.partial_rotary_factor ?? values.rotaryFraction ?? 1,
    ...(contextExtension && { contextExtension }),
  };
}

function readExtension(rope: z.output<typeof ropeSchema>, maxLength: number) {
  if (rope.rope_type === 'default') return undefined;
  const { factor, original_max_position_embeddings } = rope;
  // Positions that are squeezed evenly have max_position_embeddings of the stretched context.
  const assumed = rope.rope_type === 'linear' ? Math.max(1, Math.round(maxLength / factor)) : maxLength;
  const trained = { factor, originalLength: original_max_position_embeddings ?? assumed };
  if (rope.rope_type === 'linear') return { method: 'interpolation' as const, ...trained };
  if (rope.rope_type === 'llama3') {
    return { method: 'llama3' as const, ...trained, betaFast: rope.high_freq_factor, betaSlow: rope.low_freq_factor };
  }
  const { beta_fast, beta_slow, attention_factor, mscale, mscale_all_dim } = rope;
  const scaled = (by: number) => 0.1 * by * Math.log(factor) + 1;
  const attentionFactor =
    attention_factor ?? (mscale && mscale_all_dim ? scaled(mscale) / scaled(mscale_all_dim) : undefined);
  return {
    method: 'yarn' as const,
    ...trained,
    temperature: 'rotated' as const,
    ...(beta_fast && { betaFast: beta_fast }),
    ...(beta_slow && { betaSlow: beta_slow }),
    ...(attentionFactor !== undefined && { attentionFactor }),
  };
}

/** How attention is told of positions. */
interface Positional {
  readonly positional: string;
  readonly ropeBase: number;
  readonly rotaryFraction: number;
  readonly contextExtension?: {
    readonly method: 'interpolation' | 'yarn' | 'llama3';
    readonly factor: number;
    readonly originalLength: number;
    readonly betaFast?: number;
    readonly betaSlow?: number;
    readonly temperature?: string;
    readonly attentionFactor?: number;
  };
}

/**
 * Base and scaling as config.json has them.
 * @throws InvalidConfigError for positions that transformers does not compute.
 */
export function writeRope(mixer: Part, maxLength: number | undefined, where: string) {
  const { positional, ropeBase, rotaryFraction, contextExtension } = mixer.config as unknown as Positional;
  if (positional !== 'rope') throw unplaced(where, "positional 'rope'", `'${positional}'`);
  const scaling = contextExtension && writeExtension(contextExtension, rotaryFraction, where);
  const { originalLength = USUAL_LENGTH, factor = 1 } = contextExtension ?? {};
  return {
    ropeBase,
    rotaryFraction,
    scaling: scaling ?? null,
    maxLength: maxLength ?? Math.round(originalLength * factor),
  };
}

function writeExtension(extension: NonNullable<Positional['contextExtension']>, rotaryFraction: number, where: string) {
  const { method, factor, originalLength, betaFast, betaSlow, attentionFactor } = extension;
  const temperature = extension.temperature ?? (method === 'yarn' ? 'logits' : 'none');
  const of = (rope_type: string) => ({ rope_type, factor, original_max_position_embeddings: originalLength });
  if (method !== 'yarn' && temperature !== 'none')
    throw unplaced(where, `${method} without a temperature`, `'${temperature}'`);
  if (method === 'interpolation') return { rope_type: 'linear', factor };
  if (method === 'llama3') return { ...of('llama3'), low_freq_factor: betaSlow ?? 1, high_freq_factor: betaFast ?? 4 };
  // On all logits is on the rotated columns where those are all.
  if (temperature === 'logits' && rotaryFraction < 1) {
    throw unplaced(where, "YaRN's temperature on the rotated columns alone", "'logits'");
  }
  const attention_factor = temperature === 'none' ? 1 : attentionFactor;
  return {
    ...of('yarn'),
    ...(betaFast !== undefined && { beta_fast: betaFast }),
    ...(betaSlow !== undefined && { beta_slow: betaSlow }),
    ...(attention_factor !== undefined && { attention_factor }),
  };
}
