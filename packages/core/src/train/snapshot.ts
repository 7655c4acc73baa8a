/** Trees of parameters as the arrays of a checkpoint, and back. */
import { CheckpointError } from '../errors.js';
import * as tf from '../tf.js';
import { flattenTree, formatShape, mapTree, type Tree } from '../tree.js';
import type { StoredTensor } from './safetensors.js';

/** Copies trees off the engine; a leaf is named `<tree>.<path>`. */
export async function snapshotTrees(trees: Readonly<Record<string, Tree>>): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const [prefix, tree] of Object.entries(trees)) {
    for (const [path, leaf] of flattenTree(tree)) {
      tensors.set(`${prefix}.${path}`, { shape: leaf.shape, data: (await leaf.data()) as Float32Array });
    }
  }
  return tensors;
}

/**
 * New trees of the same structure with the stored values; the caller owns them.
 * @param file - name of the file the tensors came from, for messages.
 * @throws CheckpointError, before any tensor is made, unless the file holds exactly these tensors.
 */
export function restoreTrees<T extends Readonly<Record<string, Tree>>>(
  tensors: ReadonlyMap<string, StoredTensor>,
  like: T,
  file: string,
): T {
  const remedy = 'It was made by another version; delete its directory to start afresh.';
  const expected = new Map<string, number[]>(
    Object.entries(like).flatMap(([prefix, tree]) =>
      flattenTree(tree).map(([path, leaf]) => [`${prefix}.${path}`, leaf.shape] as const),
    ),
  );
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (!found || !(found.data instanceof Float32Array) || !tf.util.arraysEqual([...found.shape], shape)) {
      const received = found ? `${found.data.constructor.name} ${formatShape(found.shape)}` : 'none';
      throw new CheckpointError(
        `${file}: expected float32 '${name}' ${formatShape(shape)}, got ${received}. ${remedy}`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (!expected.has(name)) throw new CheckpointError(`${file}: unexpected tensor '${name}'. ${remedy}`);
  }
  return Object.fromEntries(
    Object.entries(like).map(([prefix, tree]) => [
      prefix,
      mapTree(tree, (leaf, path) =>
        tf.tensor((tensors.get(`${prefix}.${path}`) as StoredTensor).data as Float32Array, leaf.shape),
      ),
    ]),
  ) as T;
}
