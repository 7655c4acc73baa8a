import { mean } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import type { Evaluation } from '../runs/results.js';
import { judge } from './claims.js';
import type { Claim, FigurePoint } from './figure.js';
import { holdsBeyond, isBelow, isNear, lagsBehind, risesBeyond } from './perplexity-claims.js';

const TRAINED = 64;

/** Stretches of a test's text, some harder than others for every model. */
const HARDER = [-0.3, 0.3, -0.1, 0.1];

/** A test of a seed, whose losses differ along the text: between models they do so by `noise` alone. */
function test(seqLen: number, loss: number, noise: number): Evaluation {
  const byStretch = HARDER.map((more, index) => loss + more + (index % 2 === 0 ? noise : -noise));
  const likelihood = { exampleStd: 0.3, byPosition: [], byStretch };
  return { seqLen, loss, correct: 0, total: 4000, accuracy: 0, examples: 250, exampleStd: 0, likelihood };
}

type Perplexity = number | undefined | readonly number[];

/** Points of one row: perplexities by model, or those of its seeds, at 32, 64 (the training length), 128 and so on. */
function points(
  values: Readonly<Record<string, readonly Perplexity[] | 'diverged'>>,
  noise: Readonly<Record<string, number>> = {},
): FigurePoint[] {
  return Object.entries(values).flatMap(([model, perplexities]) =>
    (perplexities === 'diverged' ? [undefined, undefined, undefined] : perplexities).map((perplexity, index) => {
      const testLength = 32 * 2 ** index;
      const losses = perplexity === undefined ? [] : [perplexity].flat().map(Math.log);
      const tests = losses.map((loss) => test(testLength, loss, (index + 1) * (noise[model] ?? 0)));
      const value = Math.exp(mean(losses.length > 0 ? losses : [0]));
      return {
        row: 'R',
        column: 16,
        model,
        x: testLength,
        dModel: 16,
        trainLength: TRAINED,
        guess: 0,
        testLength,
        measured:
          perplexity === undefined
            ? undefined
            : ({ best: value, mean: { value, low: null, high: null }, tests } as unknown as FigurePoint['measured']),
        ...(perplexities === 'diverged' && { diverged: true as const }),
      };
    }),
  );
}

const about = (...models: string[]) => ({ models });
const verdict = (claim: Claim, data: readonly FigurePoint[]) => judge([claim], data)[0]!;
const status = (claim: Claim, data: readonly FigurePoint[]) => verdict(claim, data).status;

const data = points({ A: [9, 8, 8.2], B: [9.5, 8.5, 17], C: [9, 8.03, 9], D: 'diverged' }, { A: 2e-4 });
const OF_ONE = '; intervals over the test text, of one training each: another may differ by more';

