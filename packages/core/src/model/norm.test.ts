import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from '../engines/index.js';
import { expectClose, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { defineChannelMixer } from './channel-mixer.js';
import { createLanguageModel } from './language-model.js';
import { defineNorm, NORMS, type Norm } from './norm.js';

const D = 6;

/** Dynamic tanh (arXiv 2503.10622): weight * tanh(alpha x) + bias. */
const dynamicTanh = defineNorm({
  name: 'dynamicTanh',
  summary: 'No statistics: a squashed value in place of a normed one.',
  schema: z.strictObject({ dModel: z.int().positive(), alpha: z.number().default(0.5) }),
  create: ({ dModel, alpha }) => ({
    init: () => ({ alpha: tf.tensor1d([alpha]), weight: tf.ones([dModel]), bias: tf.zeros([dModel]) }),
    apply: <T extends tf.Tensor>({ alpha, weight, bias }: Record<'alpha' | 'weight' | 'bias', tf.Tensor>, x: T) =>
      tf.tanh(x.mul(alpha)).mul(weight).add(bias) as T,
  }),
});

beforeAll(async () => {
  await useEngine();
});

describe.each([NORMS.layerNorm({ dModel: D }), NORMS.rmsNorm({ dModel: D }), dynamicTanh({ dModel: D })] as Norm[])(
  '$name',
  (norm) => {
    it('works on each token alone, in either rank', async () => {
      const params = norm.init(1);
      const x = testTensor<tf.Rank.R3>([2, 3, D]);
      const whole = norm.apply(params, x);
      const row = norm.apply(params, tf.reshape(tf.slice(x, [1, 2, 0], [1, 1, D]), [1, D]) as tf.Tensor2D);
      expect(whole.shape).toEqual([2, 3, D]);
      await expectClose(row, tf.slice(tf.reshape(whole, [6, D]), [5, 0], [1, D]), 1e-6);
    });

    it('refuses parameters of another structure, freed ones, and what is no seed', () => {
      const x = testTensor<tf.Rank.R2>([4, D]);
      expect(() => norm.apply({}, x)).toThrow(`${norm.name}.apply: expected a tensor '`);
      const params = norm.init(1);
      disposeTree(params);
      expect(() => norm.apply(params, x)).toThrow(/that is freed/);
      expect(() => norm.init(0.5)).toThrow(`${norm.name}.init: expected a seed`);
    });
  },
);

describe('in a model', () => {
  const sequenceMixer = averagingMixer({ dModel: D });
  const build = (norm: Norm, own?: Norm) =>
    createLanguageModel({
      vocabSize: 11,
      dModel: D,
      layers: [{ sequenceMixer }, { sequenceMixer, ...(own && { norm: own }) }],
      norm,
    });
  const hidden = (model: ReturnType<typeof build>) =>
    tf.tidy(() => model.hidden(model.init(1), tf.tensor2d([[1, 2, 3]], [1, 3], 'int32')));

  it('it stands where the named one stood, with parameters of its own', async () => {
    const model = build(dynamicTanh({ dModel: D }), NORMS.rmsNorm({ dModel: D }));
    const paths = flattenTree(model.init(1)).map(([path]) => path);
    expect(paths).toEqual(expect.arrayContaining(['layers.0.norm1.alpha', 'layers.1.norm2.weight', 'normF.alpha']));
    expect(paths).not.toContain('layers.1.norm1.bias');
    expect(model.config['norm']).toEqual({ name: 'dynamicTanh', config: { dModel: D, alpha: 0.5 } });
    const last = await hidden(model).array();
    expect(Math.max(...last.flat(2).map(Math.abs))).toBeLessThan(1);
  });

  it('it is one with the norm of the same name and eps', async () => {
    const named = createLanguageModel({ vocabSize: 11, dModel: D, layers: [{ sequenceMixer }], normEps: 1e-3 });
    const made = createLanguageModel({
      vocabSize: 11,
      dModel: D,
      layers: [{ sequenceMixer }],
      norm: NORMS.layerNorm({ dModel: D, eps: 1e-3 }),
    });
    expect(await hidden(made).data()).toEqual(await hidden(named).data());
  });

  it('one of another width is refused, and an output of another shape', () => {
    const rmsNorm = NORMS.rmsNorm({ dModel: D });
    expect(() => build(NORMS.rmsNorm({ dModel: 4 }))).toThrow(
      /norm: expected 'rmsNorm' of the model's dModel 6, got 4/,
    );
    expect(() => build(rmsNorm, NORMS.rmsNorm({ dModel: 4 }))).toThrow(/^layers\.1\.norm: .*got 4/);
    const halved = {
      ...rmsNorm,
      apply: (params: never, x: tf.Tensor) => rmsNorm.apply(params, x as tf.Tensor3D).mean(-1),
    };
    expect(() => hidden(build(halved as never))).toThrow(
      "layers.0: norm 'rmsNorm': expected an output of the shape of its input",
    );
  });
});

it('no channel mixer is called what stands for none', () => {
  const define = () =>
    defineChannelMixer({ name: 'none', summary: '', schema: z.object({}), create: () => ({}) as never });
  expect(define).toThrow(/^defineChannelMixer: expected another name, got 'none'/);
});
