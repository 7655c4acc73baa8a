/**
 * Intervals for what runs measure.
 *
 * Sources: [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
 * [2] E. L. Korn, B. I. Graubard, Confidence intervals for proportions with small expected number of positive counts
 * estimated from survey data, Survey Methodology 24 (1998): Wilson's interval with the effective sample size, because
 * the positions of one example are not independent of each other, nor are examples that repeat.
 */
import jstat from 'jstat';
import { mean, sampleStandardDeviation, sampleVariance, sum } from 'simple-statistics';
import type { Answers, Evaluation } from '../runs/results.js';

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
 * give [2]. At 0 % and 100 % no variance can be estimated, and the positions count as independent. Examples that repeat
 * count for as many as differ.
 */
export function accuracyEstimate(answers: Omit<Answers, 'accuracy'>): Estimate {
  const { correct, total, exampleStd } = answers;
  if (total === 0) return { value: Number.NaN, low: null, high: null };
  const { examples, positions } = informative(answers);
  const p = correct / total;
  const independent = (p * (1 - p)) / positions;
  const clustered = exampleStd ** 2 / Math.max(1, examples);
  const designEffect = independent > 0 ? Math.max(1, clustered / independent) : 1;
  return wilson(p, positions / designEffect);
}

/** Examples, and labelled positions in them, that an interval may count on. */
function informative({ total, examples, repeats }: Omit<Answers, 'accuracy'>) {
  return repeats
    ? { examples: repeats.effective, positions: (total * repeats.effective) / examples }
    : { examples, positions: total };
}

/** The evaluations of several seeds as one. */
function pool(evaluations: readonly Answers[]): Omit<Answers, 'accuracy'> {
  const total = (pick: (evaluation: Answers) => number) => sum(evaluations.map(pick));
  const examples = total((one) => one.examples);
  const pooled = {
    correct: total(({ correct }) => correct),
    total: total((one) => one.total),
    examples,
    exampleStd: Math.sqrt(mean(evaluations.map((one) => one.exampleStd ** 2))),
  };
  const repeating = evaluations.flatMap(({ repeats }) => repeats ?? []);
  if (repeating.length === 0) return pooled;
  // Every seed draws from the same few examples: that two draws agree stays as likely, and more draws do not help.
  const agree = mean(evaluations.map((one) => (one.repeats ? 1 / one.repeats.effective - 1 / one.examples : 0)));
  const repeats = {
    distinct: Math.max(...repeating.map(({ distinct }) => distinct)),
    effective: 1 / (1 / examples + agree),
  };
  return { ...pooled, repeats };
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
  const examples = accuracyEstimate(pool(evaluations));
  if (n < 2) return examples;
  const value = mean(accuracies);
  const half = studentHalf(accuracies);
  return {
    value,
    low: Math.max(0, Math.min(value - half, examples.low ?? value)),
    high: Math.min(1, Math.max(value + half, examples.high ?? value)),
  };
}

/**
 * Mean loss over the seeds of a model, nats, with Student's 95 % interval of the mean: of what another training would give on the
 * same text, which every seed is tested on. One seed has the interval of its test examples: of what other text would give.
 */
export function meanLoss(evaluations: readonly Evaluation[]): Estimate {
  const losses = evaluations.map(({ loss }) => loss);
  const value = mean(losses);
  const half = losses.length > 1 ? studentHalf(losses) : Z * Math.sqrt(lossVariance(evaluations));
  return Number.isFinite(half) ? around(value, half) : { value, low: null, high: null };
}

const studentHalf = (values: readonly number[]) =>
  (jstat.studentt.inv(UPPER, values.length - 1) * sampleStandardDeviation([...values])) / Math.sqrt(values.length);

/** Variance of a mean loss over test examples, which all evaluations share; NaN where a record does not tell. */
function lossVariance(evaluations: readonly Evaluation[]): number {
  return mean(evaluations.map(({ likelihood, examples }) => (likelihood?.exampleStd ?? Number.NaN) ** 2 / examples));
}

/** A difference of two accuracies or losses: `b - a` with its 95 % interval and two-sided p-value. */
export interface Difference extends Estimate {
  readonly p: number;
  /**
   * `seeds`: over trainings. `text`: t-test over stretches of the test text, paired. `examples`: z-test over test examples. The
   * last two speak of these trained models only.
   */
  readonly by: 'seeds' | 'text' | 'examples';
}

