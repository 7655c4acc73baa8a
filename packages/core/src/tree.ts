/**
 * Trees of tensors: plain nested objects whose leaves are tensors. Parameters, gradients, optimizer moments
 * and recurrent states are all trees; a leaf's name is its path joined with dots (`layers.0.mixer.qProj.weight`).
 */
import { ShapeError } from './errors.js';
import * as tf from './tf.js';

/** A nested object of tensors. */
export interface Tree {
  readonly [name: string]: tf.Tensor | Tree;
}

/** A tree's leaves by dotted path, in the order in which the tree declares them. */
export function flattenTree(tree: Tree, prefix = ''): [path: string, leaf: tf.Tensor][] {
  return Object.entries(tree).flatMap(([name, node]): [string, tf.Tensor][] =>
    node instanceof tf.Tensor ? [[prefix + name, node]] : flattenTree(node, `${prefix}${name}.`),
  );
}

/** The tree whose leaves have these dotted paths. Inverse of {@link flattenTree}. */
export function unflattenTree<T extends Tree = Tree>(leaves: Iterable<readonly [path: string, leaf: tf.Tensor]>): T {
  const root: Record<string, unknown> = {};
  for (const [path, leaf] of leaves) {
    const names = path.split('.');
    const last = names.pop() as string;
    let node = root;
    for (const name of names) {
      node[name] ??= {};
      node = node[name] as Record<string, unknown>;
    }
    node[last] = leaf;
  }
  return root as T;
}

/** A tree of the same structure with every leaf mapped. */
export function mapTree<T extends Tree>(tree: T, map: (leaf: tf.Tensor, path: string) => tf.Tensor): T {
  return unflattenTree<T>(flattenTree(tree).map(([path, leaf]) => [path, map(leaf, path)] as const));
}

/** The leaves, in declaration order. */
export function treeLeaves(tree: Tree): tf.Tensor[] {
  return flattenTree(tree).map(([, leaf]) => leaf);
}

/** Number of elements in all leaves. */
export function treeSize(tree: Tree): number {
  return treeLeaves(tree).reduce((total, leaf) => total + leaf.size, 0);
}

/** Frees every leaf. */
export function disposeTree(tree: Tree): void {
  for (const leaf of treeLeaves(tree)) leaf.dispose();
}

/**
 * Throws when two trees differ in paths or shapes.
 * @throws ShapeError naming the first difference.
 */
export function assertSameStructure(expected: Tree, received: Tree, where: string): void {
  const other = new Map(flattenTree(received));
  for (const [path, leaf] of flattenTree(expected)) {
    const match = other.get(path);
    if (!match) throw new ShapeError(`${where}: expected a tensor '${path}' ${formatShape(leaf.shape)}, got none.`);
    if (!tf.util.arraysEqual(match.shape, leaf.shape)) {
      throw new ShapeError(`${where}: expected '${path}' ${formatShape(leaf.shape)}, got ${formatShape(match.shape)}.`);
    }
    other.delete(path);
  }
  for (const path of other.keys()) throw new ShapeError(`${where}: unexpected tensor '${path}'.`);
}

/** `[2, 64, 16]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
