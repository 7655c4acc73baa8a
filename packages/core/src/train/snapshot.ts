/** Trees of parameters as the arrays of a checkpoint, and back. */
import { CheckpointError } from '../errors.js';
import * as tf from '../tf.js';
import { flattenTree, formatShape, mapTree, type Tree } from '../tree.js';
import type { StoredTensor } from './safetensors.js';

/** Copies trees off the engine; a leaf is named `<tree>.<path>`. */
export async function snapshotTrees(trees: Readonly<Record<string, Tree>>): Promise<Map<string, StoredTensor>> {
  const tensors: [string, StoredTensor][] = [];
  for (const [name, tree] of Object.entries(trees)) tensors.push(...(await snapshotTree(tree, `${name}.`)));
  return new Map(tensors);
}

/** Copies a tree off the engine; a leaf is named by its path, after `prefix`. */
export async function snapshotTree(tree: Tree, prefix = ''): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const [path, leaf] of flattenTree(tree)) {
    tensors.set(`${prefix}${path}`, { shape: leaf.shape, data: (await leaf.data()) as Float32Array });
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
  const trees = Object.entries(like);
  const expected = new Map(trees.flatMap(([name, tree]) => [...shapesOf(tree, `${name}.`)]));
  assertStored(tensors, expected, file, 'It was made by another version; delete its directory to start afresh.');
  return Object.fromEntries(trees.map(([name, tree]) => [name, treeOf(tensors, tree, `${name}.`)])) as T;
}

/**
 * A new tree of the same structure with the stored values; the caller owns it. Of `like` structure and shapes are read alone.
 * @param remedy - what to do about a file that holds others.
 * @throws CheckpointError, before any tensor is made, unless the file holds exactly these tensors.
 */
export function restoreTree<T extends Tree>(
  tensors: ReadonlyMap<string, StoredTensor>,
  like: T,
  file: string,
  remedy: string,
): T {
  assertStored(tensors, shapesOf(like, ''), file, remedy);
  return treeOf(tensors, like, '');
}

const shapesOf = (tree: Tree, prefix: string): Map<string, number[]> =>
  new Map(flattenTree(tree).map(([path, leaf]) => [`${prefix}${path}`, leaf.shape]));

const treeOf = <T extends Tree>(tensors: ReadonlyMap<string, StoredTensor>, like: T, prefix: string): T =>
  mapTree(like, (leaf, path) =>
    tf.tensor((tensors.get(`${prefix}${path}`) as StoredTensor).data as Float32Array, leaf.shape),
  );

function assertStored(
  tensors: ReadonlyMap<string, StoredTensor>,
  expected: ReadonlyMap<string, number[]>,
  file: string,
  remedy: string,
): void {
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
}
