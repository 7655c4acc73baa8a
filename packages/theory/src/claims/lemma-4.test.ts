import { describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { checkBound, differenceAbove, lemma4, lemmaBound, supremumAbove, supremumQuantile } from './lemma-4.js';

const sizes = { rows: 50, width: 24, dimensions: [1, 8], ts: [1, 2], draws: 100 };

describe('Lemma 4', () => {
  it('holds', async () => {
    const result = await runClaim(lemma4, { seed: 0, sizes });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(await runClaim(lemma4, { seed: 0, sizes })).toEqual(result);
  });

  it.each([
    ['the square root of 2', (rows: number, root: number, t: number) => lemmaBound(rows, root, t) / Math.SQRT2],
    ['the rows', (_: number, root: number, t: number) => Math.SQRT2 * (root + t)],
  ])('fails without %s', (_, bound) => {
    expect(checkBound(bound, sizes).map((check) => judge(check).asExpected)).toContain(false);
  });

  it('fails without the dimension, where this is large', () => {
    const bound = (rows: number, _: number, t: number) => lemmaBound(rows, 0, t);
    const [first] = checkBound(bound, { ...sizes, dimensions: [80] });
    expect(judge(first!).asExpected).toBe(false);
  });

  it('has one distribution for a chance and for its quantile, and more room for differences', () => {
    expect(supremumAbove(supremumQuantile(0.3, 50, 8), 50, 8)).toBeCloseTo(0.7, 6);
    expect(differenceAbove(5, 50, 8)).toBeGreaterThan(supremumAbove(5, 50, 8));
  });
});
