import { describe, expect, test } from 'vitest';
import { sampleRun } from './__fixtures__/sample-run.js';
import { compareRuns } from './compare.js';
import { compareAccuracies, holm } from './statistics.js';

const evaluation = (accuracy: number, exampleStd = 0.1) => ({
  seqLen: 64,
  correct: Math.round(accuracy * 1600),
  total: 1600,
  accuracy,
  loss: 1,
  examples: 100,
  exampleStd,
});

describe('compareAccuracies', () => {
  test("is Welch's test over seeds", () => {
    // Expected by scipy.stats.ttest_ind([0.8, 0.82, 0.84], [0.9, 0.93, 0.99], equal_var=False).
    const difference = compareAccuracies(
      [0.8, 0.82, 0.84].map((x) => evaluation(x)),
      [0.9, 0.93, 0.99].map((x) => evaluation(x)),
    );
    expect(difference.by).toBe('seeds');
    expect(difference.value).toBeCloseTo(0.12, 10);
    expect(difference.p).toBeCloseTo(0.0302356525, 6);
  });

  test('of one seed each speaks of the examples', () => {
    const clear = compareAccuracies([evaluation(0.5)], [evaluation(0.6)]);
    expect(clear).toMatchObject({ by: 'examples' });
    expect(clear.p).toBeLessThan(1e-6);
    expect(clear.low).toBeGreaterThan(0);
    expect(compareAccuracies([evaluation(0.5)], [evaluation(0.51)]).p).toBeGreaterThan(0.3);
    expect(compareAccuracies([evaluation(1, 0)], [evaluation(1, 0)]).p).toBe(1);
    expect(compareAccuracies([evaluation(0, 0)], [evaluation(1, 0)]).p).toBeLessThan(1e-6);
  });
});

test('holm corrects in order and stays monotone', () => {
  expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
});

describe('compareRuns', () => {
  const runs = (label: string, accuracy: number, dModel = 64) =>
    [0, 1, 2].map((seed) =>
      sampleRun({ label, seed, dModel, accuracies: [accuracy + seed / 100, accuracy / 2, accuracy / 4] }),
    );

  test('pairs models in the same setting, length by length', () => {
    const { comparisons, onlyA, onlyB } = compareRuns(
      [...runs('CAT', 0.5), ...runs('Other', 0.5)],
      [...runs('CAT', 0.9), ...runs('CAT', 0.9, 32)],
    );
    expect(comparisons.map(({ model, seqLen }) => [model, seqLen])).toEqual([
      ['CAT', 64],
      ['CAT', 128],
      ['CAT', 256],
    ]);
    expect(comparisons[0]?.difference).toMatchObject({ by: 'seeds' });
    expect(comparisons[0]?.difference.value).toBeCloseTo(0.4, 10);
    expect(comparisons[0]?.difference.p).toBeLessThan(0.001);
    expect(onlyA).toEqual(['Other, mqar, d 64, L 64']);
    expect(onlyB).toEqual(['CAT, mqar, d 32, L 64']);
  });

  test('says what the tasks of the two differ in', () => {
    const withPairs = (numKvPairs: number) =>
      runs('CAT', 0.5).map((run) => ({
        ...run,
        config: { ...run.config, task: { ...run.config.task, config: { seqLen: 64, numKvPairs } } },
      }));
    expect(compareRuns(withPairs(16), withPairs(8)).comparisons[0]?.setting).toBe(
      'mqar, d 64, L 64, numKvPairs 16 → 8',
    );
  });

  test('compares two single models whatever their names', () => {
    expect(compareRuns(runs('One', 0.5), runs('Two', 0.6)).comparisons[0]?.model).toBe('One → Two');
  });
});
