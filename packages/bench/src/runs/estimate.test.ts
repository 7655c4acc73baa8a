import { describe, expect, it } from 'vitest';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { estimateSeconds } from './estimate.js';

/** A run of so many FLOPs. */
const planned = (label: string, flops: number) =>
  ({
    config: { label, train: { batchSize: 1, stepsPerEpoch: 1, epochs: 1 } },
    task: { seqLen: 1, labelsPerExample: 1 },
    model: { flops: () => flops },
  }) as unknown as PlannedRun;

describe('estimateSeconds', () => {
  it('knows nothing before the first run has finished', () => {
    expect(estimateSeconds([], [planned('A', 1)], 1)).toBeUndefined();
  });

  it('scales what a model took to its other sizes, and takes the mean pace for a model not seen', () => {
    const finished = [
      { run: planned('A', 10), seconds: 20 },
      { run: planned('B', 10), seconds: 40 },
    ];
    expect(estimateSeconds(finished, [planned('A', 30)], 1)).toBe(60);
    expect(estimateSeconds(finished, [planned('C', 10)], 1)).toBe(30);
    expect(estimateSeconds(finished, [], 1)).toBe(0);
  });

  it('shares runs among workers, no faster than the longest run', () => {
    const finished = [{ run: planned('A', 1), seconds: 1 }];
    expect(estimateSeconds(finished, [planned('A', 4), planned('A', 4)], 2)).toBe(4);
    expect(estimateSeconds(finished, [planned('A', 9), planned('A', 1)], 2)).toBe(9);
  });
});
