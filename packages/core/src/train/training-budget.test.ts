import { describe, expect, it } from 'vitest';
import { examplesOf, tokenBudget } from './training-budget.js';

describe('tokenBudget', () => {
  const of = (tokens: number, evaluations?: number) => tokenBudget({ tokens, evaluations, batchSize: 4, seqLen: 25 });

  it('rounds up by less than an epoch, with as many evaluations as asked for or fewer', () => {
    expect(of(100_000, 10)).toEqual({ epochs: 10, stepsPerEpoch: 100 });
    expect(of(1)).toEqual({ epochs: 1, stepsPerEpoch: 1 });
    expect(of(1_100, 10)).toEqual({ epochs: 6, stepsPerEpoch: 2 }); // 11 steps: not 20
    for (let tokens = 1; tokens < 6_000; tokens += 37) {
      for (const evaluations of [1, 3, 10, 1_000]) {
        const { epochs, stepsPerEpoch } = of(tokens, evaluations);
        expect(epochs).toBeLessThanOrEqual(evaluations);
        expect(epochs * stepsPerEpoch).toBeGreaterThanOrEqual(tokens / 100);
        expect((epochs - 1) * stepsPerEpoch).toBeLessThan(tokens / 100);
      }
    }
  });

  it('counts whole examples, one at least', () => {
    expect([examplesOf(99, 25), examplesOf(1, 25)]).toEqual([3, 1]);
  });
});
