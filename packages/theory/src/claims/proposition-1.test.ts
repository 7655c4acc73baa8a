import { useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Check, type ClaimResult, judge, runClaim } from '../claim.js';
import { successOfOne } from '../figure-4/block-sums.js';
import { blockSums, type LandmarkLayer } from '../landmark-recall.js';
import {
  checkSufficient,
  checkThreshold,
  checkUniform,
  countUniform,
  insufficientWidth,
  proposition1A,
  proposition1B,
  proposition1C,
} from './proposition-1.js';

const small = { blocks: 8, blockSize: 4 };
const asExpected = (checks: readonly Check[]) => checks.map((check) => judge(check).asExpected);
const holds = ({ checks }: ClaimResult) => {
  for (const check of checks) expect(check).toMatchObject({ asExpected: true });
};

/** Layers that are not that of Proposition 1. */
const WRONG: readonly (readonly [string, LandmarkLayer])[] = [
  ['landmarks of half a block', { ...blockSums, taps: 2 }],
  ['keys that are not late', { ...blockSums, keyDelay: 0 }],
  ['keys two steps late', { ...blockSums, keyDelay: 2 }],
  ['local keys that are filtered, as printed', { ...blockSums, localKeys: 'convolved' }],
];

describe('Proposition 1', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('(A) holds, and is the same from the same seed', async () => {
    const options = { seed: 0, sizes: { ...small, sequences: 60 } };
    const result = await runClaim(proposition1A, options);
    holds(result);
    expect(await runClaim(proposition1A, options)).toEqual(result);
  });

  it('(B) holds', async () => {
    holds(await runClaim(proposition1B, { seed: 0, sizes: { blocks: 128, sequences: 100 } }));
  });

  it('(C) holds', async () => {
    holds(await runClaim(proposition1C, { seed: 0, sizes: { blocks: 16, dimensions: [4], sequences: 40 } }));
  });

  it.each(WRONG)('(A) fails with %s', (_, layer) => {
    expect(asExpected(checkSufficient(layer, { ...small, ts: [3.5], sequences: 30 }, 1))[0]).toBe(false);
  });

  it('(B) and (C) fail with keys that are not late', () => {
    const late = { ...blockSums, keyDelay: 0 };
    const threshold = checkThreshold(late, { ...small, epsilon: 0.1, sequences: 30 }, 1);
    expect(asExpected(threshold)).toEqual([true, false, false]);
    const uniform = checkUniform(late, { ...small, dimensions: [4], t: 3.5, sequences: 15 }, 4, 1);
    expect(asExpected(uniform).slice(0, 2)).toEqual([false, false]);
  });

  it('knows of each context whether a query of the subspace fails in it', () => {
    const at = { ...small, width: 50 };
    const { answered, predicted } = countUniform(blockSums, at, 4, 40, 3);
    expect(answered).toBe(predicted);
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(40);
  });

  it('(B) promises nothing beyond the root, where the printed width grows again', () => {
    const context = { seqLen: 512, blockSize: 2 };
    expect(insufficientWidth(context, 0.1, 2)).toBeLessThan(1);
    expect(successOfOne(insufficientWidth(context, 0.1, 6), context)).toBeGreaterThan(0.9);
  });
});
