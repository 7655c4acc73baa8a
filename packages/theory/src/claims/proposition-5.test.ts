import { useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { blockSums } from '../landmark-recall.js';
import { checkSet, proposition5, widthOfQueries } from './proposition-5.js';

const sizes = { blocks: 16, blockSize: 2, queries: 4, ts: [2], contexts: 24 };

describe('Proposition 5', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const result = await runClaim(proposition5, { seed: 0, sizes });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
  });

  it.each([
    ['landmarks of half a block', { ...blockSums, taps: 1 }],
    ['keys that are not late', { ...blockSums, keyDelay: 0 }],
    ['local keys that are filtered', { ...blockSums, localKeys: 'convolved' as const }],
  ])('fails with %s', (_, layer) => {
    expect(checkSet(layer, sizes, 1).map((check) => judge(check).asExpected)).toContain(false);
  });

  it('knows the Gaussian width of orthonormal queries', () => {
    expect(widthOfQueries(1)).toBeCloseTo(0, 9);
    expect(widthOfQueries(2)).toBeCloseTo(1 / Math.sqrt(Math.PI), 9);
    expect(widthOfQueries(8)).toBeCloseTo(1.4236, 4); // tables of normal order statistics
  });
});
