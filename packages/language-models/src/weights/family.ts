/** What makes a family of checkpoints: how its config.json is read and written, and where its weights lie. */
import type { LanguageModelConfig } from '@mixerzoo/core';
import type { StoredLayout } from './layout.js';
import type { UniformModel } from './uniform-model.js';

/** JSON of a config.json. */
export type Fields = Readonly<Record<string, unknown>>;

/** Names of the tensors that a checkpoint has. */
export type StoredNames = ReadonlySet<string>;

/** A model as its config.json describes it. */
export interface Described {
  readonly model: LanguageModelConfig;
  /** Tokens that positions were trained for; absent where there are no positions. */
  readonly maxLength?: number;
}

/** A family of checkpoints. */
export interface WeightFamily {
  /** For people. */
  readonly name: string;
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** `architectures` of config.json. */
  readonly architecture: string;
  /** Name of the head's weight; absent from files whose head is the embedding. */
  readonly head: string;
  /** Tensors that older files have beside the weights: buffers. */
  readonly buffers?: RegExp;
  /**
   * @param fields - config.json.
   * @param names - of the tensors there are, which tell what a config.json leaves open.
   * @throws CheckpointError that names the fields that are unknown, or have values that nothing here computes.
   */
  read(fields: Fields, where: string, names: StoredNames): Described;
  /**
   * config.json, but for what all families have.
   * @param maxLength - tokens that positions were trained for, where that is known.
   * @throws InvalidConfigError for a model that has no place in this layout.
   */
  write(model: UniformModel, maxLength?: number): Fields;
  /** Every tensor of the model. @param names - those of the file to read; absent to write. */
  tensors(model: UniformModel, names?: StoredNames): readonly StoredLayout[];
}
