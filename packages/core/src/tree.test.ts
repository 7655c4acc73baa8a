import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from './engines/index.js';
import * as tf from './tf.js';
import { assertSameStructure, disposeTree, flattenTree, mapTree, treeSize, unflattenTree } from './tree.js';

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

  it('names the first difference of two structures', () => {
    const expected = tree();
    expect(() => assertSameStructure(expected, { embedding: expected.embedding }, 'model')).toThrow(
      "model: expected a tensor 'layers.0.bias' [4], got none.",
    );
    expect(() =>
      assertSameStructure(expected, { ...expected, embedding: { weight: tf.zeros([2, 3]) } }, 'model'),
    ).toThrow("model: expected 'embedding.weight' [3, 2], got [2, 3].");
    expect(() => assertSameStructure(expected, { ...expected, extra: tf.zeros([1]) }, 'model')).toThrow(
      "model: unexpected tensor 'extra'.",
    );
  });
});
