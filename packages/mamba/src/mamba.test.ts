import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { mamba } from './mamba.js';

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

  it('refuses an unknown option and names the nearest', () => {
    expect(() => mamba({ dModel: 8, dstate: 4 } as never)).toThrow(/dState/);
  });
});
