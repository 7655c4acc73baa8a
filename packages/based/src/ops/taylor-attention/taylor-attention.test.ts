import { tf, useEngine } from '@mixerzoo/core';
import { describeOp, expectClose, gradientsOf, type OpCase, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { packedFeatures, taylorFeatures } from './features.js';
import { taylorAttention, taylorChunkwiseOp, taylorQuadraticOp } from './index.js';
import type { Attrs, Inputs } from './types.js';

function inputs(batch: number, length: number, nHeads: number, featureDim: number, headDim: number, scale = 1) {
  return {
    q: testTensor<tf.Rank.R3>([batch, length, nHeads * featureDim], 1, scale),
    k: testTensor<tf.Rank.R3>([batch, length, nHeads * featureDim], 2, scale),
    v: testTensor<tf.Rank.R3>([batch, length, nHeads * headDim], 3),
  };
}

function opCase(...sizes: [number, number, number, number, number]): OpCase<Inputs, Attrs> {
  const [batch, length, nHeads, featureDim, headDim] = sizes;
  return {
    name: `B ${batch}, L ${length}, H ${nHeads}, f ${featureDim}, p ${headDim}`,
    inputs: () => inputs(...sizes),
    attrs: { nHeads, eps: 1e-12 },
  };
}

const cases = [
  opCase(2, 1, 1, 8, 16),
  opCase(2, 7, 3, 5, 7),
  opCase(1, 64, 2, 16, 32),
  opCase(2, 63, 1, 3, 4),
  opCase(1, 65, 2, 8, 12),
  opCase(1, 131, 3, 6, 9),
  opCase(1, 200, 1, 24, 64),
  opCase(2, 270, 2, 3, 5),
];
describeOp(taylorQuadraticOp, cases);
describeOp(taylorChunkwiseOp, cases, { tolerance: 5e-5 });

describe('taylorAttention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('packs the features: phi(x) . phi(y) = 1 + s + s^2 / 2', async () => {
    expect([8, 16, 24].map(packedFeatures)).toEqual([45, 153, 325]);
    const [x, y] = [testTensor<tf.Rank.R3>([2, 5, 8], 1), testTensor<tf.Rank.R3>([2, 5, 8], 2)];
    const products = tf.tidy(() => taylorFeatures(x).mul(taylorFeatures(y)).sum(2));
    const expected = tf.tidy(() => {
      const s = x.mul(y).sum(2).div(Math.sqrt(8));
      return s.square().mul(0.5).add(s).add(1);
    });
    await expectClose(products, expected, 1e-6, 'phi(x) . phi(y)');
    tf.dispose([x, y, products, expected]);
  });

  it.each([
    [150, 8],
    [1030, 16],
  ])('computes the same in both forms, with gradients, at length %i', async (length, featureDim) => {
    const { q, k, v } = inputs(1, length, 2, featureDim, 16);
    const dO = testTensor([1, length, 32], 9);
    const all = (quadraticLimit: number) => {
      const attend = ([a, b, c]: tf.Tensor[]) =>
        taylorAttention({ q: a, k: b, v: c } as Parameters<typeof taylorAttention>[0], { nHeads: 2, quadraticLimit });
      return [attend([q, k, v]), ...gradientsOf((tensors) => attend(tensors).mul(dO).sum(), [q, k, v])];
    };
    const [chunkwise, quadratic] = [all(0), all(length)];
    for (const [index, what] of ['o', 'dQ', 'dK', 'dV'].entries()) {
      await expectClose(chunkwise[index] as tf.Tensor, quadratic[index] as tf.Tensor, 5e-5, what);
    }
    tf.dispose([q, k, v, dO, chunkwise, quadratic] as never);
  });

  it.each([0, 4096])('stays finite with scores of 1e6, quadraticLimit %i', async (quadraticLimit) => {
    const { q, k, v } = inputs(1, 130, 1, 8, 8, 1e3);
    const attend = ([a, b, c]: tf.Tensor[]) =>
      taylorAttention({ q: a, k: b, v: c } as Parameters<typeof taylorAttention>[0], { nHeads: 1, quadraticLimit });
    const found = [attend([q, k, v]), ...gradientsOf((tensors) => attend(tensors).sum(), [q, k, v])];
    for (const tensor of found) expect((await tensor.data()).every(Number.isFinite)).toBe(true);
    tf.dispose([q, k, v, ...found]);
  });

  it('needs no scratch for every sequence', async (ctx) => {
    const engine = await useEngine();
    if (engine.name !== 'wasm') return ctx.skip(`measures the heap of the wasm engine, not of ${engine.name}`);
    const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;
    const { q, k, v } = inputs(512, 65, 1, 16, 64);
    const attend = ([a, b, c]: tf.Tensor[]) =>
      taylorAttention({ q: a, k: b, v: c } as Parameters<typeof taylorAttention>[0], { nHeads: 1, quadraticLimit: 0 });
    const before = heap();
    const gradients = gradientsOf((tensors) => attend(tensors).sum(), [q, k, v]);
    // Inputs, outputs and gradients are some 50 MiB; scratch for each of the 512 sequences would be as much again.
    expect((heap() - before) / 2 ** 20).toBeLessThan(70);
    tf.dispose([q, k, v, ...gradients]);
  });

  it('names the shapes it was given', () => {
    const x = tf.zeros<tf.Rank.R3>([1, 2, 6]);
    expect(() => taylorAttention({ q: x, k: x, v: x }, { nHeads: 4 })).toThrow(/with H = 4, got \[1, 2, 6\]/);
    x.dispose();
  });
});
