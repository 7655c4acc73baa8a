/**
 * Intervals for what runs measure.
 *
 * Sources: [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
 * [2] E. L. Korn, B. I. Graubard, Confidence intervals for proportions with small expected number of positive counts
 * estimated from survey data, Survey Methodology 24 (1998): Wilson's interval with the effective sample size, because
 * the positions of one example are not independent of each other.
 */
import jstat from 'jstat';
import { mean, sampleStandardDeviation, sampleVariance, sum } from 'simple-statistics';
import type { Answers } from '../runs/results.js';

/** An estimate with the ends of its 95 % confidence interval; both are null where nothing can be said. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

const UPPER = 0.975;
const Z = jstat.normal.inv(UPPER, 0, 1);

/**
 * Accuracy of one evaluation with Wilson's 95 % interval [1]. The sample size is the number of labelled positions
 * divided by the design effect: the variance of the accuracy between examples over what independent positions would
 * give [2]. At 0 % and 100 % no variance can be estimated, and the positions count as independent.
 */
export function accuracyEstimate({ correct, total, examples, exampleStd }: Omit<Answers, 'accuracy'>): Estimate {
  if (total === 0) return { value: Number.NaN, low: null, high: null };
  const p = correct / total;
  const independent = (p * (1 - p)) / total;
  const clustered = exampleStd ** 2 / Math.max(1, examples);
  const designEffect = independent > 0 ? Math.max(1, clustered / independent) : 1;
  return wilson(p, total / designEffect);
}

/** Wilson's 95 % interval of a proportion `p` seen in `n` independent trials [1]. */
export function wilson(p: number, n: number): Estimate {
  const centre = p + Z ** 2 / (2 * n);
  const spread = Z * Math.sqrt((p * (1 - p)) / n + Z ** 2 / (4 * n ** 2));
  const scale = 1 + Z ** 2 / n;
  return {
    value: p,
    low: Math.max(0, Math.min(p, (centre - spread) / scale)),
    high: Math.min(1, Math.max(p, (centre + spread) / scale)),
  };
}

/**
 * Mean accuracy over the seeds of a model, with Student's 95 % interval of the mean. Seeds that happen to agree would
 * give an interval of no width, so it reaches at least as far as the interval of their test examples taken together.
 * One seed has the interval of its examples alone.
 */
export function meanAccuracy(evaluations: readonly Answers[]): Estimate {
  const n = evaluations.length;
  const accuracies = evaluations.map(({ accuracy }) => accuracy);
  const sum = (pick: (evaluation: Answers) => number) => evaluations.reduce((total, one) => total + pick(one), 0);
  const examples = accuracyEstimate({
    correct: sum(({ correct }) => correct),
    total: sum(({ total }) => total),
    examples: sum((one) => one.examples),
    exampleStd: Math.sqrt(sum((one) => one.exampleStd ** 2) / n),
  });
  if (n < 2) return examples;
  const value = mean(accuracies);
  const half = (jstat.studentt.inv(UPPER, n - 1) * sampleStandardDeviation(accuracies)) / Math.sqrt(n);
  return {
    value,
    low: Math.max(0, Math.min(value - half, examples.low ?? value)),
    high: Math.min(1, Math.max(value + half, examples.high ?? value)),
  };
}

/** A difference of two accuracies: `b - a` with its 95 % interval and two-sided p-value. */
export interface Difference extends Estimate {
  readonly p: number;
  /** `seeds`: Welch's test over seeds. `examples`: z-test over test examples; it speaks of these trained models only. */
  readonly by: 'seeds' | 'examples';
}

/**
 * Compares the accuracies of two models, each trained with some seeds: by Welch's t-test where both have two seeds or
 * more that differ, else by a z-test over their test examples.
 */
export function compareAccuracies(a: readonly Answers[], b: readonly Answers[]): Difference {
  const [x, y] = [a, b].map((evaluations) => evaluations.map(({ accuracy }) => accuracy)) as [number[], number[]];
  const value = mean(y) - mean(x);
  const over = [x, y].map((accuracies) =>
    accuracies.length < 2 ? Number.NaN : sampleVariance(accuracies) / accuracies.length,
  );
  const variance = sum(over);
  if (variance > 0) {
    const freedom = variance ** 2 / sum(over.map((part, index) => part ** 2 / ([x, y][index]!.length - 1)));
    const error = Math.sqrt(variance);
    const p = 2 * (1 - jstat.studentt.cdf(Math.abs(value) / error, freedom));
    return { ...around(value, jstat.studentt.inv(UPPER, freedom) * error), p, by: 'seeds' };
  }
  const error = Math.sqrt(sum([a, b].map(examplesVariance)));
  return { ...around(value, Z * error), p: value === 0 ? 1 : jstat.ztest(value, 0, error, 2), by: 'examples' };
}

const around = (value: number, half: number): Estimate => ({ value, low: value - half, high: value + half });

/** Variance of the mean accuracy over examples, not less than independent positions with one more hit and miss give. */
function examplesVariance(evaluations: readonly Answers[]): number {
  const total = sum(evaluations.map((one) => one.total));
  const p = (sum(evaluations.map(({ correct }) => correct)) + 1) / (total + 2);
  const clustered =
    mean(evaluations.map((one) => one.exampleStd ** 2)) / sum(evaluations.map(({ examples }) => examples));
  return Math.max(clustered, (p * (1 - p)) / (total + 2));
}

/** p-values corrected for their number (S. Holm, A simple sequentially rejective multiple test procedure, 1979). */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const corrected = new Array<number>(pValues.length);
  let largest = 0;
  for (const [rank, { p, index }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * p));
    corrected[index] = largest;
  }
  return corrected;
}
