/** What `bench:peers` makes of its measurements: who is refused, ratios and their intervals, the suite. */
import { describe, expect, it } from 'vitest';
import { cellKey, KINDS, PEER_MIXERS, suiteCells } from '../../../../benchmarks/peers/cases.js';
import { assertEqual, ratioInterval } from '../../../../benchmarks/peers/timing.js';

describe('a peer', () => {
  it('is refused for another loss, gradient or logit', () => {
    expect(() => assertEqual([9.01, 1.5], [9.0105, 1.5001])).not.toThrow();
    expect(() => assertEqual([9.01], [9.0105, 1.5])).not.toThrow();
    expect(() => assertEqual([9.02, 1.5], [9.01, 1.5])).toThrow(
      /expected what ours computes, \[9.01, 1.5\], got \[9.02, 1.5\]/,
    );
    expect(() => assertEqual([9.01, 1.501], [9.01, 1.5])).toThrow(/something else/);
    expect(() => assertEqual([Number.NaN, 1.5], [9.01, 1.5])).toThrow(/something else/);
    expect(() => assertEqual([], [9.01])).toThrow(/something else/);
    // Of logits an error counts against the largest.
    expect(() => assertEqual([1e-3, -2, 0.5], [1.1e-3, -2, 0.5])).not.toThrow();
    expect(() => assertEqual([2e-3, -2, 0.5], [1e-3, -2, 0.5])).toThrow(/something else/);
  });

  it('has a ratio with an interval that holds the truth about as often as it says', () => {
    const ours = [
      [10, 11, 12],
      [20, 21, 40],
      [9, 10, 11],
    ];
    expect(ratioInterval(ours, ours)).toEqual({ median: 1, low: 1, high: 1 });
    const twice = ours.map((round) => round.map((time) => 2 * time));
    const { median, low, high } = ratioInterval(twice, ours);
    expect(median).toBe(2);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    // Times without any noise leave no doubt, however much rounds differ.
    expect(ratioInterval([[30], [60]], [[10], [20]])).toEqual({ median: 3, low: 3, high: 3 });
  });
});

describe('the suite', () => {
  it('has every mixer in every pass, each cell once', () => {
    const cells = suiteCells();
    expect(new Set(cells.map(cellKey)).size).toBe(cells.length);
    for (const mixer of Object.keys(PEER_MIXERS)) {
      const kinds = new Set(cells.filter(({ one }) => one.mixer === mixer).map(({ one }) => one.kind));
      expect([...kinds].sort()).toEqual([...KINDS].sort());
      const sizes = cells.filter(({ one, field }) => one.mixer === mixer && one.kind === 'step' && field === 'fastest');
      expect(new Set(sizes.map(({ one }) => `${one.seqLen} ${one.dModel}`))).toEqual(
        new Set(['64 64', '256 64', '64 128', '256 128']),
      );
    }
  });
});
