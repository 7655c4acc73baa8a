import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError } from '../errors.js';
import { withReferenceForms } from '../ops/define-op.js';
import { expectClose, expectGradient, profiledMatMulFlops, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, treeLeaves, unflattenTree } from '../tree.js';
import { type ChannelMixer, mlp, swiGlu } from './channel-mixer.js';

const D = 6;
const mixers: [string, () => ChannelMixer][] = [
  ['mlp, gelu', () => mlp({ dModel: D })],
  ['mlp, geluTanh', () => mlp({ dModel: D, activation: 'geluTanh', init: 'fanIn' })],
  ['mlp, relu', () => mlp({ dModel: D, dHidden: 5, activation: 'relu' })],
  ['mlp, silu', () => mlp({ dModel: D, activation: 'silu' })],
  ['swiGlu', () => swiGlu({ dModel: D })],
];

beforeAll(async () => {
  await useEngine();
});

describe.each(mixers)('%s', (name, make) => {
  const mixer = make();

  it('works on each token alone, in either rank', async () => {
    const params = mixer.init(1);
    const x = testTensor<tf.Rank.R3>([2, 3, D]);
    const whole = mixer.apply(params, x);
    const rows = mixer.apply(params, tf.reshape(x, [6, D]) as tf.Tensor2D);
    const row = mixer.apply(params, tf.reshape(tf.slice(x, [1, 2, 0], [1, 1, D]), [1, D]) as tf.Tensor2D);
    expect(whole.shape).toEqual([2, 3, D]);
    await expectClose(tf.reshape(rows, [2, 3, D]), whole, 1e-6);
    await expectClose(row, tf.slice(rows, [5, 0], [1, D]), 1e-5);
  });

  it('refuses parameters of another structure, and what is no seed', () => {
    const x = testTensor<tf.Rank.R2>([4, D]);
    expect(() => mixer.apply({}, x)).toThrow(`${mixer.name}.apply: expected a tensor '`);
    const params = mixer.init(1);
    disposeTree(params);
    expect(() => mixer.apply(params, x)).toThrow(/that is freed/);
    expect(() => mixer.init(0.5)).toThrow(`${mixer.name}.init: expected a seed`);
  });

  it('has the gradient of central differences', async () => {
    const params = mixer.init(1);
    const paths = flattenTree(params).map(([path]) => path);
    const inputs = [
      testTensor<tf.Rank.R2>([4, D]),
      ...treeLeaves(params).map((leaf, index) => tf.add(leaf, testTensor(leaf.shape as [number], 9 + index, 0.3))),
    ];
    const evaluate = ([x, ...leaves]: tf.Tensor[]) =>
      mixer
        .apply(unflattenTree(paths.map((path, index) => [path, leaves[index] as tf.Tensor])), x as tf.Tensor2D)
        .flatten();
    const weights = testTensor<tf.Rank.R1>([4 * D], 5);
    const gradients = tf.grads((...at: tf.Tensor[]) => evaluate(at).mul(weights).sum())(inputs);
    // The kink of relu spoils a difference that straddles it.
    const step = name.includes('relu') ? 1e-3 : 5e-3;
    await expectGradient({
      at: inputs,
      gradients,
      weights: await weights.data(),
      evaluate,
      step,
      tolerance: 4e-2,
      what: name,
    });
  });

  it('counts its FLOPs', async () => {
    const params = mixer.init(1);
    const x = testTensor<tf.Rank.R3>([1, 10, D]);
    const counted = await profiledMatMulFlops(() => withReferenceForms(() => mixer.apply(params, x)));
    expect(counted).toBeCloseTo(mixer.flops(10), -1);
  });

  it('repeats for a seed and leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const [one, two] = [mixer.init(1), mixer.init(1)];
    for (const [index, leaf] of treeLeaves(one).entries()) {
      expect(await (treeLeaves(two)[index] as tf.Tensor).data()).toEqual(await leaf.data());
    }
    const x = testTensor<tf.Rank.R2>([2, D]);
    tf.tidy(() => void mixer.apply(one, x));
    x.dispose();
    disposeTree(one);
    disposeTree(two);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('widths', () => {
  it('default to those of the literature', () => {
    expect(mlp({ dModel: 64 }).config.dHidden).toBe(256);
    expect(swiGlu({ dModel: 4096 }).config.dHidden).toBe(10928);
    expect(swiGlu({ dModel: 64 }).config.dHidden).toBe(176);
  });

  it('are checked', () => {
    expect(() => mlp({ dModel: 0 })).toThrow(InvalidConfigError);
    expect(() => swiGlu({ dModel: 4, hidden: 3 } as never)).toThrow(
      /swiGlu: unknown key 'hidden'. Did you mean 'dHidden'/,
    );
  });
});
