/**
 * What structure a tree of parameters has to have, and that it has it.
 *
 * A call of a mixer or a model comes once a token: a tree is compared once, when it is first seen, and after that costs a
 * lookup and a glance at each tensor, which may have been freed meanwhile. What is expected is what `init` gives.
 */
import { InvalidConfigError, ShapeError } from './errors.js';
import { addOrigin, otherOrigin } from './origin.js';
import { assertSeed } from './rng.js';
import { withoutNumbers } from './shapes.js';
import * as tf from './tf.js';
import { flattenTree, formatShape, type Tree, treeSize } from './tree.js';

/** The leaves that a tree has to have, by path. */
type Structure = ReadonlyMap<string, Pick<tf.Tensor, 'shape' | 'dtype'>>;

const structureOf = (tree: Tree): Structure =>
  new Map(flattenTree(tree).map(([path, { shape, dtype }]) => [path, { shape, dtype }]));

/**
 * Throws when two trees differ in paths, shapes or dtypes, and for a tensor of `received` that is freed or unknown here.
 * @throws ShapeError naming the first difference.
 */
export function assertSameStructure(expected: Tree, received: Tree, where: string): void {
  assertStructure(structureOf(expected), received, where, '');
}

/**
 * The tensors of a tree at the places of those of another: one for each of them, for a tied one that of its first place.
 * @param expected - the other's leaves by path.
 * @throws ShapeError as {@link assertSameStructure}.
 */
export function tensorsLike(expected: ReadonlyMap<string, tf.Tensor>, received: Tree, where: string): tf.Tensor[] {
  const found = assertStructure(expected, received, where, '');
  const matches = new Map<tf.Tensor, tf.Tensor>();
  for (const [path, tensor] of expected) {
    if (!matches.has(tensor)) matches.set(tensor, found.get(path) as tf.Tensor);
  }
  return [...matches.values()];
}

/** @returns the leaves of `received` by path. */
function assertStructure(
  expected: Structure,
  received: Tree,
  where: string,
  remedy: string,
): ReadonlyMap<string, tf.Tensor> {
  const refused = (message: string) => new ShapeError(`${where}: ${message}.${remedy}`);
  const found = new Map(flattenedAt(where, received));
  for (const [path, { shape, dtype }] of expected) {
    const leaf = found.get(path);
    if (!leaf) throw refused(`expected a tensor '${path}' ${formatShape(shape)}, got none`);
    if (!tf.util.arraysEqual(leaf.shape, shape)) {
      throw refused(`expected '${path}' ${formatShape(shape)}, got ${formatShape(leaf.shape)}`);
    }
    if (leaf.dtype !== dtype) throw refused(`expected '${path}' of dtype ${dtype}, got ${leaf.dtype}`);
  }
  for (const [path, leaf] of found) {
    if (!expected.has(path)) throw refused(`unexpected tensor '${path}'`);
    if (leaf.isDisposed) throw freed(where, path);
    if (!tf.engine().state.tensorInfo.has(leaf.dataId)) {
      throw new ShapeError(
        `${where}: expected '${path}' of this copy of TensorFlow.js, got a tensor of another. Import tf from @mixerzoo/core.`,
      );
    }
  }
  return found;
}

/** {@link flattenTree}, whose errors begin with where the tree came in. */
export function flattenedAt(where: string, tree: Tree): [path: string, leaf: tf.Tensor][] {
  try {
    return flattenTree(tree);
  } catch (error) {
    if (error instanceof ShapeError) error.message = `${where}: ${error.message}`;
    throw error;
  }
}

function freed(where: string, path: string): ShapeError {
  return new ShapeError(
    `${where}: expected tensors in use, got '${path}' that is freed. An optimizer's update consumes the parameters it is given: go on with those it returns.`,
  );
}

const NO_OPTIONS = Object.freeze({});

/** The parameters of one mixer or model: how they are made, and a check of those that come in. */
export interface Parameters<P extends Tree> {
  /**
   * Fresh parameters.
   * @throws InvalidConfigError for a seed or a number of layers that is none.
   */
  init(seed: number, nLayers?: number): P;
  /**
   * @throws ShapeError unless `params` has the structure that `init` gives, no tensor of it is freed, and it is not known to be
   *   of another mixer or config, whose parameters of equal shapes mean something else.
   */
  assert(where: string, params: P): void;
  /** Elements of all tensors. */
  readonly size: number;
}

/**
 * Parameters that are what `init` makes.
 * @param name - of the mixer or model, for messages.
 * @param config - of the mixer; absent where shapes tell all.
 */
export function createParameters<P extends Tree>(
  name: string,
  init: (seed: number, nLayers?: number) => P,
  config: Readonly<Record<string, unknown>> = NO_OPTIONS,
): Parameters<P> {
  const origin = { name, config };
  const leavesOf = new WeakMap<P, readonly tf.Tensor[]>();
  let known: { readonly structure: Structure; readonly size: number } | undefined;
  const learn = (params: P) => {
    known ??= { structure: structureOf(params), size: treeSize(params) };
    return known;
  };
  const learnt = () => learn(init(0));
  const expected = () => known ?? withoutNumbers(learnt) ?? tf.tidy(() => learnt() as never);
  return {
    init(seed, nLayers) {
      assertSeed(`${name}.init`, seed);
      if (nLayers !== undefined && !(Number.isInteger(nLayers) && nLayers > 0)) {
        throw new InvalidConfigError(`${name}.init: expected a number of layers from 1, got ${nLayers}.`);
      }
      const params = init(seed, nLayers);
      learn(params);
      return addOrigin(params, origin);
    },
    assert(where, params) {
      const leaves = leavesOf.get(params);
      if (!leaves) {
        const remedy = ` Pass parameters that the init of ${name} made, with this config.`;
        const found = assertStructure(expected().structure, params, where, remedy);
        const other = otherOrigin(params, origin);
        if (other !== undefined) {
          const meant = ' If you mean it, pass a copy: { ...params }.';
          throw new ShapeError(`${where}: expected parameters of this mixer, got ${other}.${remedy}${meant}`);
        }
        leavesOf.set(params, [...found.values()]);
      } else if (leaves.some((leaf) => leaf.isDisposed)) {
        const [path = ''] = flattenTree(params).find(([, leaf]) => leaf.isDisposed) ?? [];
        throw freed(where, path);
      }
    },
    get size() {
      return expected().size;
    },
  };
}
