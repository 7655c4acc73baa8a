import { createLanguageModel, createOptimizer, mapTree, tf, useEngine } from '@mixerzoo/core';
import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { mamba } from './mamba.js';
import { mamba2 } from './mamba2.js';

/** Scans and convolutions are no matrix products: their share of the FLOPs is large at these widths. */
const matMulShare = 0.5;
/** The scan keeps a state every 32 tokens. */
const lengths = [1, 7, 32, 33, 63];

describeMixer('mamba', () => mamba({ dModel: 16 }), { lengths, matMulShare });
describeMixer(
  'mamba, N = 5, W = 1, odd widths',
  () => mamba({ dModel: 9, dState: 5, dConv: 1, expand: 1, dtRank: 3 }),
  {
    matMulShare: 0.4,
  },
);
describeMixer('mamba, zoology 2024', () => mamba({ dModel: 16, dState: 8, init: 'zoology2024' }), {
  lengths: [5, 65],
  matMulShare,
});

describe('mamba', () => {
  it('starts with step sizes in [0.0001, 0.1] and states that decay at rates 1 to N', async () => {
    await useEngine();
    const params = mamba({ dModel: 32 }).init(3);
    const steps = await tf.softplus(params.dtProj.bias).data();
    expect(Math.min(...steps)).toBeGreaterThan(0.99e-4);
    expect(Math.max(...steps)).toBeLessThan(0.101);
    const rates = await tf.exp(params.aLog).data();
    expect([...rates.slice(0, 16)].map((rate) => Math.round(rate * 1e4) / 1e4)).toEqual(
      Array.from({ length: 16 }, (_, n) => n + 1),
    );
  });

  it("starts as the literature's MQAR runs did on request", async () => {
    const params = mamba({ dModel: 32, init: 'zoology2024' }).init(3);
    expect(await tf.norm(params.dtProj.bias).array()).toBe(0);
    const spread = async (weight: tf.Tensor) => Math.sqrt((await tf.moments(weight).variance.data())[0] as number);
    expect(await spread(params.inProj.weight)).toBeCloseTo(0.02, 3);
    expect(await spread(params.dtProj.weight)).toBeCloseTo(0.02, 2);
  });

  it.each([
    ['mamba', mamba({ dModel: 4, dState: 3 })],
    ['mamba2', mamba2({ dModel: 4, dState: 3 })],
  ] as const)('keeps the rates of %s at their values through 800 steps of weight decay', async (_, mixer) => {
    await useEngine();
    const model = createLanguageModel({ vocabSize: 5, dModel: 4, layers: [{ sequenceMixer: mixer }] });
    const optimizer = createOptimizer({ learningRate: 0.01, weightDecay: 0.1 }, { noDecay: model.noDecay ?? [] });
    const params = mapTree(model.init(1), (leaf) => tf.onesLike(leaf));
    const grads = mapTree(params, (leaf) => tf.zerosLike(leaf));
    let next = { params, state: optimizer.init(params) };
    for (let step = 0; step < 800; step += 1) next = optimizer.update(next.params, grads, next.state);
    const after = next.params.layers[0]?.mixer as unknown as Record<string, tf.Tensor> & {
      inProj: { weight: tf.Tensor };
    };
    const first = async (leaf: tf.Tensor | undefined) => (await leaf?.data())?.[0];
    expect(await first(after.aLog)).toBe(1);
    expect(await first(after.dSkip)).toBe(1);
    expect(await first(after.inProj.weight)).toBeCloseTo(0.449, 3);
  });

  it('refuses an unknown option and names the nearest', () => {
    expect(() => mamba({ dModel: 8, dstate: 4 } as never)).toThrow(/dState/);
  });
});
