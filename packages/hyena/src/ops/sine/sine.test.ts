import { tf, useEngine } from '@mixerzoo/core';
import { describeOp, expectClose, expectShaders, shadersOf, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { sineOp } from './index.js';
import * as webgpu from './webgpu.js';

const QUARTERS = [0, 1, 2, 3] as const;

describeOp(
  sineOp,
  QUARTERS.map((quarters) => ({
    name: `${quarters} quarters`,
    inputs: () => ({ x: testTensor<tf.Rank.R2>([7, 5], 1, 3) }),
    attrs: { quarters },
  })),
);

describe('sine', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each(QUARTERS)('equals that of double precision up to 1,000: %i quarters of a turn', async (quarters) => {
    const values = Float32Array.from({ length: 4001 }, (_, index) => ((index - 2000) / 2000) ** 3 * 1000);
    const x = tf.tensor1d(values);
    const { y } = sineOp({ x }, { quarters });
    const expected = [Math.sin, Math.cos, (v: number) => -Math.sin(v), (v: number) => -Math.cos(v)][quarters];
    await expectClose(y, { shape: [4001], data: Array.from(values, expected as (v: number) => number) }, 2e-6);
    tf.dispose([x, y]);
  });

  it('dispatches the reviewed shader', async () => {
    const x = tf.zeros([5]);
    await expectShaders('./__fixtures__/sine.wgsl', shadersOf(webgpu.sine, { x }, { quarters: 1 }));
    x.dispose();
  });
});
