import { createRng, useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { unitVector } from '../math/random.js';
import { trainRecall } from '../train-recall.js';
import { embeddingDistance, lemmaChecks, lengthBounds, proofSequences, runLayer, topQueries } from './lemma-1.js';
import { checkSolution, measureEpsilon0, perturbedSolution, type Solution, theorem2 } from './theorem-2.js';

const small = {
  vocabSize: 5,
  dModel: 8,
  trainLength: 8,
  lengths: [8, 32, 64],
  sequences: 4,
  steps: 200,
  batchSize: 16,
};
const sizes = theorem2.sizes.parse(small);
const rng = createRng(1);
const embeddings = Array.from({ length: 5 }, () => unitVector(rng, 8));
const perturbed = perturbedSolution(rng, embeddings, sizes);

describe('Theorem 2', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const result = await runClaim(theorem2, { seed: 1, sizes: small });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(result.checks).toHaveLength(2 * (7 + 1 + 6 + 1) + 3);
  });

  const layers: [string, Partial<Solution>][] = [
    ['a filter that looks back', { filter: { from: -3, taps: [0, 0, 0, 0, 2, 0, 0] } }],
    ['the filter as printed, D_-1', { filter: { from: -3, taps: [0, 0, 1, 0, 0, 0, 0] } }],
    ['attention that sees no difference', { weights: perturbed.weights.map((row) => row.map(() => 0)) }],
  ];
  it.each(layers)('fails with %s', (_, change) => {
    const { checks } = checkSolution({ ...perturbed, ...change }, 1, sizes);
    expect(checks.map(judge)).toEqual([expect.objectContaining({ what: 'eps_0, perturbed', holds: false })]);
  });

  it('fails without training, in which nothing is random but its seed', async () => {
    const training = { embeddings, length: 8, reach: 3, steps: 1, batchSize: 16, learningRate: 0.05 };
    const untrained = { ...perturbed, ...(await trainRecall(1, training)) };
    expect(await trainRecall(1, training)).toEqual({ weights: untrained.weights, filter: untrained.filter });
    expect(measureEpsilon0(untrained, rng, 4)).toBeGreaterThan(1 / 8);
  });
});

describe('Lemma 1', () => {
  const pairs = topQueries(perturbed, embeddings);
  const filterWith = (tap: number, value: number) => ({
    from: -3,
    taps: [0, 0, 2, 0, 0, 0, 0].map((kept, j) => (j === tap ? value : kept)),
  });

  it.each([
    ['F_0', 3, 0.1, 4],
    ['sum of F_i', 5, 0.1, 5],
    ['F_-j', 0, 0.1, 6],
    ['s_q (F_-1 + F_1), from below', 2, 1.9, 2],
    ['s_q (F_-1 + F_1), from above', 2, 2.1, 3],
  ])('bounds %s', (_, tap, value, index) => {
    const checks = lemmaChecks('', filterWith(tap, value), pairs, 1e-3, 8).map(judge);
    expect(checks[index]).toMatchObject({ holds: false });
    expect(lemmaChecks('', filterWith(2, 2), pairs, 1e-2, 8).map(judge)[index]).toMatchObject({ holds: true });
  });

  it('bounds s_v / s_q', () => {
    const confused = pairs.map((pair) => ({ ...pair, odds: 0.1 }));
    expect(judge(lemmaChecks('', filterWith(2, 2), confused, 1e-3, 8)[1]!)).toMatchObject({ holds: false });
  });

  it('bounds errors at other lengths by what is measured at one', () => {
    const inputs = proofSequences(pairs, 8);
    const epsilon = Math.max(...inputs.map((input) => runLayer(perturbed, embeddings, input).error));
    const bounds = lengthBounds(epsilon / embeddingDistance(embeddings), 8, 3);
    expect(bounds.output(64)).toBeGreaterThan(epsilon);
    expect(bounds.output(128) - bounds.output(64)).toBeLessThan(64 * bounds.slope);
  });
});
