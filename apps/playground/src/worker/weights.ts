/** Weights of a model as a safetensors file, in the names that checkpoints of `mixerzoo run` have. */
import {
  flattenTree,
  InvalidConfigError,
  type LanguageModelParams,
  mapTree,
  readSafetensors,
  type StoredTensor,
  tf,
  writeSafetensors,
} from '@mixerzoo/core';

/** What a checkpoint puts before the paths of parameters, beside the trees of the optimizer. */
const PREFIX = 'params.';

/** Every parameter by its path. */
export async function writeWeights(
  params: LanguageModelParams,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const tensors: [string, StoredTensor][] = [];
  for (const [path, leaf] of flattenTree(params)) {
    tensors.push([PREFIX + path, { shape: leaf.shape, data: (await leaf.data()) as Float32Array }]);
  }
  return writeSafetensors(tensors, metadata);
}

/**
 * New parameters of the structure of `like` from a file: an export of the page, or `model.safetensors` of a run's checkpoint, of which the
 * optimizer's trees are left. The caller owns them.
 * @throws InvalidConfigError where one is missing or of another shape, CheckpointError for a damaged file.
 */
export function readWeights(file: Uint8Array, like: LanguageModelParams): LanguageModelParams {
  const { tensors } = readSafetensors(file, 'weights');
  for (const [path, { shape }] of flattenTree(like)) {
    const found = tensors.get(PREFIX + path);
    if (found?.data instanceof Float32Array && tf.util.arraysEqual([...found.shape], shape)) continue;
    throw new InvalidConfigError(
      `weights: expected float32 '${PREFIX}${path}' [${shape}], got ${found ? `[${found.shape}]` : 'none'}. The file is of another model than the config.`,
    );
  }
  return mapTree(like, (leaf, path) => {
    return tf.tensor((tensors.get(PREFIX + path) as StoredTensor).data as Float32Array, leaf.shape);
  }) as LanguageModelParams;
}
