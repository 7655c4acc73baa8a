import { createRng } from '@mixerzoo/core/rng';
import { describe, expect, it } from 'vitest';
import { createSlotSampler, createTokenPool } from './sampling.js';

/** How often each outcome of `draw` comes up. */
function histogram(trials: number, draw: () => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < trials; i++) {
    const outcome = draw();
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}

/** Within five standard deviations of a binomial. */
function expectShare(count: number | undefined, trials: number, share: number): void {
  expect(Math.abs((count ?? 0) - trials * share)).toBeLessThan(5 * Math.sqrt(trials * share * (1 - share)));
}

describe('sampling without replacement', () => {
  it('draws every ordered pair of a pool equally often', () => {
    const [rng, pool] = [createRng(1), createTokenPool(10, 15)];
    const counts = histogram(40_000, () => {
      pool.draw(rng, 2);
      return pool.tokens.subarray(0, 2).join();
    });
    expect(counts.size).toBe(20);
    for (const count of counts.values()) expectShare(count, 40_000, 1 / 20);
    expect([...pool.tokens].sort()).toEqual([10, 11, 12, 13, 14]);
  });

  it('draws slots one after another, in proportion to the weights that are left', () => {
    const weights = [5, 1, 3, 1];
    const rng = createRng(2);
    const draw = createSlotSampler(weights);
    const slots = new Int32Array(3);
    const counts = histogram(60_000, () => {
      draw(rng, slots);
      return slots.join();
    });
    expect(counts.size).toBe(24);
    for (const [outcome, count] of counts) {
      let [left, share] = [10, 1];
      for (const slot of outcome.split(',')) {
        share *= weights[Number(slot)]! / left;
        left -= weights[Number(slot)]!;
      }
      expectShare(count, 60_000, share);
    }
  });

  it('can draw all slots, of any number, whatever their weights', () => {
    const rng = createRng(3);
    for (let n = 1; n <= 40; n++) {
      const slots = new Int32Array(n);
      createSlotSampler(Array.from({ length: n }, (_, i) => 1e-4 ** i))(rng, slots);
      expect([...slots].sort((a, b) => a - b)).toEqual([...slots.keys()]);
    }
  });
});
