import { describe, expect, it } from 'vitest';
import { judge } from './claims.js';
import type { Claim, FigurePoint } from './figure.js';
import { holdsBeyond, isBelow, isNear, lagsBehind, risesBeyond } from './perplexity-claims.js';

const TRAINED = 64;

/** Points of one row: perplexities by model at 32, 64 (the training length), 128 and so on. */
function points(values: Readonly<Record<string, readonly (number | undefined)[] | 'diverged'>>): FigurePoint[] {
  return Object.entries(values).flatMap(([model, perplexities]) =>
    (perplexities === 'diverged' ? [undefined, undefined, undefined] : perplexities).map((best, index) => ({
      row: 'R',
      column: 16,
      model,
      x: 32 * 2 ** index,
      dModel: 16,
      trainLength: TRAINED,
      testLength: 32 * 2 ** index,
      measured: best === undefined ? undefined : ({ best } as FigurePoint['measured']),
      ...(perplexities === 'diverged' && { diverged: true as const }),
    })),
  );
}

const about = (...models: string[]) => ({ models });
const verdict = (claim: Claim, data: readonly FigurePoint[]) => judge([claim], data)[0]!;
const status = (claim: Claim, data: readonly FigurePoint[]) => verdict(claim, data).status;

const data = points({ A: [9, 8, 8.2], B: [9.5, 8.5, 17], C: [9, 8.03, 9], D: 'diverged' });

describe('claims on perplexities', () => {
  it('compare at the training length, by more than half a percent', () => {
    expect(verdict(isBelow('A', about('B'), 'trained', 'S', 'T'), data)).toEqual({
      claim: 'T',
      source: 'S',
      status: 'holding',
      evidence: 'A 8.000, B 8.500 at length 64',
    });
    expect(verdict(isBelow('A', about('B', 'C'), 'trained', 'S', 'T'), data)).toMatchObject({
      status: 'not holding',
      evidence: 'not at 1 of 2 points: A 8.000, C 8.030 at length 64',
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
      evidence: 'D diverged, A 8.000 at length 64',
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
      evidence: 'most above its own at the training length: C 8.030 at 64, 9.000 at 128',
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

  it('are not measured where a point is missing', () => {
    const some = points({ A: [9, 8, undefined], B: [9, 9, 9] });
    expect(status(isBelow('A', about('B'), 'beyond', 'S', 'T'), some)).toBe('not measured');
    expect(status(holdsBeyond(0.05, about('A', 'Z'), 'S', 'T'), data)).toBe('not measured');
  });
});
