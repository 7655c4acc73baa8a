import { isZooError, tf, useEngine } from '@mixerzoo/core';
import { describeMixer, expectClose, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { attention, slidingWindow } from './attention.js';

// A bias of all keys shifts every logit of a row alike.
const shiftInvariant = { zeroGradients: ['kProj.bias'] };
const oneHead = { idleOptions: { nKvHeads: 'one head has its own keys and values' } };

describeMixer('attention, one head', () => attention({ dModel: 16 }), { ...shiftInvariant, ...oneHead });
describeMixer('attention, no bias', () => attention({ dModel: 12, nHeads: 3, bias: false }));
describeMixer('attention, rope', () => attention({ dModel: 24, nHeads: 2, positional: 'rope' }));
describeMixer('attention, partial rope', () =>
  attention({ dModel: 16, nHeads: 2, positional: 'rope', rotaryFraction: 0.5 }),
);
describeMixer('attention, alibi', () => attention({ dModel: 18, nHeads: 3, positional: 'alibi' }), shiftInvariant);
describeMixer(
  'attention, yarn',
  () =>
    attention({ dModel: 16, positional: 'rope', contextExtension: { method: 'yarn', factor: 4, originalLength: 16 } }),
  oneHead,
);
describeMixer('attention, shared keys, wide heads, biases of q and o', () =>
  attention({ dModel: 12, nHeads: 6, nKvHeads: 2, headDim: 4, bias: { q: true, o: true }, positional: 'rope' }),
);
describeMixer('attention, one head of keys, alibi', () =>
  attention({ dModel: 12, nHeads: 3, nKvHeads: 1, bias: false, positional: 'alibi' }),
);
describeMixer('attention, yarn on the rotated columns', () =>
  attention({
    dModel: 16,
    nHeads: 2,
    positional: 'rope',
    rotaryFraction: 0.5,
    contextExtension: { method: 'yarn', factor: 4, originalLength: 16, temperature: 'rotated' },
  }),
);
describeMixer(
  'attention, llama3',
  () =>
    attention({
      dModel: 16,
      positional: 'rope',
      contextExtension: { method: 'llama3', factor: 8, originalLength: 64 },
    }),
  oneHead,
);
describeMixer(
  'attention, filters',
  () =>
    attention({
      dModel: 16,
      nHeads: 4,
      nKvHeads: 2,
      positional: 'rope',
      filters: { q: 'perChannel', k: 'perHead', v: 'diagonalSsm' },
      filterWidth: 4,
      filterResidual: true,
      filterActivation: 'silu',
    }),
  { matMulShare: 0.7 },
);
describeMixer(
  'slidingWindow, filters',
  () => slidingWindow({ dModel: 16, nHeads: 2, window: 5, bias: false, positional: 'rope', filters: 'perHead' }),
  { matMulShare: 0.8 },
);
describeMixer('slidingWindow, shared keys, rope', () =>
  slidingWindow({ dModel: 16, nHeads: 4, nKvHeads: 2, window: 5, bias: false, positional: 'rope' }),
);
describeMixer('slidingWindow', () => slidingWindow({ dModel: 16, nHeads: 2, window: 5 }), shiftInvariant);
describeMixer('slidingWindow, rope', () => slidingWindow({ dModel: 16, nHeads: 2, window: 5, positional: 'rope' }));

describe('attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('is put together at any width, without the tables of its rotation', () => {
    expect(attention({ dModel: 16, headDim: 2 ** 28, positional: 'rope' }).config).toMatchObject({ headDim: 2 ** 28 });
  });

  it('drops entries of the map in training only, keeping the mean', async () => {
    const mixer = attention({ dModel: 8, dropout: 0.5 });
    const params = mixer.init(1);
    const x = testTensor<tf.Rank.R3>([1, 9, 8]);
    const run = (training: boolean, seed: number) => mixer.apply(params, x, { training, seed });
    await expectClose(run(false, 1), run(false, 2), 0);
    await expectClose(run(true, 3), run(true, 3), 0);
    await expect(expectClose(run(true, 3), run(true, 4), 1e-3)).rejects.toThrow();
    const draws = Array.from({ length: 400 }, (_, seed) => run(true, seed));
    await expectClose(tf.addN(draws).div(draws.length), run(false, 0), 0.15);
  });

  it('refuses options that do not fit together', () => {
    const code = (make: () => unknown) => {
      try {
        make();
      } catch (error) {
        return isZooError(error, 'invalid-config');
      }
      return false;
    };
    expect(code(() => attention({ dModel: 16, nHeads: 3 }))).toBe(true);
    expect(() => slidingWindow({ dModel: 16, nHeads: 3 })).toThrow(
      /^slidingWindow: nHeads: expected a divisor of dModel 16, got 3\. Change one of them\.$/,
    );
    const contextExtension = { method: 'interpolation', factor: 2, originalLength: 8 } as const;
    expect(code(() => attention({ dModel: 16, contextExtension }))).toBe(true);
    expect(code(() => attention({ dModel: 16, positional: 'alibi', contextExtension }))).toBe(true);
    expect(() => attention({ dModel: 16, nHeads: 4, nKvHeads: 3 })).toThrow(
      'attention: nKvHeads: expected a divisor of nHeads 4, got 3. Change one of them.',
    );
    expect(() => attention({ dModel: 16, nHead: 2 } as never)).toThrow("Did you mean 'nHeads'?");
  });

  it('refuses positions that make no sense together', () => {
    const yarn = { method: 'yarn', factor: 4, originalLength: 16 } as const;
    const rope = (rest: Partial<Parameters<typeof attention>[0]>) => () =>
      attention({ dModel: 16, positional: 'rope', ...rest });
    expect(rope({ contextExtension: { ...yarn, betaFast: 1, betaSlow: 32 } })).toThrow(
      /contextExtension: expected betaFast above betaSlow, got 1 and 32\./,
    );
    expect(rope({ contextExtension: { ...yarn, betaSlow: 40 } })).toThrow(/got 32 and 40\./);
    expect(rope({ contextExtension: { ...yarn, method: 'interpolation', betaFast: 32 } })).toThrow(
      /'yarn' and 'llama3' alone/,
    );
    for (const ropeBase of [1, 0.5]) expect(rope({ ropeBase, contextExtension: yarn })).toThrow(/ropeBase/);
    expect(rope({ nHeads: 16 })).toThrow(/rotate at least 2 columns of a head, got 1 of 1\./);
    expect(rope({ nHeads: 2, rotaryFraction: 0.2 })).toThrow(/rotate at least 2 columns of a head, got 0\.2 of 8\./);
    expect(() => attention({ dModel: 16, ropeBase: 500 })).toThrow(
      /ropeBase: expected none without positional 'rope', got 500\./,
    );
    expect(() => slidingWindow({ dModel: 16, positional: 'alibi', rotaryFraction: 0.5 })).toThrow(/rotaryFraction/);
  });

  it('refuses a temperature that changes nothing', () => {
    const extension = { method: 'interpolation', factor: 4, originalLength: 16 } as const;
    const made = (positional: 'none' | 'rope', rest: object) => () =>
      attention({ dModel: 16, positional, contextExtension: { ...extension, ...rest } });
    expect(made('rope', { attentionFactor: 1.2 })).toThrow(/attentionFactor with a temperature 'logits' or 'rotated'/);
    expect(made('none', { method: 'yarn', temperature: 'rotated' })).toThrow(
      /only a temperature 'logits' has an effect/,
    );
    expect(made('none', { temperature: 'logits' })).not.toThrow();
  });

  it('multiplies logits by the squared temperature, with positions squeezed evenly and without positions', async () => {
    const contextExtension = { method: 'interpolation', factor: 4, originalLength: 8, temperature: 'logits' } as const;
    const squared = (0.1 * Math.log(4) + 1) ** 2; // 1.296477, as the paper's extrapolation has it
    const x = testTensor<tf.Rank.R3>([1, 9, 8]);
    for (const [warm, plain] of [
      [attention({ dModel: 8, contextExtension }), attention({ dModel: 8 })],
      [
        attention({ dModel: 8, positional: 'rope', contextExtension }),
        attention({ dModel: 8, positional: 'rope', contextExtension: { ...contextExtension, temperature: 'none' } }),
      ],
    ] as const) {
      const params = warm.init(3);
      const scaled = { ...params, qProj: { ...params.qProj, weight: params.qProj.weight.mul<tf.Tensor2D>(squared) } };
      await expectClose(warm.apply(params, x), plain.apply(scaled, x), 1e-6);
    }
  });

  it('interpolates positions: a context stretched by 2 sees distance 2 as 1', async () => {
    const plain = attention({ dModel: 8, positional: 'rope' });
    const stretched = attention({
      dModel: 8,
      positional: 'rope',
      contextExtension: { method: 'interpolation', factor: 2, originalLength: 4 },
    });
    const params = plain.init(1);
    const trained = { ...params }; // a copy, as those of a mixer are for its own config
    const x = testTensor<tf.Rank.R3>([1, 4, 8]);
    // Each token twice: the second copies sit at the doubled distances of the first ones.
    const doubled = tf.reshape(tf.stack([x, x], 2), [1, 8, 8]) as tf.Tensor3D;
    const expected = tf.slice(plain.apply(params, x), [0, 0, 0], [1, 1, 8]);
    await expectClose(tf.slice(stretched.apply(trained, doubled), [0, 0, 0], [1, 1, 8]), expected, 1e-5);
  });
});
