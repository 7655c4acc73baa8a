import { describe, expect, it } from 'vitest';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { chooseLearningRate } from '../report/learning-rate.js';
import type { RunRecord } from './results.js';
import { followSearch, kept, unneededRuns } from './search.js';

const RATES = [0.03, 0.01, 0.003, 0.001];

interface Curve {
  /** Validation accuracy at the end of each epoch there is. */
  readonly accuracies: readonly number[];
  readonly diverged?: boolean;
}

/** Runs at seed 0 in a search with rungs at epochs 1 and 2 of 3, by learning rate. */
function runs(curves: Readonly<Record<number, Curve>>, more: object = {}, measure?: 'likelihood'): RunRecord[] {
  return Object.entries(curves).map(([rate, { accuracies, diverged }]) => {
    const learningRate = Number(rate);
    const validation = accuracies.at(-1) ?? 0;
    const whole = sampleRun({
      learningRate,
      validation,
      ...(diverged && { failure: 'no finite loss' }),
      ...(measure && { measure }),
    });
    const { epochs: of } = sampleRun();
    const epochs = accuracies.map((validationAccuracy, index) => {
      return { ...of[index]!, validationAccuracy, validationLoss: 6 * (1 - validationAccuracy) };
    });
    const search = { rates: RATES, rungs: [1, 2], keep: 0.5, seed: 0 };
    const config = { ...whole.config, train: { ...whole.config.train, epochs: 3 }, search, ...more };
    return { ...whole, config, epochs, result: diverged || accuracies.length === 3 ? whole.result : undefined };
  });
}

const standings = (all: readonly RunRecord[]) =>
  Object.fromEntries(
    [...followSearch(all)!.standings].map(([rate, standing]) => [
      rate,
      'message' in standing ? standing.message : 'until' in standing ? `until ${standing.until}` : standing.kind,
    ]),
  );

describe('followSearch', () => {
  it('is none where no run asks for one', () => {
    expect(followSearch([sampleRun()])).toBeUndefined();
  });

  it('trains every rate to the first rung, those that nobody has begun too', () => {
    expect(standings(runs({ 0.03: { accuracies: [0.5] }, 0.01: { accuracies: [] } }))).toEqual({
      0.001: 'until 1',
      0.003: 'until 1',
      0.01: 'until 1',
      0.03: 'waiting',
    });
  });

  it('lets the best half go on from rung to rung, and the best of the end be chosen', () => {
    const first = { 0.03: { accuracies: [0.1] }, 0.01: { accuracies: [0.3] }, 0.003: { accuracies: [0.2] } };
    const all = { ...first, 0.001: { accuracies: [0] } };
    const left = {
      0.001: 'left out at epoch 1: 0 % where the best had 30.0 %',
      0.03: 'left out at epoch 1: 10.0 % where the best had 30.0 %',
    };
    expect(standings(runs(all))).toEqual({ ...left, 0.003: 'until 2', 0.01: 'until 2' });
    const second = { ...all, 0.01: { accuracies: [0.3, 0.4] }, 0.003: { accuracies: [0.2, 0.6] } };
    const third = { ...left, 0.01: 'left out at epoch 2: 40.0 % where the best had 60.0 %' };
    expect(standings(runs(second))).toEqual({ ...third, 0.003: 'until undefined' });
    const end = runs({ ...second, 0.003: { accuracies: [0.2, 0.6, 0.7] } });
    expect(standings(end)).toEqual({ ...third, 0.003: 'finished' });
    expect(followSearch(end)?.chosen).toBe(0.003);
    // Whatever a rate that was left out comes to elsewhere, and whatever is best of another seed.
    const later = runs({ ...second, 0.003: { accuracies: [0.2, 0.6, 0.7] }, 0.03: { accuracies: [0.1, 0.9, 1] } });
    const elsewhere = sampleRun({ learningRate: 0.01, seed: 1, validation: 1 });
    expect(chooseLearningRate([...later, elsewhere])).toEqual({ learningRate: 0.003, incomplete: [] });
  });

  it('chooses as a sweep of the same runs would where several come to the end, the lower rate among equals', () => {
    const curves = (at: readonly number[]) =>
      Object.fromEntries(RATES.map((rate, index) => [rate, { accuracies: [0.1, 0.1, at[index]!] }]));
    for (const at of [
      [0.5, 0.6, 0.7, 0.6],
      [0.9, 0.6, 0.7, 0.6],
      [0.7, 0.7, 0.7, 0.7],
      [0, 0, 0, 0],
    ]) {
      const all = runs(curves(at), { search: { rates: RATES, rungs: [1, 2], keep: 0.99, seed: 0 } });
      const plain = all.map((run) => ({ ...run, config: { ...run.config, search: undefined } }));
      expect(followSearch(all)?.chosen).toBe(chooseLearningRate(plain)!.learningRate);
    }
  });

  it('lets one that has diverged be the worst, and knows where all have', () => {
    const all = { 0.03: { accuracies: [], diverged: true }, 0.01: { accuracies: [0] }, 0.003: { accuracies: [0] } };
    const { 0.03: diverged, ...others } = standings(runs({ ...all, 0.001: { accuracies: [0], diverged: true } }));
    expect(diverged).toBe('left out at epoch 1: diverged where the best had 0 %');
    expect(others).toEqual({
      0.001: 'waiting', // it diverged after the first rung, where it was as good as any, and has its place at the next
      0.003: 'until 2',
      0.01: 'left out at epoch 1: 0 %, as the best had, at a higher rate',
    });
    const lost = Object.fromEntries(RATES.map((rate) => [rate, { accuracies: [], diverged: true }]));
    expect(standings(runs(lost))).toEqual(Object.fromEntries(RATES.map((rate) => [rate, 'diverged'])));
    expect(followSearch(runs(lost))?.chosen).toBeUndefined();
  });

  it('lets a rate that is enough go on alone', () => {
    const all = { 0.03: { accuracies: [0.1] }, 0.01: { accuracies: [0.93] }, 0.003: { accuracies: [0.91] } };
    expect(standings(runs({ ...all, 0.001: { accuracies: [0] } }, { enoughAt: 0.9 }))).toMatchObject({
      0.003: 'left out at epoch 1: 91.0 % where the best had 93.0 %',
      0.01: 'until undefined',
    });
  });

  it('says by which loss one that looks as good is left out', () => {
    const all = { 0.03: { accuracies: [1] }, 0.01: { accuracies: [1] }, 0.003: { accuracies: [1] } };
    const losses = new Map([0.03, 0.01, 0.003, 0.001].map((rate, index) => [rate, 0.1 * (index + 1)]));
    const judged = runs({ ...all, 0.001: { accuracies: [1] } }, { enoughAt: 0.9 }).map((run) => ({
      ...run,
      epochs: run.epochs.map((epoch) => ({ ...epoch, validationLoss: losses.get(run.config.learningRate)! })),
    }));
    expect(standings(judged)).toMatchObject({
      0.01: 'left out at epoch 1: 100 %, as the best had, at a loss of 0.200 where that had 0.100',
      0.03: 'until undefined',
    });
  });

  it('goes by the loss alone where that is what counts', () => {
    const all = { 0.03: { accuracies: [0.1] }, 0.01: { accuracies: [0.5] }, 0.003: { accuracies: [0.2] } };
    const judged = runs({ ...all, 0.001: { accuracies: [0.4] } }, {}, 'likelihood').map((run) => ({
      ...run,
      epochs: run.epochs.map((epoch) => ({ ...epoch, validationLoss: epoch.validationAccuracy })),
    }));
    expect(standings(judged)).toMatchObject({
      0.01: 'left out at epoch 1: 0.500 nats where the best had 0.100 nats',
      0.03: 'until 2',
      0.003: 'until 2',
    });
  });
});

