import { createRng, useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { blockSums, countAnswered, drawInput, hardestQuery, smoothing } from './landmark-recall.js';
import { dot } from './math/vectors.js';

const shape = { blocks: 4, blockSize: 2, width: 4 };
const basis = [Float64Array.of(1, 0, 0, 0), Float64Array.of(0, 1, 0, 0)];

/** A context without noise but for one token; the answer stands at 3, its key with it. */
function contextWith(place: number, token: readonly number[]) {
  const tokens = new Float32Array(shape.blocks * shape.blockSize * shape.width);
  tokens.set(token, place * shape.width);
  return { tokens, answer: 3 };
}

describe('hardestQuery', () => {
  it.each([
    ['of a block before', 4, [0, 2, 0, 0]],
    ['within the block of the query', 6, [0, 2, 0, 0]],
  ])('lies along a token %s', (_, place, token) => {
    const { query, closeness } = hardestQuery(contextWith(place, token), shape, basis);
    expect(closeness).toBeCloseTo(2, 9);
    expect(Math.abs(query[1]!)).toBeCloseTo(1, 9);
  });

  it('lies along a token within the block of the answer, though others there make up for it', () => {
    const at = { ...shape, blockSize: 3 };
    const tokens = new Float32Array(at.blocks * at.blockSize * at.width);
    tokens.set([0, 2, 0, 0], 3 * at.width);
    tokens.set([0, -2, 0, 0], 4 * at.width);
    expect(hardestQuery({ tokens, answer: 3 }, at, basis).closeness).toBeCloseTo(2, 9);
  });

  it('sees no token outside of the subspace, nor the one in place of the query', () => {
    expect(hardestQuery(contextWith(4, [0, 0, 2, 0]), shape, basis).closeness).toBe(0);
    expect(hardestQuery(contextWith(2, [0, 2, 0, 0]), shape, basis).closeness).toBe(0);
  });
});

describe('the layer', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it.each([blockSums, smoothing])('answers where there is next to no noise', (layer) => {
    const at = { blocks: 8, blockSize: 4, width: 32, variance: 1e-2 };
    const inputs = [1, 2, 3, 4].map((seed) => drawInput(createRng(seed), at));
    for (const { tokens, answer } of inputs) {
      const [first, last] = [answer - 1, 31].map((t) => Float64Array.from(tokens.subarray(t * 32, (t + 1) * 32)));
      expect(dot(first!, last!)).toBeCloseTo(1, 6);
      expect(answer).toBeLessThan(28);
    }
    expect(countAnswered(layer, at, inputs)).toBe(4);
  });
});
