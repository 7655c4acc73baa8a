import { cat } from '@mixerzoo/cat';
import { disposeTree, flattenTree, tf, useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { diagonal, lastOutput, parametersOf, scaledIdentity } from './mixer-values.js';

const mixer = cat({ dModel: 2, filters: 'none' });
const identity = scaledIdentity(2);
const values = {
  'qProj.weight': identity,
  'kProj.weight': identity,
  'vProj.weight': diagonal([1, 3]),
  'oProj.weight': identity,
};

describe('mixers with parameters set by hand', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('have exactly what they are given, and leave no tensor behind', () => {
    const before = tf.memory().numTensors;
    const params = parametersOf(mixer, values);
    expect(flattenTree(params).map(([path, leaf]) => [path, [...leaf.dataSync()]])).toEqual(
      Object.entries(values).map(([path, rows]) => [path, rows.flat()]),
    );
    disposeTree(params);
    expect([...lastOutput(mixer, values, [Float64Array.of(5, 7)])]).toEqual([5, 21]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('are refused without a parameter, or with one of another size', () => {
    const { 'kProj.weight': _, ...without } = values;
    expect(() => parametersOf(mixer, without)).toThrow("cat: expected 4 values of 'kProj.weight', got none.");
    expect(() => parametersOf(mixer, { ...values, 'kProj.weight': [1, 0] })).toThrow(/'kProj.weight', got 2/);
  });
});
