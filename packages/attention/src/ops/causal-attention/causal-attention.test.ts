import { tf, useEngine } from '@mixerzoo/core';
import { describeOp, expectClose, testTensor } from '@mixerzoo/core/testing';
import { expect, it } from 'vitest';
import { causalAttention, causalAttentionOp } from './index.js';
import { byQueryBlocks } from './query-blocks.js';
import { attendReference } from './reference.js';
import type { Attrs, Inputs } from './types.js';

const plain = { nHeads: 2, scale: 0.4, window: 0, dropoutRate: 0, dropoutSeed: 0 };
const sequences =
  (length: number, queries = length, headDim = 6, valueDim = headDim, nHeads = 2) =>
  () => ({
    q: testTensor<tf.Rank.R3>([2, queries, nHeads * headDim], 1),
    k: testTensor<tf.Rank.R3>([2, length, nHeads * headDim], 2),
    v: testTensor<tf.Rank.R3>([2, length, nHeads * valueDim], 3),
    slopes: undefined,
  });
const withSlopes = (length: number) => () => ({ ...sequences(length)(), slopes: testTensor<tf.Rank.R1>([2], 4).abs() });

describeOp(
  causalAttentionOp,
  [
    { name: 'one token', inputs: sequences(1), attrs: plain },
    { name: 'odd sizes', inputs: sequences(7, 7, 5, 3, 3), attrs: { ...plain, nHeads: 3 } },
    { name: 'several tiles', inputs: sequences(131, 131, 8), attrs: plain },
    { name: 'fewer queries than keys', inputs: sequences(70, 5), attrs: plain },
    { name: 'one query', inputs: sequences(66, 1, 16), attrs: plain },
    { name: 'window', inputs: sequences(150), attrs: { ...plain, window: 33 } },
    { name: 'window of one', inputs: sequences(9), attrs: { ...plain, window: 1 } },
    { name: 'alibi', inputs: withSlopes(80), attrs: plain },
    { name: 'alibi and window', inputs: withSlopes(80), attrs: { ...plain, window: 11 } },
    { name: 'dropout', inputs: sequences(67), attrs: { ...plain, dropoutRate: 0.3, dropoutSeed: 42 } },
    {
      name: 'dropout and window',
      inputs: sequences(40),
      attrs: { ...plain, window: 7, dropoutRate: 0.1, dropoutSeed: -5 },
    },
  ],
  { gradientsOf: ['q', 'k', 'v'] },
);

it.each([
  { ...plain, window: 0 },
  { ...plain, window: 5 },
])('computes the same by blocks of queries as at once: window $window', async (attrs) => {
  await useEngine();
  const seen: number[] = [];
  const whole = (inputs: Inputs, given: Attrs) => {
    seen.push(4 * inputs.q.shape[1] * inputs.k.shape[1]); // of 2 sequences and 2 heads
    return attendReference(inputs, given);
  };
  const inputs = withSlopes(23)();
  const expected = attendReference(inputs, attrs);
  for (const most of [4 * 23 * 4, 1]) {
    seen.length = 0;
    const { o, logSumExp } = byQueryBlocks(whole, most)(inputs, attrs);
    await expectClose(o, expected.o, 1e-6);
    await expectClose(logSumExp, expected.logSumExp, 1e-6);
    expect(seen.length).toBe(Math.ceil(23 / Math.max(1, Math.floor(most / (4 * 23)))));
    expect(Math.max(...seen)).toBeLessThanOrEqual(Math.max(most, 4 * 23));
  }
});

it('holds no [L, L] tensor on the wasm engine, forward or backward', async (ctx) => {
  const engine = await useEngine();
  if (engine.name !== 'wasm') return ctx.skip(`measures the heap of the wasm engine, not of ${engine.name}`);
  const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;
  const [length, nHeads] = [2048, 8];
  const [q, k, v] = [1, 2, 3].map((seed) => testTensor<tf.Rank.R3>([1, length, 64], seed)) as [
    tf.Tensor3D,
    tf.Tensor3D,
    tf.Tensor3D,
  ];
  const before = heap();
  const attrs = { ...plain, nHeads };
  const gradients = tf.grads((...[a, b, c]: tf.Tensor[]) =>
    causalAttentionOp({ q: a as tf.Tensor3D, k: b as tf.Tensor3D, v: c as tf.Tensor3D, slopes: undefined }, attrs)
      .o.square()
      .sum(),
  )([q, k, v]);
  // One map of all heads would be 4 * 8 * 2048^2 bytes, 128 MiB.
  expect(heap() - before).toBeLessThan(32 * 2 ** 20);
  // The first query sees only itself: its output is v, whatever q and k.
  const { o } = causalAttention({ q, k, v }, { nHeads });
  await expectClose(o.slice([0, 0, 0], [1, 1, 64]), v.slice([0, 0, 0], [1, 1, 64]), 1e-6);
  tf.dispose([q, k, v, o, ...gradients]);
});

it.each([1, -0.1, Number.NaN])('refuses to drop a share of %s', async (dropoutRate) => {
  await useEngine();
  const { q, k, v } = sequences(3)();
  expect(() => causalAttention({ q, k, v }, { nHeads: 2, dropoutRate })).toThrow(
    `causalAttention: expected a dropoutRate in [0, 1), got ${dropoutRate}.`,
  );
  tf.dispose([q, k, v]);
});
