import { describe, expect, it } from 'vitest';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { groupEntries } from '../report/entries.js';
import { judge } from './claims.js';
import { experiments } from './experiments.js';
import type { TrainedFigure } from './figure.js';
import { figurePoints } from './points.js';
import { hasNarrowerWindow } from './rate-claims.js';

const figure: TrainedFigure = {
  id: 'rates',
  title: 'Rates',
  caption: 'Made up.',
  x: 'learningRate',
  rows: [{ title: 'R', experiment: experiments['learning-rate'], models: ['A', 'B'] }],
  claims: [],
};
const RATES = [0.001, 0.003, 0.01, 0.03];

/** Accuracies by rate; null: its run diverged. */
function pointsOf(accuracies: Readonly<Record<string, readonly (number | null)[]>>) {
  const runs = Object.entries(accuracies).flatMap(([label, values]) =>
    values.map((value, index) =>
      sampleRun({
        label,
        experiment: 'learning-rate-quick',
        learningRate: RATES[index]!,
        ...(value === null ? { failure: 'loss is NaN at step 3' } : { accuracies: [value, 0.1, 0.1] }),
      }),
    ),
  );
  return figurePoints(figure, 'quick', groupEntries(runs));
}

const judged = (accuracies: Parameters<typeof pointsOf>[0]) =>
  judge([hasNarrowerWindow('A', 'B', 'S', 'T')], pointsOf(accuracies))[0]!;

describe('points along learning rates', () => {
  it('are of the runs at each rate, also of the worse ones', () => {
    const points = pointsOf({ A: [0.5, 0.9, 0.7], B: [0.4, 0.4, null] });
    expect(points.map(({ model, x, testLength }) => [model, x, testLength])).toEqual(
      ['A', 'B'].flatMap((model) => RATES.slice(0, 3).map((rate) => [model, rate, 64])),
    );
    expect(points.map(({ measured }) => measured?.mean.value)).toEqual([0.5, 0.9, 0.7, 0.4, 0.4, undefined]);
    expect(points.at(-1)!.diverged).toBe(true);
  });
});

describe('hasNarrowerWindow', () => {
  it('compares the factors between the lowest and the highest good rate', () => {
    expect(judged({ A: [0.2, 0.9, 0.86, 0.2], B: [0.96, 1, 1, 0.97] })).toMatchObject({
      status: 'holding',
      evidence: expect.stringMatching(
        /^A: 0\.003 to 0\.01, a factor of 3\.3 \(best 90\.0 % \[.*\] at 0\.003\); B: 0\.001 to 0\.03, a factor of 30 or more \(best 100 %/,
      ),
    });
    expect(judged({ A: [0.96, 1, 1, 0.97], B: [0.2, 0.9, 0.86, 0.2] }).status).toBe('not holding');
    expect(judged({ A: [1, 1, 1, 1], B: [1, 1, 1, 1] }).status).toBe('not holding');
  });

  it('takes a rate that diverged as one that is not good', () => {
    expect(judged({ A: [0.2, 0.9, 0.9, null], B: [0.9, 0.9, 0.9, 0.9] })).toMatchObject({
      status: 'holding',
      evidence: expect.stringContaining('A: 0.003 to 0.01'),
    });
    expect(judged({ A: [0.9, null, null, null], B: [0.9, 0.9, null, null] }).evidence).toMatch(
      /^A: 0\.001 alone, a factor of 1 or more/,
    );
  });

  it('is not measured where a model has learned nothing, or a rate is missing', () => {
    expect(judged({ A: [0.1, 0.1, 0.1, 0.1], B: [1, 1, 1, 1] }).status).toBe('not measured');
    expect(judged({ A: [1, 1, 1, 1], B: [] }).status).toBe('not measured');
  });
});