describe('claims on perplexities', () => {
  it('compare at the training length, by more than half a percent', () => {
    expect(verdict(isBelow('A', about('B'), 'trained', 'S', 'T'), data)).toEqual({
      claim: 'T',
      source: 'S',
      status: 'holding',
      evidence: `A 8.000 at length 64, against B 8.500 (−5.9 % [−6.0, −5.8])${OF_ONE}`, // +- 3.182 x 0.00046 / sqrt 4
    });
    expect(verdict(isBelow('A', about('B', 'C'), 'trained', 'S', 'T'), data)).toMatchObject({
      status: 'not holding',
      evidence: `not at 1 of 2 points: A 8.000 at length 64, against C 8.030 (−0.4 % [−0.4, −0.3])${OF_ONE}`,
    });
    expect(status(isBelow('B', about('A'), 'trained', 'S', 'T'), data)).toBe('not holding');
  });

  it('compare beyond the training length', () => {
    expect(status(isBelow('A', about('B', 'C'), 'beyond', 'S', 'T'), data)).toBe('holding');
    expect(status(isBelow('C', about('A'), 'beyond', 'S', 'T'), data)).toBe('not holding');
    expect(status(isBelow('A', about('B'), 'beyond', 'S', 'T'), points({ A: [9, 8], B: [9, 8] }))).toBe('not measured');
  });

  it('let a model be above another by a share', () => {
    expect(status(isNear('B', about('A'), 'trained', 0.1, 'S', 'T'), data)).toBe('holding');
    expect(status(isNear('B', about('A'), 'trained', 0.05, 'S', 'T'), data)).toBe('not holding');
    expect(status(lagsBehind('B', about('A'), 'trained', 0.05, 'S', 'T'), data)).toBe('holding');
    expect(status(lagsBehind('B', about('A'), 'trained', 0.1, 'S', 'T'), data)).toBe('not holding');
  });

  it('take a model that diverged for measured, and for the worst', () => {
    expect(verdict(lagsBehind('D', about('A'), 'trained', 0.1, 'S', 'T'), data)).toMatchObject({
      status: 'holding',
      evidence: 'D diverged at length 64, against A 8.000',
    });
    expect(status(isBelow('A', about('D'), 'trained', 'S', 'T'), data)).toBe('holding');
    expect(status(isBelow('D', about('A'), 'trained', 'S', 'T'), data)).toBe('not holding');
    const none = points({ A: 'diverged', B: 'diverged' });
    for (const claim of [isNear, lagsBehind])
      expect(status(claim('A', about('B'), 'trained', 0.1, 'S', 'T'), none)).toBe('not holding');
    expect(verdict(holdsBeyond(0.05, about('A', 'D'), 'S', 'T'), data)).toMatchObject({
      status: 'not holding',
      evidence: 'D diverged',
    });
  });

  it('follow a model beyond its training length', () => {
    expect(status(holdsBeyond(0.05, about('A'), 'S', 'T'), data)).toBe('holding');
    expect(verdict(holdsBeyond(0.05, about('A', 'C'), 'S', 'T'), data)).toMatchObject({
      status: 'not holding',
      evidence: expect.stringMatching(/^not at 1 of 2 points: C 8\.030 at 64, 9\.000 \(\+12\.1 % \[.*\]\) at 128/),
    });
    expect(status(risesBeyond(0.5, about('B'), 'S', 'T'), data)).toBe('holding');
    expect(status(risesBeyond(0.5, about('B', 'C'), 'S', 'T'), data)).toBe('not holding');
  });

  it('say nothing of a model that has learned no more than simple ones, but that it lags', () => {
    const some = data.map((point) =>
      point.model === 'B' ? { ...point, measured: { ...point.measured!, learned: false as const } } : point,
    );
    expect(verdict(holdsBeyond(0.05, about('A', 'B'), 'S', 'T'), some)).toMatchObject({
      status: 'not measured',
      evidence: 'B learned no more than simple models of the text at this budget',
    });
    expect(status(isBelow('B', about('A'), 'trained', 'S', 'T'), some)).toBe('not measured');
    expect(status(isNear('A', about('B'), 'trained', 0.1, 'S', 'T'), some)).toBe('not measured');
    expect(status(lagsBehind('B', about('A'), 'trained', 0.05, 'S', 'T'), some)).toBe('holding');
    expect(status(isBelow('A', about('B'), 'trained', 'S', 'T'), some)).toBe('holding');
  });

  it('are not shown where the interval leaves it open', () => {
    const noisy = points({ A: [9, 8, 8.3], B: [9, 8.2, 17] }, { A: 0.02 }); // 8 / 8.2 is 1 / 1.025; +- 3.182 x 0.046 / 2
    expect(verdict(isBelow('A', about('B'), 'trained', 'S', 'T'), noisy)).toMatchObject({
      status: 'not shown',
      evidence: expect.stringContaining('not shown at 1 of 1 points: A 8.000 at length 64, against B 8.200 (−2.4 % ['),
    });
    expect(status(lagsBehind('B', about('A'), 'trained', 0.02, 'S', 'T'), noisy)).toBe('not shown');
    expect(status(holdsBeyond(0.05, about('A'), 'S', 'T'), noisy)).toBe('not shown');
  });

  it('go by several trainings where there are: models against each other, and each with itself', () => {
    const seeds = points({
      A: [9, [8, 8.4, 7.6], [8.1, 8.5, 7.7]],
      B: [9, [8.3, 8.5, 8.1], 17],
      C: [9, [9, 9.1, 9.2], 9],
    });
    const against = verdict(isBelow('A', about('B'), 'trained', 'S', 'T'), seeds);
    expect(against.status).toBe('not shown'); // trainings differ more than models
    expect(against.evidence).not.toContain('of one training');
    expect(status(isBelow('A', about('C'), 'trained', 'S', 'T'), seeds)).toBe('holding');
    expect(verdict(holdsBeyond(0.05, about('A'), 'S', 'T'), seeds)).toMatchObject({
      status: 'holding', // each is 1.2 to 1.3 % above itself
      evidence: expect.stringContaining('A 7.993 at 64, 8.093 (+1.3 % [1.1, 1.4]) at 128'),
    });
  });

  it('are not measured where a point is missing', () => {
    const some = points({ A: [9, 8, undefined], B: [9, 9, 9] });
    expect(status(isBelow('A', about('B'), 'beyond', 'S', 'T'), some)).toBe('not measured');
    expect(status(holdsBeyond(0.05, about('A', 'Z'), 'S', 'T'), data)).toBe('not measured');
  });
});
