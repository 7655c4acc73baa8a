import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../runs/results.js';
import { sampleConfig, sampleRun } from './__fixtures__/sample-run.js';
import { chooseLearningRate } from './learning-rate.js';

/** Runs by learning rate: validation accuracy at seed 0, 1, …; a hole is a run that is not there. */
function runs(byRate: Readonly<Record<number, readonly (number | undefined)[]>>, enoughAt?: number): RunRecord[] {
  return Object.entries(byRate).flatMap(([rate, accuracies]) =>
    accuracies.flatMap((validation, seed) => {
      if (validation === undefined) return [];
      const run = sampleRun({ learningRate: Number(rate), seed, validation });
      return [{ ...run, config: { ...run.config, ...(enoughAt === undefined ? {} : { enoughAt }) } }];
    }),
  );
}

describe('chooseLearningRate', () => {
  it('takes the best mean over seeds, and among equals the lowest rate', () => {
    expect(chooseLearningRate(runs({ 0.1: [0.9, 0.5], 0.01: [0.8, 0.8] }))).toEqual({
      learningRate: 0.01,
      incomplete: [],
    });
    expect(chooseLearningRate(runs({ 0.1: [0.5], 0.01: [0.5] }))?.learningRate).toBe(0.01);
    expect(chooseLearningRate([sampleRun({ partial: true })])).toBeUndefined();
  });

  it('compares rates of a stopped sweep on the seeds they share', () => {
    // Seed 1 is hard: the mean of two seeds of the better rate is below the one seed of the other.
    expect(chooseLearningRate(runs({ 0.1: [0.9, 0.3], 0.01: [0.8, undefined] }))).toEqual({
      learningRate: 0.1,
      incomplete: [{ learningRate: 0.01, seeds: [1] }],
    });
    // More seeds alone do not make a rate better.
    expect(chooseLearningRate(runs({ 0.1: [0.2, 0.2], 0.01: [0.9, undefined] }))?.learningRate).toBe(0.01);
    expect(chooseLearningRate(runs({ 0.1: [0.5, undefined], 0.01: [undefined, 0.9] }))?.learningRate).toBe(0.01);
  });

  it('knows the seeds that are planned, and those that are under way', () => {
    const planned: RunRecord = {
      ...sampleRun({ partial: true }),
      config: sampleConfig({ learningRate: 0.01, seed: 2 }),
    };
    expect(chooseLearningRate([...runs({ 0.1: [0.9, 0.9], 0.01: [0.8] }), planned])?.incomplete).toEqual([
      { learningRate: 0.01, seeds: [1, 2] },
      { learningRate: 0.1, seeds: [2] },
    ]);
  });

  it('counts a run that diverged as nothing right, and one that failed otherwise not at all', () => {
    const failed = sampleRun({ learningRate: 0.1, seed: 2, failure: 'NaN' });
    const others = runs({ 0.1: [0.9, 0.9], 0.01: [0.8, 0.8, 0.8] });
    expect(chooseLearningRate([...others, failed])?.learningRate).toBe(0.01);
    const full = { ...failed, result: { ...failed.result!, code: 'ENOSPC' } } as RunRecord;
    expect(chooseLearningRate([...others, full])).toEqual({
      learningRate: 0.1,
      incomplete: [{ learningRate: 0.1, seeds: [2] }],
    });
  });

  it('does not let a rate stand for a model that was spared at the seeds another had solved', () => {
    const solved = { 0.1: [0.999, 0.5, 0.999], 0.01: [undefined, 0.9, undefined] };
    expect(chooseLearningRate(runs(solved, 0.99))).toEqual({ learningRate: 0.1, incomplete: [] });
    expect(chooseLearningRate(runs(solved))?.learningRate).toBe(0.01);
  });
});
