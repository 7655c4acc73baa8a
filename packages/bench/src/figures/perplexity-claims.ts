/**
 * What the paper says of perplexities, as functions of the data. A claim is a bound on ratios of perplexities, that is on differences of
 * mean losses. It holds where the whole 95 % interval of each is within its bound, and does not hold where that of one is outside; it is
 * not shown where one contains it, and not measured as in claims.ts. Intervals are over seeds, or of one seed over the test text, pair
 * by pair. A model that diverged has been measured: its perplexity counts as infinite. Of a model that has learned no more than simple
 * ones of its text can be said that it lags, and nothing else.
 */
import { formatPerplexity, listWords } from '../report/format.js';
import { compareLosses, compareTests, type Difference } from '../report/statistics.js';
import { claim, type MeasuredPoint, type Subject } from './claims.js';
import type { Claim, FigurePoint, Measured, Verdict } from './figure.js';

/** Perplexities nearer to each other than this do not differ: 0.5 %. */
const TOLERANCE = 0.005;

/** Where perplexities are compared: at the training length, or at every test length beyond it. */
export type Reach = 'trained' | 'beyond';

/** A model has a lower perplexity than each of the others, by half a percent at least. */
export function isBelow(model: string, others: Subject, reach: Reach, source: string, text: string): Claim {
  return compare({ model, others, reach, learners: [model] }, source, text, { atMost: 1 / (1 + TOLERANCE) });
}

/** A model's perplexity is at most the share `slack` above that of each of the others. */
export function isNear(
  model: string,
  others: Subject,
  reach: Reach,
  slack: number,
  source: string,
  text: string,
): Claim {
  return compare({ model, others, reach, learners: others.models }, source, text, { atMost: 1 + slack });
}

/** A model's perplexity is the share `by`, or more, above that of each of the others; or it diverged. */
export function lagsBehind(
  model: string,
  others: Subject,
  reach: Reach,
  by: number,
  source: string,
  text: string,
): Claim {
  return compare({ model, others, reach, learners: others.models }, source, text, { atLeast: 1 + by });
}

/** At every test length beyond the training length each model's perplexity is at most the share `slack` above that at it. */
export function holdsBeyond(slack: number, subject: Subject, source: string, text: string): Claim {
  return alongLengths(subject, source, text, { atMost: 1 + slack }, (pairs) => pairs);
}

/** At the longest test length each model's perplexity is the share `by`, or more, above that at the training length. */
export function risesBeyond(by: number, subject: Subject, source: string, text: string): Claim {
  return alongLengths(subject, source, text, { atLeast: 1 + by }, (pairs) => {
    const longest = Math.max(...pairs.map(({ own }) => own.testLength));
    return pairs.filter(({ own }) => own.testLength === longest);
  });
}

/** What a ratio of perplexities must be. */
type Bound = { readonly atMost: number } | { readonly atLeast: number };

/** A perplexity, what it is measured by, and what the logarithm of their ratio is. */
interface Pair {
  readonly own: MeasuredPoint;
  readonly other: MeasuredPoint;
  readonly difference: Difference;
}

const isDiverged = ({ best }: MeasuredPoint) => best === Number.POSITIVE_INFINITY;

function pairOf(own: MeasuredPoint, other: MeasuredPoint, compareLosses: () => Difference): Pair {
  const [up, down] = [isDiverged(own), isDiverged(other)];
  if (!up && !down) return { own, other, difference: compareLosses() };
  const value = up && down ? Number.NaN : up ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return { own, other, difference: { value, low: value, high: value, p: 0, by: 'seeds' } };
}

function judge({ difference: { value, low, high } }: Pair, bound: Bound): Verdict['status'] {
  if (Number.isNaN(value)) return 'not holding'; // both diverged
  const [least, most] = [low ?? value, high ?? value];
  if ('atMost' in bound) {
    const limit = Math.log(bound.atMost);
    return most <= limit ? 'holding' : least > limit ? 'not holding' : 'not shown';
  }
  const limit = Math.log(bound.atLeast);
  return least >= limit ? 'holding' : most < limit ? 'not holding' : 'not shown';
}

/** Judges all pairs; the evidence are those that decide. `describe`: pairs of one status in words. */
function decide(pairs: readonly Pair[], bound: Bound, describe: (pairs: readonly Pair[]) => string): Verdict {
  const judged = pairs.map((pair) => ({ pair, status: judge(pair, bound) }));
  const status = (['not holding', 'not shown'] as const).find((one) => judged.some((pair) => pair.status === one));
  const shown = judged.filter((one) => status === undefined || one.status === status).map(({ pair }) => pair);
  const counted =
    status === undefined ? '' : `${status.replace(' holding', '')} at ${shown.length} of ${pairs.length} points: `;
  const oneSeed = shown.some(({ difference: { by } }) => by !== 'seeds');
  const scope = oneSeed ? '; intervals over the test text, of one training each: another may differ by more' : '';
  return { status: status ?? 'holding', evidence: `${counted}${describe(shown)}${scope}` };
}

