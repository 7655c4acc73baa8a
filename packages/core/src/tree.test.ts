import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from './engines/index.js';
import { ShapeError } from './errors.js';
import * as tf from './tf.js';
import {
  disposeTree,
  flattenTree,
  mapTree,
  type Tree,
  treeLeaves,
  treeSize,
  treeTensors,
  unflattenTree,
  withTensors,
} from './tree.js';

describe('tree', () => {
  beforeAll(async () => {
    await useEngine();
  });

  const tree = () => ({ embedding: { weight: tf.zeros([3, 2]) }, layers: { 0: { bias: tf.ones([4]) } } });

  it('flattens to dotted paths and back', () => {
    const flat = flattenTree(tree());
    expect(flat.map(([path]) => path)).toEqual(['embedding.weight', 'layers.0.bias']);
    expect(flattenTree(unflattenTree(flat))).toEqual(flat);
  });

  it('counts, maps and frees its leaves', async () => {
    const before = tf.memory().numTensors;
    const original = tree();
    expect(treeSize(original)).toBe(10);
    const doubled = mapTree(original, (leaf) => tf.mul(leaf, 2));
    expect([...(await doubled.layers[0].bias.data())]).toEqual([2, 2, 2, 2]);
    disposeTree(original);
    disposeTree(doubled);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps empty and undefined branches', () => {
    const leaf = tf.ones([2]);
    const original: Tree = { a: {}, b: { c: leaf, d: { e: {} } }, f: undefined };
    const shape = { a: {}, b: { c: leaf, d: { e: {} } }, f: undefined };
    expect(mapTree(original, (same) => same)).toStrictEqual(shape);
    expect(withTensors(original, [leaf])).toStrictEqual(shape);
    expect(mapTree({}, (same) => same)).toStrictEqual({});
    expect(flattenTree(original).map(([path]) => path)).toEqual(['b.c']);
    expect(() => withTensors(original, [])).toThrow(
      'withTensors: expected 1 tensors, one for each of the tree, got 0.',
    );
  });

  it.each<[string, unknown, RegExp]>([
    [
      'an array',
      { layers: [tf.scalar(1)] },
      /^tree: expected a plain object of tensors at 'layers', got an array\. Give it the keys 0, 1/,
    ],
    ['an array at the root', [tf.scalar(1)], /at its root, got an array/],
    ['a tensor at the root', tf.scalar(1), /at its root, got a tensor/],
    ['nothing', undefined, /at its root, got undefined/],
    ['a number', { a: { b: 3 } }, /at 'a\.b', got 3/],
    ['null', { a: null }, /at 'a', got null/],
    ['a Map', { a: new Map() }, /at 'a', got a Map/],
    ['a function', { a: () => 1 }, /at 'a', got a function/],
    ['a dotted name', { a: { 'b.c': tf.scalar(1) } }, /names without dots at 'a', got 'b\.c'/],
    ['an empty name', { '': tf.scalar(1) }, /names without dots at its root, got ''/],
  ])('refuses %s, and says where', (_name, bad, message) => {
    for (const read of [flattenTree, treeLeaves, treeSize, disposeTree, (it: Tree) => mapTree(it, (leaf) => leaf)]) {
      expect(() => read(bad as Tree)).toThrow(ShapeError);
      expect(() => read(bad as Tree)).toThrow(message);
    }
  });

  it('takes any name of a file for an own property, and touches no prototype', () => {
    const leaf = tf.scalar(1);
    const paths = ['__proto__.x', 'constructor.x', 'constructor.prototype.x', 'a.__proto__', 'toString'];
    const built = unflattenTree(paths.map((path) => [path, leaf] as const));
    expect(flattenTree(built).map(([path]) => path)).toEqual([
      '__proto__.x',
      'constructor.x',
      'constructor.prototype.x',
      'a.__proto__',
      'toString',
    ]);
    expect(flattenTree(mapTree(built, (same) => same))).toEqual(flattenTree(built));
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(Object.hasOwn(Object, 'x')).toBe(false);
    expect(Object.getPrototypeOf(built)).toBe(Object.prototype);
  });

  it('refuses paths that do not fit in one tree', () => {
    const leaf = tf.scalar(1);
    const build = (...paths: string[]) => unflattenTree(paths.map((path) => [path, leaf] as const));
    expect(() => build('a.b', 'a.b.c')).toThrow(
      "unflattenTree: expected one place for each tensor, got 'a.b.c' below the tensor 'a.b'.",
    );
    expect(() => build('a.b.c', 'a.b')).toThrow("got the tensor 'a.b' above others.");
    expect(() => build('a.b', 'c', 'a.b')).toThrow("got 'a.b' twice.");
    for (const path of ['', 'a..b', '.a', 'a.']) expect(() => build(path)).toThrow(`got an empty name in '${path}'.`);
  });

  it('takes a tied tensor for one', () => {
    const tied = tf.ones([3]);
    const own = tf.zeros([2]);
    const original = { a: tied, b: { c: own, d: tied } };
    expect(treeSize(original)).toBe(5);
    expect(treeTensors(original)).toEqual([tied, own]);
    const seen: string[] = [];
    const mapped = mapTree(original, (leaf, path) => {
      seen.push(path);
      return tf.clone(leaf);
    });
    expect(seen).toEqual(['a', 'b.c']);
    expect(mapped.b.d).toBe(mapped.a);
    const before = tf.memory().numTensors;
    disposeTree(mapped);
    expect(tf.memory().numTensors).toBe(before - 2);
  });
});
