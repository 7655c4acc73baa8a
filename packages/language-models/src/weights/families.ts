/** The families of checkpoints there are, by the `model_type` of their config.json. */
import { CheckpointError, UnknownNameError } from '@mixerzoo/core/errors';
import type { Fields, WeightFamily } from './family.js';
import { gla } from './gla.js';
import { gptNeoX } from './gpt-neox.js';
import { llama } from './llama.js';
import { mamba } from './mamba.js';
import { mamba2 } from './mamba2.js';
import { transformerPlusPlus } from './transformer-plus-plus.js';

/** A model is exported as the first that has a place for it. */
export const FAMILIES: readonly WeightFamily[] = [gptNeoX, llama, mamba, mamba2, gla, transformerPlusPlus];

const FAMILY_NAMES = FAMILIES.map(({ modelType }) => modelType);

/** @throws CheckpointError for a config.json of another kind of model. */
export function familyOf(fields: Fields, where: string): WeightFamily {
  const { model_type: modelType, architectures } = fields;
  const family = FAMILIES.find((known) => known.modelType === modelType);
  if (family) {
    const other =
      Array.isArray(architectures) && architectures.length > 0 && !architectures.includes(family.architecture);
    if (!other) return family;
    throw new CheckpointError(
      `${where}: expected a language model, architectures ['${family.architecture}'], got ${JSON.stringify(architectures)}. Load the model that was trained to tell the next token.`,
    );
  }
  const received = modelType === undefined ? 'none' : JSON.stringify(modelType);
  throw new CheckpointError(
    `${where}: expected a model_type of ${FAMILY_NAMES.join(', ')}, got ${received}. Convert the weights to one of these layouts.`,
  );
}

/** @throws UnknownNameError */
export function familyNamed(modelType: string): WeightFamily {
  const family = FAMILIES.find((known) => known.modelType === modelType);
  if (family) return family;
  throw new UnknownNameError('layout of weights', modelType, FAMILY_NAMES);
}
