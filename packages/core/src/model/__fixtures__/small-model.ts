/** A small model for tests, a batch for it, and what reads them. */
import { createRng } from '../../rng.js';
import { type Examples, IGNORED_LABEL } from '../../task.js';
import { testTensor } from '../../testing/index.js';
import * as tf from '../../tf.js';
import { disposeTree, flattenTree, unflattenTree } from '../../tree.js';
import { createLanguageModel, type LanguageModelConfig, type LanguageModelParams } from '../language-model.js';
import { averagingMixer } from './averaging-mixer.js';

/** Vocabulary, model width, batch size, sequence length. */
export const V = 11;
export const D = 6;
export const B = 2;
export const L = 7;
export const mixer = averagingMixer({ dModel: D });

export function build(overrides: Partial<LanguageModelConfig> = {}) {
  return createLanguageModel({
    vocabSize: V,
    dModel: D,
    layers: [{ sequenceMixer: mixer }, { sequenceMixer: mixer }],
    dropout: { embedding: 0, residual: 0 },
    ...overrides,
  });
}

/** Parameters moved off their initial values, so that no bias is 0 and no norm the identity. */
export function perturbed(params: LanguageModelParams): LanguageModelParams {
  const moved = flattenTree(params).map(
    ([path, leaf], index) =>
      [path, tf.tidy(() => tf.add(leaf, testTensor(leaf.shape as [number], 50 + index, 0.3)))] as const,
  );
  disposeTree(params);
  return unflattenTree<LanguageModelParams & { readonly [name: string]: never }>(moved);
}

export function batch(labelShare = 0.5, count = B, seqLen = L): Examples {
  const rng = createRng(3);
  const inputs = Int32Array.from({ length: count * seqLen }, () => rng.integer(V));
  const labels = Int32Array.from({ length: count * seqLen }, () =>
    rng.uniform() < labelShare ? rng.integer(V) : IGNORED_LABEL,
  );
  return { count, seqLen, inputs, labels };
}

export const idsOf = ({ inputs, count, seqLen }: Examples) => tf.tensor2d(inputs, [count, seqLen], 'int32');

/** A parameter by its path. */
export const leaf = (params: LanguageModelParams, path: string) => new Map(flattenTree(params)).get(path) as tf.Tensor;

/** A scalar, read back and freed. */
export async function scalarValue(scalar: () => tf.Tensor): Promise<number> {
  const tensor = tf.keep(tf.tidy(scalar));
  const [value] = await tensor.data();
  tensor.dispose();
  return value as number;
}