it('keeps a share rounded up, and one at least', () => {
  expect([kept(5, 0.5), kept(1, 0.5), kept(30, 0.1), kept(3, 0.01)]).toEqual([3, 1, 3, 1]);
});

describe('unneededRuns', () => {
  const reasons = (group: readonly RunRecord[]) =>
    [...unneededRuns(group)].map(([{ config }, reason]) => [config.learningRate, config.seed, reason]);

  it('are those that a search has left out, and other seeds of rates that it has not chosen', () => {
    const trials = runs({
      0.03: { accuracies: [0.1] },
      0.01: { accuracies: [0.3, 0.4] },
      0.003: { accuracies: [0.2, 0.6, 0.7] },
      0.001: { accuracies: [0] },
    });
    const seeds = trials.map((run) => ({ ...run, config: { ...run.config, seed: 1 }, epochs: [], result: undefined }));
    const chosen = 'the search has chosen the learning rate 0.003';
    const byRate = (a: unknown[], b: unknown[]) => Number(a[1]) - Number(b[1]) || Number(a[0]) - Number(b[0]);
    expect(reasons([...trials, ...seeds]).sort(byRate)).toEqual([
      [0.001, 0, expect.stringContaining('left out at epoch 1')],
      [0.01, 0, expect.stringContaining('left out at epoch 2')],
      [0.03, 0, expect.stringContaining('left out at epoch 1')],
      [0.001, 1, chosen],
      [0.01, 1, chosen],
      [0.03, 1, chosen],
    ]);
  });

  it('are those after a rate that was good enough, unless they are done', () => {
    const at = (learningRate: number, validation: number | undefined) => {
      const run = sampleRun({ learningRate, validation: validation ?? 0 });
      return {
        ...run,
        config: { ...run.config, enoughAt: 0.9 },
        result: validation === undefined ? undefined : run.result,
      };
    };
    const later = [at(0.003, undefined), at(0.001, 0.2)];
    expect(reasons([at(0.03, undefined), at(0.01, 0.95), ...later])).toEqual([
      [0.003, 0, 'solved at a learning rate before'],
    ]);
    expect(reasons([at(0.01, 0.85), ...later])).toEqual([]);
  });
});
