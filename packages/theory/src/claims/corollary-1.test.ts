import { useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { checkLength, corollary1, createSetting } from './corollary-1.js';

const sizes = { lengths: [8, 64], vocabSize: 8, dModel: 8, sequences: 3 };

describe('Corollary 1', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const result = await runClaim(corollary1, { seed: 2, sizes });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(result.checks).toHaveLength(6);
  });

  it.each([
    ['no delay', [1]],
    ['a delay of 2', [0, 0, 1]],
    ['half a delay', [0.5, 0.5]],
  ])('fails with %s', (_, taps) => {
    const checks = checkLength(createSetting(2, 64, sizes), taps).map(judge);
    expect(checks[1]).toMatchObject({ holds: false });
  });
});
