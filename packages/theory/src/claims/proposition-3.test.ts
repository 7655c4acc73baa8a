import { createRng } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import {
  checkLayer,
  type Layer,
  proofSequences,
  proposition3,
  topGrams,
  trainLength,
  underAssumptionA,
} from './proposition-3.js';

const small = { ns: [2], vocabSize: 4, dModel: 8, lengths: [32, 64], sequences: 4 };
const sizes = proposition3.sizes.parse(small);
const layer = underAssumptionA(createRng(1), 2, sizes);

describe('Proposition 3', () => {
  it('holds', async () => {
    const result = await runClaim(proposition3, { seed: 1, sizes: small });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(result.checks).toHaveLength(2 * 7 + 2 + 1);
  });

  const layers: [string, Partial<Layer>][] = [
    ['a filter that looks back', { filter: { from: 1, taps: [1] } }],
    ['a filter of twice the size', { filter: { from: -1, taps: [2] } }],
    ['grams that attention does not tell apart', { gramFilter: { from: 0, taps: [1, 0] } }],
  ];
  it.each(layers)('fails with %s', (_, change) => {
    const checks = checkLayer({ ...layer, ...change }, 1, sizes).checks.map(judge);
    expect(checks[0]).toMatchObject({ what: 'eps_0, assumption a, N = 2', holds: false });
  });

  it('bounds the filter, the map and the output by eps_0', () => {
    // A layer that is right at the length of training alone would break the claim: understate its error, and every bound breaks.
    const checks = checkLayer({ ...layer, factor: layer.factor * 1e-4 }, 1, sizes).checks.map(judge);
    expect(checks.map(({ holds }) => holds)).toEqual([true, false, false, false, false, false, false]);
  });

  it('has the inputs of the proof, at the length that they need', () => {
    const byQuery = topGrams(layer).map(({ query, top }) => proofSequences(query, top, trainLength(2)));
    expect(byQuery.flat().length).toBeGreaterThan(100);
    for (const { tokens } of byQuery.flat()) expect(tokens).toHaveLength(17);
    const { query, top } = topGrams(layer)[byQuery.findIndex((inputs) => inputs.length > 0)]!;
    expect(proofSequences(query, top, 12)).toEqual([]);
  });
});
