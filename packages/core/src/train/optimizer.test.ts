import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { globalNorm } from '../ops/index.js';
import { expectClose } from '../testing/compare.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, type Tree } from '../tree.js';
import { createOptimizer } from './optimizer.js';
import { readSafetensors, type StoredTensor } from './safetensors.js';
import { createSchedule } from './schedule.js';

const files = ['optimizer.adamw-constant', 'optimizer.adamw-cosine'];

async function load(name: string) {
  const file = new URL(`./__fixtures__/${name}.safetensors`, import.meta.url);
  const { tensors, metadata } = readSafetensors(await readFile(file), name);
  const stored = (path: string) => tensors.get(path) as StoredTensor & { data: Float32Array };
  const tensor = (path: string) => tf.tensor(stored(path).data, [...stored(path).shape]);
  const config = JSON.parse(metadata.config as string) as Record<string, number> & {
    schedule: 'constant' | 'cosinePerEpoch';
  };
  return { stored, tensor, config };
}

beforeAll(async () => {
  await useEngine();
});

describe('AdamW', () => {
  it.each(files)('equals the float64 reference: %s', async (name) => {
    const { stored, tensor, config } = await load(name);
    const { learningRate, weightDecay, beta1, beta2, eps, epochs, stepsPerEpoch } = config as Record<string, number>;
    const optimizer = createOptimizer({ learningRate, weightDecay, beta1, beta2, eps } as never);
    const schedule = createSchedule({ name: config.schedule }, { learningRate, epochs, stepsPerEpoch } as never);
    let params: Tree = { weight: tensor('params.weight'), bias: tensor('params.bias') };
    let state = optimizer.init(params);
    const rates = stored('learningRate').data;
    for (let step = 1; step <= rates.length; step += 1) {
      expect(schedule(step - 1)).toBeCloseTo(rates[step - 1] as number, 8);
      const batch = (path: string) =>
        tf.tidy(() => tf.slice(tensor(path), [step - 1, 0, 0], [1, -1, -1]).squeeze<tf.Tensor2D>([0]));
      const [x, target] = [batch('x'), batch('target')];
      const { grads } = tf.engine().gradients(
        () =>
          tf
            .matMul(x, params.weight as tf.Tensor2D)
            .add(params.bias as tf.Tensor)
            .sub(target)
            .square()
            .mean() as tf.Scalar,
        [params.weight as tf.Tensor, params.bias as tf.Tensor],
      );
      const tree = { weight: grads[0] as tf.Tensor, bias: grads[1] as tf.Tensor };
      ({ params, state } = optimizer.update(params, tree, state, { learningRate: schedule(step - 1) }));
      expect(state.step).toBe(step);
      for (const [kind, values] of Object.entries({ params, m: state.m, v: state.v, 'grad.params': tree })) {
        for (const [path, leaf] of flattenTree(values as Tree)) {
          await expectClose(leaf, stored(`steps.${step}.${kind}.${path}`), 1e-5, `step ${step}: ${kind}.${path}`);
        }
      }
      tf.dispose([x, target, ...grads]);
    }
    for (const tree of [params, state.m, state.v]) disposeTree(tree);
  });

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
