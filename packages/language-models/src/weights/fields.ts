/** Reading a config.json: what changes the computation is known, or refused by name. */
import { parseConfig } from '@mixerzoo/core/config';
import { CheckpointError, isZooError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import type { Fields } from './family.js';

/** Fields of every family that change no logit. */
const IDLE = new Set([
  '_attn_implementation',
  '_attn_implementation_autoset',
  '_name_or_path',
  'architectures',
  'auto_map',
  'bos_token_id',
  'classifier_dropout',
  'dtype',
  'eos_token_id',
  'gradient_checkpointing',
  'initializer_range',
  'is_decoder',
  'is_llama_config',
  'keys_to_ignore_at_inference',
  'model_type',
  'pad_token_id',
  'pretraining_tp',
  'tie_encoder_decoder',
  'tokenizer_class',
  'torch_dtype',
  'transformers.js_config',
  'transformers_version',
  'use_cache',
]);

/**
 * JSON as Python writes it: with Infinity and NaN.
 * @throws CheckpointError
 */
export function parsePythonJson(text: string, where: string): Fields {
  const strict = text.replace(/"(?:[^"\\]|\\.)*"|Infinity|NaN/g, (token) =>
    token === 'Infinity' ? '1e999' : token === 'NaN' ? 'null' : token,
  );
  let json: unknown;
  try {
    json = JSON.parse(strict);
  } catch (error) {
    throw new CheckpointError(`${where}: expected JSON, got '${text.slice(0, 40)}'. Copy the file again.`, {
      cause: error,
    });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Fields;
  throw new CheckpointError(`${where}: expected an object, got '${text.slice(0, 40)}'. Copy the file again.`);
}

/**
 * The fields of a family.
 * @param idle - fields of this family that change no logit.
 * @throws CheckpointError that lists all that is unknown, or has a value that nothing here computes.
 */
export function readFields<S extends z.ZodType>(
  schema: S,
  fields: Fields,
  where: string,
  idle: readonly string[] = [],
): z.output<S> {
  const known = Object.entries(fields).filter(([name]) => !IDLE.has(name) && !idle.includes(name));
  try {
    return parseConfig(schema, Object.fromEntries(known), where);
  } catch (error) {
    if (!isZooError(error, 'invalid-config')) throw error;
    throw new CheckpointError(
      `${error.message} These fields decide what the model computes. Delete one from ${where} only if you know that it does not.`,
      { cause: error },
    );
  }
}

/** What transformers and flash-linear-attention take where `max_position_embeddings` is left out. */
export const USUAL_LENGTH = 2048;

/** Widths and counts. */
export const count = z.int().positive();
export const epsilon = z.number().positive();
export const rate = z.number().min(0).lt(1).nullish();

/** That a field may be left out or null, or say what would be done without it. */
export const only = (...values: readonly (string | number | boolean)[]) =>
  z.literal(values as [string, ...string[]]).nullish();

/** Fields of flash-linear-attention that choose among kernels, or belong to caches and losses. */
export const FLA_IDLE = [
  'attn_mode',
  'conv_size',
  'fuse_cross_entropy',
  'fuse_linear_cross_entropy',
  'fuse_norm',
  'fuse_swiglu',
  'use_l2warp',
];
