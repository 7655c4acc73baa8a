/**
 * A model as a directory that transformers, or flash-linear-attention, loads: `config.json` and `model.safetensors`, tensor by
 * tensor.
 */
import {
  type FloatDtype,
  type FloatTensor,
  flattenTree,
  hasCheckpoint,
  InvalidConfigError,
  isZooError,
  type LanguageModel,
  type LanguageModelParams,
  saveSafetensors,
  type tf,
} from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { FAMILIES, familyNamed } from './weights/families.js';
import type { Fields, WeightFamily } from './weights/family.js';
import { pack, type StoredLayout, sizeOf } from './weights/layout.js';
import { type UniformModel, uniformModelOf } from './weights/uniform-model.js';

/** What {@link exportPretrained} may be told. */
export interface ExportOptions {
  /** `model_type` of the layout. Default: the first that has a place for the model. */
  readonly layout?: string;
  /** Weights are rounded to it. Default F32. */
  readonly dtype?: FloatDtype;
  /** `max_position_embeddings`: tokens that positions were trained for. Default 2048, or what its positions are stretched to. */
  readonly maxLength?: number;
  /** JSON that is written beside the weights as `tokenizer.json`. */
  readonly tokenizer?: unknown;
  /** Ids of the tokens that begin and end a document. */
  readonly tokens?: { readonly bos?: number | undefined; readonly eos?: number | undefined };
}

const DTYPES: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/**
 * Writes a model in the layout of a family; what {@link loadPretrained} then loads has the same parameters, bit for bit in F32.
 *
 * @returns the layout's `model_type`.
 * @throws InvalidConfigError for a model that has no place in the layout, as CAT's filters have none in any; CheckpointError
 *   if it cannot be written, or the directory is a run's.
 * @example await exportPretrained('my-pythia', { model, params }, { dtype: 'F16', maxLength: 256 });
 */
export async function exportPretrained(
  directory: string,
  { model, params }: { readonly model: LanguageModel; readonly params: LanguageModelParams },
  options: ExportOptions = {},
): Promise<string> {
  const { dtype = 'F32', maxLength, tokenizer, tokens } = options;
  const fs = process.getBuiltinModule('node:fs/promises');
  const { join } = process.getBuiltinModule('node:path');
  const { family, fields, uniform } = fit(model, options.layout, maxLength);
  if (await hasCheckpoint(directory)) {
    throw new CheckpointError(
      `exportPretrained: expected a directory of its own, got ${directory}, which is a run's. Choose another.`,
    );
  }
  const config = {
    architectures: [family.architecture],
    model_type: family.modelType,
    ...fields,
    torch_dtype: DTYPES[dtype],
    ...(tokens?.bos !== undefined && { bos_token_id: tokens.bos }),
    ...(tokens?.eos !== undefined && { eos_token_id: tokens.eos }),
  };
  const write = (file: string, json: unknown) =>
    fs.writeFile(join(directory, file), `${JSON.stringify(json, null, 2)}\n`);
  const leaves = new Map(flattenTree(params));
  const tensors = family.tensors(uniform).map((layout): FloatTensor => {
    return { name: layout.name, shape: layout.shape, dtype, data: () => packed(layout, leaves) };
  });
  try {
    await fs.mkdir(directory, { recursive: true });
    await saveSafetensors(join(directory, 'model.safetensors'), tensors, { format: 'pt' });
    await write('config.json', config);
    if (tokenizer !== undefined) await write('tokenizer.json', tokenizer);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isZooError(error) || code === undefined) throw error;
    throw new CheckpointError(
      `exportPretrained: expected to write ${directory}, got ${code}. Choose a directory with room that you may write to.`,
      { cause: error },
    );
  }
  return family.modelType;
}

/** The family to write as, and what its config.json says of the model. */
function fit(model: LanguageModel, layout: string | undefined, maxLength: number | undefined) {
  const uniform = uniformModelOf(model, 'exportPretrained');
  if (layout !== undefined) {
    const family = familyNamed(layout);
    return { uniform, family, fields: family.write(uniform, maxLength) };
  }
  const reasons: string[] = [];
  for (const family of FAMILIES) {
    const fields = attempt(family, uniform, maxLength, reasons);
    if (fields) return { uniform, family, fields };
  }
  throw new InvalidConfigError(
    `exportPretrained: expected a model that one of the layouts has a place for, got none:\n${reasons.map((reason) => `  - ${reason}`).join('\n')}`,
  );
}

function attempt(
  family: WeightFamily,
  uniform: UniformModel,
  maxLength: number | undefined,
  reasons: string[],
): Fields | undefined {
  try {
    return family.write(uniform, maxLength);
  } catch (error) {
    if (!isZooError(error, 'invalid-config')) throw error;
    reasons.push(error.message);
    return undefined;
  }
}

/** The elements of a stored tensor. */
async function packed({ shape, places }: StoredLayout, leaves: ReadonlyMap<string, tf.Tensor>): Promise<Float32Array> {
  const stored = new Float32Array(sizeOf(shape));
  for (const place of places) {
    const leaf = leaves.get(place.path);
    if (!leaf) throw new InvalidConfigError(`exportPretrained: expected a parameter '${place.path}', got none.`);
    pack((await leaf.data()) as Float32Array, place, stored);
  }
  return stored;
}
