import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { globalNorm } from '../ops/index.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { createOptimizer } from './optimizer.js';

beforeAll(async () => {
  await useEngine();
});

describe('AdamW', () => {
  const update = async (options: Parameters<typeof createOptimizer>[0], gradientScale = 1) => {
    const optimizer = createOptimizer(options);
    const params = { matrix: tf.ones([2, 2]), vector: tf.ones([2]) };
    const grads = { matrix: tf.fill([2, 2], 0.5), vector: tf.fill([2], 0.5) };
    const next = optimizer.update(params, grads, optimizer.init(params), { gradientScale });
    const read = async (leaf: tf.Tensor) => (await leaf.data())[0] as number;
    return {
      matrix: await read(next.params.matrix),
      vector: await read(next.params.vector),
      m: await read(next.state.m.matrix as tf.Tensor),
    };
  };

  it('decays what it is told to', async () => {
    const plain = await update({ learningRate: 0.1, weightDecay: 0 });
    const all = await update({ learningRate: 0.1, weightDecay: 0.5 });
    const matrices = await update({ learningRate: 0.1, weightDecay: 0.5, decayed: 'matrices' });
    expect(plain.matrix).toBeCloseTo(0.9, 5);
    expect(all.matrix).toBeCloseTo(0.95 - 0.1, 5);
    expect(all.vector).toBeCloseTo(0.95 - 0.1, 5);
    expect(matrices.matrix).toBe(all.matrix);
    expect(matrices.vector).toBe(plain.vector);
  });

  it('scales gradients', async () => {
    const [plain, scaled] = [await update({ beta1: 0.5 }), await update({ beta1: 0.5 }, 0.25)];
    expect(plain.m).toBeCloseTo(0.25, 6);
    expect(scaled.m).toBeCloseTo(0.0625, 6);
  });

  it('leaks no tensor and leaves the gradients alone', () => {
    const optimizer = createOptimizer();
    const before = tf.memory().numTensors;
    const params = { a: tf.ones([3]), b: { c: tf.ones([2, 2]) } };
    const grads = { a: tf.ones([3]), b: { c: tf.ones([2, 2]) } };
    let next = optimizer.update(params, grads, optimizer.init(params));
    next = optimizer.update(next.params, grads, next.state);
    expect(tf.memory().numTensors).toBe(before + 8);
    for (const tree of [next.params, next.state.m, next.state.v, grads]) disposeTree(tree);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses gradients of another tree, and settings out of range', () => {
    const optimizer = createOptimizer();
    const params = { a: tf.ones([3]) };
    expect(() => optimizer.update(params, { b: tf.ones([3]) }, optimizer.init(params))).toThrow(
      /expected a tensor 'a' \[3\], got none/,
    );
    expect(() => createOptimizer({ learningrate: 1 } as never)).toThrow(
      /unknown key 'learningrate'. Did you mean 'learningRate'/,
    );
    expect(() => createOptimizer({ beta1: 1 })).toThrow(/beta1/);
  });
});

describe('globalNorm', () => {
  const norm = async (...leaves: tf.Tensor[]) => (await globalNorm(leaves).data())[0];

  it('is that of all leaves as one vector', async () => {
    expect(await norm(tf.tensor([3, 0]), tf.tensor([[4], [12]]))).toBeCloseTo(13, 5);
  });

  it('shows an element that is not finite', async () => {
    expect(await norm(tf.tensor([1]), tf.tensor([NaN]))).toBeNaN();
    expect(await norm(tf.tensor([1]), tf.tensor([-Infinity]))).toBe(Infinity);
  });
});
