import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { scan, scanGradient } from './webgpu.js';

describe('shaders of the scan of mLSTM', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: from a state, with gradients of the last one', async () => {
    const zeros = <S extends number[]>(...shape: S) => tf.zeros(shape) as never;
    const rows = (width: number) => zeros(1, 70, width);
    const inputs = { q: rows(16), k: rows(16), v: rows(8), i: rows(2), logF: rows(2) };
    const [c, n, m] = [zeros(1, 2, 8, 4), zeros(1, 2, 8), zeros(1, 2)];
    const given = { ...inputs, initialC: c, initialN: n, initialM: m };
    const saved = { h: rows(8), cells: zeros(3, 1, 2, 8, 4), norms: zeros(3, 1, 2, 8), maxima: zeros(3, 1, 2) };
    const attrs = { nHeads: 2, scale: 1 };
    await expectShaders('./__fixtures__/m-lstm-scan.wgsl', [
      ...shadersOf(scan, given, attrs),
      ...shadersOf(scanGradient, { ...given, ...saved, dH: rows(8), dLastC: c, dLastN: n, dLastM: m }, attrs),
    ]);
  });
});