/** `+1.5 % [0.9, 2.1]`, of a ratio by its logarithm. */
function formatChange({ value, low, high }: Difference): string {
  if (!Number.isFinite(value)) return '';
  const percent = (number: number) => (100 * Math.expm1(number)).toFixed(1).replace('-', '−');
  const interval = low === null || high === null ? '' : ` [${percent(low)}, ${percent(high)}]`;
  return ` (${value > 0 ? '+' : ''}${percent(value)} %${interval})`;
}

const perplexityOf = ({ best, measured }: MeasuredPoint) =>
  formatPerplexity(best === Number.POSITIVE_INFINITY ? best : measured!.mean.value);

function alongLengths(
  subject: Subject,
  source: string,
  text: string,
  bound: Bound,
  choose: (pairs: readonly Pair[]) => readonly Pair[],
): Claim {
  return ofPerplexities(subject, subject.models, source, text, (points) => {
    const pairs = points
      .filter(({ testLength, trainLength }) => testLength > trainLength)
      .flatMap((own) => {
        const start = points.find((point) => sameLine(point, own) && point.testLength === point.trainLength);
        return start ? [pairOf(own, start, () => compareTests(start.measured!.tests, own.measured!.tests))] : [];
      });
    if (pairs.length === 0) return { status: 'not measured', evidence: 'no test beyond the training length' };
    const diverged = pairs.find(({ own }) => isDiverged(own));
    if (diverged) return { status: 'not holding', evidence: `${diverged.own.model} diverged` };
    return decide(choose(pairs), bound, (shown) =>
      [...new Set(shown.map(({ own }) => own.model))]
        .map((model) => {
          const line = shown.filter(({ own }) => own.model === model);
          const [{ other }] = line as [Pair];
          const further = line.map(
            ({ own, difference }) => `${perplexityOf(own)}${formatChange(difference)} at ${own.testLength}`,
          );
          return `${model} ${perplexityOf(other)} at ${other.testLength}, ${further.join(', ')}`;
        })
        .join('; '),
    );
  });
}

/** Each pair of a model and another at one place is as it should be. */
function compare(
  {
    model,
    others: { row, models },
    reach,
    learners,
  }: { model: string; others: Subject; reach: Reach; learners: readonly string[] },
  source: string,
  text: string,
  bound: Bound,
): Claim {
  const subject = { models: [model, ...models], ...(row === undefined ? {} : { row }) };
  return ofPerplexities(subject, learners, source, text, (points) => {
    const reached = points.filter(({ testLength, trainLength }) =>
      reach === 'trained' ? testLength === trainLength : testLength > trainLength,
    );
    const pairs = reached
      .filter((point) => point.model !== model)
      .flatMap((other) => {
        const own = reached.find((point) => point.model === model && samePlace(point, other));
        if (!own) return [];
        return [pairOf(own, other, () => compareLosses(other.measured!.tests, own.measured!.tests, true))];
      });
    if (pairs.length === 0) return { status: 'not measured', evidence: 'no test at such a length' };
    return decide(pairs, bound, (shown) =>
      [...new Set(shown.map(({ own }) => own.testLength))]
        .map((length) => {
          const there = shown.filter(({ own }) => own.testLength === length);
          const compared = there.map(
            ({ other, difference }) => `${other.model} ${perplexityOf(other)}${formatChange(difference)}`,
          );
          return `${model} ${perplexityOf(there[0]!.own)} at length ${length}, against ${compared.join(', ')}`;
        })
        .join('; '),
    );
  });
}

const sameLine = (a: FigurePoint, b: FigurePoint) => a.row === b.row && a.dModel === b.dModel && a.model === b.model;
const samePlace = (a: FigurePoint, b: FigurePoint) => a.row === b.row && a.testLength === b.testLength;

/** @param learners the models that must have learned something, or have diverged. */
function ofPerplexities(
  subject: Subject,
  learners: readonly string[],
  source: string,
  text: string,
  evaluate: (points: readonly MeasuredPoint[]) => Verdict,
): Claim {
  const judged = claim(subject, source, text, (points) => {
    const slow = points.flatMap(({ model, measured }) => (measured?.learned === false ? [model] : []));
    const unlearned = learners.filter((model) => slow.includes(model));
    if (unlearned.length === 0) return evaluate(points);
    const evidence = `${listWords(unlearned)} learned no more than simple models of the text at this budget`;
    return { status: 'not measured', evidence };
  });
  return {
    ...judged,
    evaluate: (points) =>
      judged.evaluate(
        points.map((point) =>
          point.diverged ? { ...point, measured: { best: Number.POSITIVE_INFINITY } as Measured } : point,
        ),
      ),
  };
}
