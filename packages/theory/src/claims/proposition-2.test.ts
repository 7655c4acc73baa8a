import { useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { blockSums, smoothing } from '../landmark-recall.js';
import { checkSmoothing, correlationOfLandmarks, proposition2 } from './proposition-2.js';

const sizes = { blocks: 16, blockSize: 4, ts: [2.5], sequences: 40, draws: 1000 };

describe('Proposition 2', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const result = await runClaim(proposition2, { seed: 0, sizes });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
  });

  it.each([
    ['a decay that forgets within a block', { ...smoothing, rho: Math.exp(-10 / 4) }],
    ['a decay that smears over ten blocks', { ...smoothing, rho: Math.exp(-0.1 / 4) }],
    ['keys that are not late', { ...smoothing, keyDelay: 0 }],
    ['keys two steps late', { ...smoothing, keyDelay: 2 }],
  ])('fails with %s', (_, layer) => {
    expect(
      checkSmoothing(layer, { ...sizes, blocks: 8, sequences: 24 }, 1).map((check) => judge(check).asExpected),
    ).toContain(false);
  });

  it('holds with local keys as printed, since the filter falls from its token on', () => {
    const checks = checkSmoothing({ ...smoothing, localKeys: 'convolved' }, { ...sizes, sequences: 24 }, 1);
    expect(checks.map((check) => judge(check).asExpected)).not.toContain(false);
  });

  it('sees that block sums are independent, and smoothed ones are not', () => {
    const at = { blocks: 8, blockSize: 4, width: 64 };
    expect(Math.abs(correlationOfLandmarks(blockSums, at, 8, 1))).toBeLessThan(0.15);
    expect(correlationOfLandmarks(smoothing, at, 8, 1)).toBeGreaterThan(0.2);
  });
});