/**
 * Compares the accuracies of two models, each trained with some seeds: by Welch's t-test where both have two seeds or
 * more that differ, else by a z-test over their test examples.
 */
export function compareAccuracies(a: readonly Answers[], b: readonly Answers[]): Difference {
  const [x, y] = [a, b].map((answers) => answers.map(({ accuracy }) => accuracy)) as [number[], number[]];
  return welch(x, y) ?? overExamples(mean(y) - mean(x), sum([a, b].map(examplesVariance)));
}

/**
 * Compares the losses of two models, each trained with some seeds: by Welch's t-test as {@link compareAccuracies} (seeds are few:
 * in degrees of freedom pairs would cost more than they gain), else over the test text.
 * @param sameText whether all were tested on the same: then stretch by stretch, where the records tell of these.
 */
export function compareLosses(a: readonly Evaluation[], b: readonly Evaluation[], sameText: boolean): Difference {
  const [x, y] = [a, b].map(lossesOf) as [number[], number[]];
  return welch(x, y) ?? overText(a, b, sameText);
}

/** Compares two tests of the same trainings, in the same order, on the same text: paired by training where there are several. */
export function compareTests(a: readonly Evaluation[], b: readonly Evaluation[]): Difference {
  const [x, y] = [a, b].map(lossesOf) as [number[], number[]];
  return paired(x, y, mean(y) - mean(x), 'seeds') ?? overText(a, b, true);
}

const lossesOf = (evaluations: readonly Evaluation[]) => evaluations.map(({ loss }) => loss);

function overText(a: readonly Evaluation[], b: readonly Evaluation[], sameText: boolean): Difference {
  const value = mean(lossesOf(b)) - mean(lossesOf(a));
  const [x, y] = [a, b].map(meanByStretch);
  const byText = sameText && x && y?.length === x.length && paired(x, y, value, 'text');
  return byText || overExamples(value, sum([a, b].map(lossVariance)));
}

/** The losses along the test text, averaged over seeds; undefined where a record does not tell. */
function meanByStretch(evaluations: readonly Evaluation[]): number[] | undefined {
  const all = evaluations.map(({ likelihood }) => likelihood?.byStretch);
  const [first] = all;
  if (!first || all.some((losses) => losses?.length !== first.length)) return undefined;
  return first.map((_, index) => mean(all.map((losses) => losses![index]!)));
}

/** Welch's t-test; undefined unless both sides have two values, and some differ. */
function welch(x: readonly number[], y: readonly number[]): Difference | undefined {
  if (x.length < 2 || y.length < 2) return undefined;
  const parts = [x, y].map((values) => ({ of: values.length - 1, error: sampleVariance([...values]) / values.length }));
  const variance = sum(parts.map(({ error }) => error));
  if (!(variance > 0)) return undefined;
  const freedom = variance ** 2 / sum(parts.map(({ of, error }) => error ** 2 / of));
  return byStudent(mean([...y]) - mean([...x]), Math.sqrt(variance), freedom, 'seeds');
}

/** The t-test of pairs around a difference; undefined unless there are two pairs, whose differences are not one. */
function paired(
  x: readonly number[],
  y: readonly number[],
  value: number,
  by: Difference['by'],
): Difference | undefined {
  if (x.length < 2) return undefined;
  const error = sampleStandardDeviation(x.map((one, index) => y[index]! - one)) / Math.sqrt(x.length);
  return error > 0 ? byStudent(value, error, x.length - 1, by) : undefined;
}

function byStudent(value: number, error: number, freedom: number, by: Difference['by']): Difference {
  const p = 2 * (1 - jstat.studentt.cdf(Math.abs(value) / error, freedom));
  return { ...around(value, jstat.studentt.inv(UPPER, freedom) * error), p, by };
}

function overExamples(value: number, variance: number): Difference {
  const error = Math.sqrt(variance);
  return { ...around(value, Z * error), p: value === 0 ? 1 : jstat.ztest(value, 0, error, 2), by: 'examples' };
}

const around = (value: number, half: number): Estimate => ({ value, low: value - half, high: value + half });

/** Variance of the mean accuracy over examples, not less than independent positions with one more hit and miss give. */
function examplesVariance(evaluations: readonly Answers[]): number {
  const pooled = pool(evaluations);
  const { examples, positions } = informative(pooled);
  const p = ((pooled.correct / pooled.total) * positions + 1) / (positions + 2);
  return Math.max(pooled.exampleStd ** 2 / examples, (p * (1 - p)) / (positions + 2));
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
