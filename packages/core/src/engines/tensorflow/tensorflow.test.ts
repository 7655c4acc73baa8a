/** Loading tfjs-node's files, and raw operations where the tensorflow engine is there. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as tf from '../../tf.js';
import { useEngine } from '../index.js';
import { packageLoader } from './bindings.js';
import { tensorflowOp, tensorflowValue } from './op.js';

/** A package whose `dist/main.js` is `source`. */
function load(source: string): unknown {
  const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-package-'));
  writeFileSync(join(directory, 'main.js'), source);
  return packageLoader(directory)('./main');
}

describe('packageLoader', () => {
  it('gives files of the package what Node 23 took out of util', () => {
    const util = process.getBuiltinModule('node:util') as unknown as Record<string, unknown>;
    const { isArray, isNullOrUndefined } = util;
    try {
      // As in Node 23, whatever Node this is.
      for (const name of ['isArray', 'isNullOrUndefined']) delete util[name];
      const found = load(`
        var util_1 = require('util');
        exports.answers = [util_1.isArray([1]), util_1.isArray('1'), util_1.isNullOrUndefined(null), util_1.isNullOrUndefined(0)];
        exports.rest = typeof util_1.promisify;
      `);
      expect(found).toEqual({ answers: [true, false, true, false], rest: 'function' });
    } finally {
      Object.assign(util, { ...(isArray ? { isArray } : {}), ...(isNullOrUndefined ? { isNullOrUndefined } : {}) });
    }
  });

  it('gives them this TensorFlow.js, not a second copy', () => {
    const found = load(`exports.tf = require('@tensorflow/tfjs'); exports.core = require('@tensorflow/tfjs-core');`);
    expect((found as { tf: typeof tf }).tf.Tensor).toBe(tf.Tensor);
    expect((found as { core: typeof tf }).core.Tensor).toBe(tf.Tensor);
  });
});

describe('tensorflowOp', () => {
  it('refuses another engine', async (ctx) => {
    const { name } = await useEngine();
    if (name === 'tensorflow') return ctx.skip('the tensorflow engine is in use');
    expect(() => tensorflowOp('Neg', [], 1)).toThrow(/expected the tensorflow engine, got /);
  });

  it('takes tensors and constants, and gives every output', async (ctx) => {
    const { name } = await useEngine();
    if (name !== 'tensorflow') return ctx.skip(`needs the tensorflow engine, this is ${name}`);
    const x = tf.tensor2d([3, 1, 2, 6, 5, 4], [2, 3]);
    const before = tf.memory().numTensors;
    const [values, indices] = tensorflowOp('TopKV2', [x, { int: 2 }], 2);
    expect([...(await values.data())]).toEqual([3, 2, 6, 5]);
    expect([...(await indices.data())]).toEqual([0, 2, 0, 1]);
    const halves = tensorflowOp('SplitV', [x, { ints: [1, 2] }, { int: 1 }], 2, { num_split: { int: 2 } });
    expect(halves.map(({ shape }) => shape)).toEqual([
      [2, 1],
      [2, 2],
    ]);
    const shifted = tensorflowValue('AddV2', [x, { float: 0.5 }]);
    expect((await shifted.data())[0]).toBe(3.5);
    tf.dispose([values, indices, ...halves, shifted]);
    expect(tf.memory().numTensors).toBe(before);
    expect(() => tensorflowValue('MatMul', [x, x])).toThrow(/[Ii]ncompatible/);
  });

  it('keeps the constants of an operation for as long as that takes, however many there were before', async (ctx) => {
    const { name } = await useEngine();
    if (name !== 'tensorflow') return ctx.skip(`needs the tensorflow engine, this is ${name}`);
    // Three new ones at a time, then two: the most that are kept are reached between them, whatever there was before.
    for (let at = 100_000; at < 125_000; at += 3) {
      const delta = at % 2 === 0 ? at : 1;
      const range = tensorflowValue('Range', [{ int: at }, { int: at + 1 }, { int: delta }]);
      expect(range.size).toBe(1);
      range.dispose();
    }
  });
});
