/**
 * Trees of tensors: plain nested objects whose leaves are tensors. Parameters, gradients, optimizer moments
 * and recurrent states are all trees; a leaf's name is its path joined with dots (`layers.0.mixer.qProj.weight`).
 *
 * A branch may be empty, and one that is `undefined` is as good as absent. All else is refused where a tree is read:
 * arrays, class instances and numbers among the branches, names that are empty or hold a dot. A tensor that stands at
 * several places (tied weights) is one tensor: it is mapped, counted and updated once.
 */
import { ShapeError } from './errors.js';
import { inheritOrigin } from './origin.js';
import * as tf from './tf.js';

/** A nested object of tensors. */
export interface Tree {
  readonly [name: string]: tf.Tensor | Tree | undefined;
}

/** The branches of a node by name. @throws ShapeError for what is no branch of a tree. */
function branchesOf(node: unknown, path: string): [name: string, branch: unknown][] {
  const at = () => (path === '' ? 'at its root' : `at '${path}'`);
  const prototype = typeof node === 'object' && node !== null ? Object.getPrototypeOf(node) : undefined;
  // A plain object, of whichever realm: its prototype is null, or has none itself.
  if (prototype === undefined || (prototype !== null && Object.getPrototypeOf(prototype) !== null)) {
    const numbered = Array.isArray(node) ? ' Give it the keys 0, 1, ...: { 0: a, 1: b }.' : '';
    throw new ShapeError(`tree: expected a plain object of tensors ${at()}, got ${describe(node)}.${numbered}`);
  }
  const branches = Object.entries(node as object);
  for (const [name] of branches) {
    if (name !== '' && !name.includes('.')) continue;
    throw new ShapeError(`tree: expected names without dots ${at()}, got '${name}'. Paths are names joined with dots.`);
  }
  return branches;
}

function describe(node: unknown): string {
  if (node instanceof tf.Tensor) return 'a tensor';
  if (Array.isArray(node)) return 'an array';
  if (typeof node === 'object' && node !== null) return `a ${node.constructor.name}`;
  return typeof node === 'function' ? 'a function' : String(node);
}

const below = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);

/** A tree's leaves by dotted path, in the order in which the tree declares them. @throws ShapeError */
export function flattenTree(tree: Tree): [path: string, leaf: tf.Tensor][] {
  const leaves: [string, tf.Tensor][] = [];
  const visit = (node: unknown, path: string) => {
    for (const [name, branch] of branchesOf(node, path)) {
      const at = below(path, name);
      if (branch instanceof tf.Tensor) leaves.push([at, branch]);
      else if (branch !== undefined) visit(branch, at);
    }
  };
  visit(tree, '');
  return leaves;
}

/**
 * The tree whose leaves have these dotted paths. Inverse of {@link flattenTree}, but for branches without leaves. Paths
 * may come from a file: any name is an own property, `__proto__` too.
 * @throws ShapeError for an empty name, for a path that comes twice, and for a leaf beside leaves below it.
 */
export function unflattenTree<T extends Tree = Tree>(leaves: Iterable<readonly [path: string, leaf: tf.Tensor]>): T {
  type Branch = Map<string, tf.Tensor | Branch>;
  const root: Branch = new Map();
  for (const [path, leaf] of leaves) {
    const refused = (got: string) => new ShapeError(`unflattenTree: expected one place for each tensor, got ${got}.`);
    const names = path.split('.');
    if (names.includes('')) throw refused(`an empty name in '${path}'`);
    const last = names.pop() as string;
    let branch = root;
    for (const [depth, name] of names.entries()) {
      const next = branch.get(name) ?? new Map();
      if (!(next instanceof Map)) throw refused(`'${path}' below the tensor '${names.slice(0, depth + 1).join('.')}'`);
      branch.set(name, next);
      branch = next;
    }
    const taken = branch.get(last);
    if (taken) throw refused(taken instanceof Map ? `the tensor '${path}' above others` : `'${path}' twice`);
    branch.set(last, leaf);
  }
  const toTree = (branch: Branch): Tree =>
    Object.fromEntries([...branch].map(([name, node]) => [name, node instanceof Map ? toTree(node) : node]));
  return toTree(root) as T;
}

/**
 * A tree of the same structure, empty and undefined branches included, with every leaf mapped. A tied tensor is mapped
 * once, at its first place. What `init` of a mixer made stays that mixer's (`origin.ts`).
 * @throws ShapeError
 */
export function mapTree<T extends Tree>(tree: T, map: (leaf: tf.Tensor, path: string) => tf.Tensor): T {
  const mapped = new Map<tf.Tensor, tf.Tensor>();
  const mapLeaf = (leaf: tf.Tensor, path: string) => {
    const result = mapped.get(leaf) ?? map(leaf, path);
    mapped.set(leaf, result);
    return result;
  };
  const visit = (node: unknown, path: string): Tree => {
    const branches = branchesOf(node, path).map(([name, branch]) => {
      const at = below(path, name);
      if (branch instanceof tf.Tensor) return [name, mapLeaf(branch, at)];
      return [name, branch === undefined ? undefined : visit(branch, at)];
    });
    return inheritOrigin(Object.fromEntries(branches), node as Tree);
  };
  return visit(tree, '') as T;
}

/** The leaves, in declaration order; a tied tensor at each of its places. @throws ShapeError */
export function treeLeaves(tree: Tree): tf.Tensor[] {
  return flattenTree(tree).map(([, leaf]) => leaf);
}

/** The tensors of a tree, each once, in declaration order. @throws ShapeError */
export function treeTensors(tree: Tree): tf.Tensor[] {
  return [...new Set(treeLeaves(tree))];
}

/**
 * The tree with other tensors in place of its own: `tensors[i]` for the i-th of {@link treeTensors}.
 * @throws ShapeError if their number differs.
 */
export function withTensors<T extends Tree>(tree: T, tensors: readonly tf.Tensor[]): T {
  let used = 0;
  const replaced = mapTree(tree, () => tensors[used++] as tf.Tensor);
  if (used === tensors.length) return replaced;
  throw new ShapeError(`withTensors: expected ${used} tensors, one for each of the tree, got ${tensors.length}.`);
}

/** Number of elements in all tensors; a tied one counts once. @throws ShapeError */
export function treeSize(tree: Tree): number {
  return treeTensors(tree).reduce((total, tensor) => total + tensor.size, 0);
}

/** Frees every leaf. @throws ShapeError */
export function disposeTree(tree: Tree): void {
  for (const leaf of treeLeaves(tree)) leaf.dispose();
}

/** `[2, 64, 16]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** `[b, t, c]`: where element `index` of a tensor of this shape lies. */
export function formatIndex(index: number, shape: readonly number[]): string {
  const place = shape.map((size, axis) => Math.floor(index / tf.util.sizeFromShape(shape.slice(axis + 1))) % size);
  return formatShape(place);
}
