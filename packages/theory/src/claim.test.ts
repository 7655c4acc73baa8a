import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Check, defineClaim, judge, runClaim } from './claim.js';

const check: Check = { what: 'error', measured: 0.5, relation: 'at most', bound: 2, expected: 'holds' };

describe('judge', () => {
  it('holds a quantity to its bound, from either side', () => {
    expect(judge(check)).toMatchObject({ holds: true, margin: 0.75, asExpected: true });
    expect(judge({ ...check, relation: 'at least' })).toMatchObject({ holds: false, margin: -0.75, asExpected: false });
    expect(judge({ ...check, bound: 0 })).toMatchObject({ holds: false, margin: -0.5 });
    expect(judge({ ...check, measured: 2 })).toMatchObject({ holds: true, margin: 0 });
  });

  it('expects counter-checks not to hold, and no check to be without a number', () => {
    expect(judge({ ...check, expected: 'fails' }).asExpected).toBe(false);
    expect(judge({ ...check, measured: 3, expected: 'fails' }).asExpected).toBe(true);
    for (const expected of ['holds', 'fails'] as const) {
      expect(judge({ ...check, measured: Number.NaN, expected }).asExpected).toBe(false);
    }
  });
});

describe('runClaim', () => {
  const claim = defineClaim({
    id: 'lemma-9',
    title: 'Lemma 9',
    statement: 'Squares are small.',
    sizes: z.strictObject({ most: z.number().default(3) }),
    run: ({ sizes: { most } }) => ({
      built: `numbers to ${most}`,
      checks: most > 0 ? [{ ...check, measured: most ** 2, bound: 9 }] : [],
      plots: [],
    }),
  });

  it('runs with defaults or with sizes of one’s own', async () => {
    expect(await runClaim(claim, { seed: 1 })).toMatchObject({ id: 'lemma-9', sizes: { most: 3 }, holds: true });
    expect(await runClaim(claim, { seed: 1, sizes: { most: 4 } })).toMatchObject({ holds: false });
    await expect(runClaim(claim, { seed: 1, sizes: { mots: 4 } })).rejects.toThrow(/lemma-9: .*mots.*'most'/);
  });

  it('does not hold without a check', async () => {
    expect((await runClaim(claim, { seed: 1, sizes: { most: 0 } })).holds).toBe(false);
  });
});
