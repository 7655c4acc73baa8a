import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { adamWStep, globalNorm } from '../ops/adam-w/index.js';
import { withReferenceForms } from '../ops/define-op.js';
import * as tf from '../tf.js';
import { disposeTree, type Tree } from '../tree.js';
import { createOptimizer, type OptimizerConfig } from './optimizer.js';

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
    const all = await update({ learningRate: 0.1, weightDecay: 0.5, decayed: 'all' });
    const matrices = await update({ learningRate: 0.1, weightDecay: 0.5 });
    expect(plain.matrix).toBeCloseTo(0.9, 5);
    expect(all.matrix).toBeCloseTo(0.95 - 0.1, 5);
    expect(all.vector).toBeCloseTo(0.95 - 0.1, 5);
    expect(matrices.matrix).toBe(all.matrix);
    expect(matrices.vector).toBe(plain.vector);
  });

  it('spares the parameters it is told to, unless everything decays', async () => {
    const trained = async (decayed: 'all' | 'matrices') => {
      const options = { noDecay: ['mixer.rate'] };
      const optimizer = createOptimizer({ learningRate: 0.01, weightDecay: 0.1, decayed }, options);
      const params = { mixer: { rate: tf.ones([2, 2]), weight: tf.ones([2, 2]) } };
      const grads = { mixer: { rate: tf.zeros([2, 2]), weight: tf.zeros([2, 2]) } };
      let next = { params, state: optimizer.init(params) };
      for (let step = 0; step < 800; step += 1) next = optimizer.update(next.params, grads, next.state);
      const { rate, weight } = next.params.mixer;
      return [(await rate.data())[0], (await weight.data())[0]];
    };
    const worn = expect.closeTo(0.999 ** 800, 4); // 0.449
    expect(await trained('matrices')).toEqual([1, worn]);
    expect(await trained('all')).toEqual([worn, worn]);
  });

  it('gives rates, decays and exemptions by patterns of paths', async () => {
    const optimizer = createOptimizer({
      learningRate: 0.1,
      weightDecay: 0.5,
      noDecay: ['embedding.*'],
      factors: { 'layers.*': { learningRate: 0.1 }, '*.1.weight': { weightDecay: 0 }, head: { learningRate: 0 } },
    });
    const leaf = () => tf.ones([2, 2]);
    const tree = () => ({
      embedding: { weight: leaf() },
      layers: { 0: { weight: leaf() }, 1: { weight: leaf() } },
      head: leaf(),
    });
    const params = tree();
    const grads = tree();
    const next = optimizer.update(params, grads, optimizer.init(params));
    const value = async (tensor: tf.Tensor) => (await tensor.data())[0];
    const { embedding, layers, head } = next.params;
    expect(await value(embedding.weight)).toBeCloseTo(0.9, 5);
    expect(await value(layers[0].weight)).toBeCloseTo(1 - 0.01 * 1.5, 5);
    expect(await value(layers[1].weight)).toBeCloseTo(1 - 0.01, 5);
    expect(await value(head)).toBe(1);
    expect(await value(next.state.m.head as tf.Tensor)).toBeCloseTo(0.1, 6);
    for (const tree of [next.params, next.state.m, next.state.v, grads]) disposeTree(tree);
  });

  it("takes a model's factors where the config has none of its own", async () => {
    const factors = { rate: { learningRate: 2, weightDecay: 0 }, other: { learningRate: 3 } };
    const moved = async (config: OptimizerConfig) => {
      const optimizer = createOptimizer({ learningRate: 0.1, weightDecay: 0.5, ...config }, { factors });
      const tree = () => ({ rate: tf.ones([2, 2]), other: tf.ones([2, 2]) });
      const [params, grads] = [tree(), tree()];
      const next = optimizer.update(params, grads, optimizer.init(params));
      const [rate, other] = [await next.params.rate.data(), await next.params.other.data()];
      for (const tree of [next.params, next.state.m, next.state.v, grads]) disposeTree(tree);
      return [1 - (rate[0] as number), 1 - (other[0] as number)];
    };
    const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));
    expect(await moved({})).toEqual(near([0.2, 0.3 * 1.5]));
    expect(await moved({ factors: { rate: { learningRate: 0.5 } } })).toEqual(near([0.05, 0.3 * 1.5]));
    expect(await moved({ factors: { '*': { weightDecay: 1 } } })).toEqual(near([0.2 * 1.5, 0.3 * 1.5]));
    expect(await moved({ decayed: 'all' })).toEqual(near([0.2 * 1.5, 0.3 * 1.5]));
    expect(() => createOptimizer({}, { factors }).init({ rate: tf.ones([2]) })).toThrow(
      /expected factors paths of the parameters, got 'other'/,
    );
  });

  it('refuses paths that name nothing; a pattern may be for other models', () => {
    const params = { weight: tf.ones([2, 2]) };
    const patterns = { noDecay: ['*.oProj.*'], factors: { 'embedding.*': { learningRate: 0.1 } } };
    expect(createOptimizer(patterns).init(params).step).toBe(0);
    for (const [options, what] of [
      [{ noDecay: ['bias'] }, 'noDecay'],
      [{ factors: { 'w?ight': { learningRate: 1 } } }, 'factors'],
    ] as const) {
      expect(() => createOptimizer(options as never).init(params)).toThrow(
        new RegExp(`optimizer.init: expected ${what} paths of the parameters, got '.*'. There are 'weight'`),
      );
    }
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

  it.each([
    ['kernels', <T>(body: () => T) => body()],
    ['reference forms', withReferenceForms],
  ])('updates a tied tensor once, and keeps it tied, by %s', async (_name, using) => {
    const optimizer = createOptimizer({ learningRate: 0.1, weightDecay: 0 });
    const before = tf.memory().numTensors;
    const tied = tf.ones([3]);
    const params = { a: tied, b: { c: tied } };
    const gradient = tf.fill([3], 0.5);
    const grads = { a: gradient, b: { c: tf.fill([3], 0.5) } };
    let next = using(() => optimizer.update(params, grads, optimizer.init(params)));
    expect((await next.params.a.data())[0]).toBeCloseTo(0.9, 6);
    expect(next.params.b.c).toBe(next.params.a);
    next = using(() => optimizer.update(next.params, grads, next.state));
    expect((await next.params.a.data())[0]).toBeCloseTo(0.8, 6);
    expect(next.state.m['a']).toBe((next.state.m['b'] as Tree)['c']);
    for (const tree of [next.params, next.state.m, next.state.v, grads]) disposeTree(tree);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps branches without a tensor, and finds its moments by name', async () => {
    const optimizer = createOptimizer({ beta1: 0.5, weightDecay: 0 });
    const make = () => ({ a: tf.ones([2]), empty: {}, b: { none: undefined, c: tf.zeros([2]) } });
    const grads = { a: tf.ones([2]), b: { c: tf.zeros([2]) } };
    const params = make();
    const first = optimizer.update(params, grads, optimizer.init(params));
    expect(Object.keys(first.params)).toEqual(['a', 'empty', 'b']);
    expect(first.params.empty).toEqual({});
    const { a, ...rest } = first.state.m;
    const reordered = { ...first.state, m: { ...rest, a } };
    const second = optimizer.update(first.params, grads, reordered);
    // m = 0.5 m + 0.5 g from 0: 0.5, then 0.75.
    expect((await (second.state.m['a'] as tf.Tensor).data())[0]).toBeCloseTo(0.75, 6);
    expect(() => optimizer.update(second.params, grads, { ...second.state, v: {} })).toThrow(
      "optimizer.update: state.v: expected a tensor 'a' [2], got none.",
    );
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
    expect(() => createOptimizer({}, { noDecay: ['b'] }).init(params)).toThrow(
      /expected noDecay paths of the parameters, got 'b'\./,
    );
  });
});

describe('adamWStep', () => {
  it('refuses a tensor that it would update twice', () => {
    const [p, m, v, g] = [tf.ones([2]), tf.zeros([2]), tf.zeros([2]), tf.ones([2])];
    const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, step: 1, weightDecay: 0 };
    expect(() => adamWStep({ params: [p, p], m: [m, tf.zeros([2])], v: [v, tf.zeros([2])] }, [g, g], options)).toThrow(
      'adamWStep: expected every parameter and moment once, got one twice.',
    );
    expect(() => adamWStep({ params: [p], m: [m], v: [m] }, [g], options)).toThrow(/got one twice/);
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
