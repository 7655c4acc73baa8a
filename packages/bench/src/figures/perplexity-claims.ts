/**
 * What the paper says of perplexities, as functions of the data. As in claims.ts: a claim holds, does not hold, or is not
 * measured. A model that diverged has been measured: its perplexity counts as infinite. Of a model that has learned no more than
 * simple ones of its text can be said that it lags, and nothing else.
 */
import { formatPerplexity, listWords } from '../report/format.js';
import { claim, decide, type MeasuredPoint, type Subject } from './claims.js';
import type { Claim, FigurePoint, Measured } from './figure.js';

/** Perplexities nearer to each other than this, of the lower one, do not differ: 0.5 %. */
const TOLERANCE = 0.005;

/** Where perplexities are compared: at the training length, or at every test length beyond it. */
export type Reach = 'trained' | 'beyond';

/** A model has a lower perplexity than each of the others. */
export function isBelow(model: string, others: Subject, reach: Reach, source: string, text: string): Claim {
  return compare(
    { model, others, reach, learners: [model] },
    source,
    text,
    (own, other) => other > own * (1 + TOLERANCE),
  );
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
  return compare(
    { model, others, reach, learners: others.models },
    source,
    text,
    (own, other) => Number.isFinite(own) && own <= other * (1 + slack),
  );
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
  return compare(
    { model, others, reach, learners: others.models },
    source,
    text,
    (own, other) => Number.isFinite(other) && own >= other * (1 + by),
  );
}

/** At every test length beyond the training length each model's perplexity is at most the share `slack` above that at it. */
export function holdsBeyond(slack: number, subject: Subject, source: string, text: string): Claim {
  return alongLengths(subject, source, text, (pairs) => {
    const worst = pairs.reduce((a, b) => (growth(b) > growth(a) ? b : a));
    return decide(growth(worst) <= slack, `most above its own at the training length: ${describeGrowth(worst)}`);
  });
}

/** At the longest test length each model's perplexity is the share `by`, or more, above that at the training length. */
export function risesBeyond(by: number, subject: Subject, source: string, text: string): Claim {
  return alongLengths(subject, source, text, (pairs) => {
    const longest = Math.max(...pairs.map(({ end }) => end.testLength));
    const least = pairs
      .filter(({ end }) => end.testLength === longest)
      .reduce((a, b) => (growth(b) < growth(a) ? b : a));
    return decide(growth(least) >= by, describeGrowth(least));
  });
}

/** A perplexity at the training length, and at a longer one. */
interface Pair {
  readonly start: MeasuredPoint;
  readonly end: MeasuredPoint;
}

const growth = ({ start, end }: Pair) => end.best / start.best - 1;

const describeGrowth = ({ start, end }: Pair) =>
  `${end.model} ${formatPerplexity(start.best)} at ${start.testLength}, ${formatPerplexity(end.best)} at ${end.testLength}`;

function alongLengths(
  subject: Subject,
  source: string,
  text: string,
  evaluate: (pairs: readonly Pair[]) => ReturnType<Claim['evaluate']>,
): Claim {
  return ofPerplexities(subject, subject.models, source, text, (points) => {
    const pairs = points
      .filter(({ testLength, trainLength }) => testLength > trainLength)
      .flatMap((end) => {
        const start = points.find((point) => sameLine(point, end) && point.testLength === point.trainLength);
        return start ? [{ start, end }] : [];
      });
    if (pairs.length === 0) return { status: 'not measured', evidence: 'no test beyond the training length' };
    const diverged = pairs.find(({ start }) => start.best === Number.POSITIVE_INFINITY);
    if (diverged) return decide(false, `${diverged.start.model} diverged`);
    return evaluate(pairs);
  });
}

/** Each pair of a model and another at one place is as it should be; the evidence are those that are not, if any, else all. */
function compare(
  {
    model,
    others: { row, models },
    reach,
    learners,
  }: { model: string; others: Subject; reach: Reach; learners: readonly string[] },
  source: string,
  text: string,
  holds: (own: number, other: number) => boolean,
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
        return own ? [{ own, other, holds: holds(own.best, other.best) }] : [];
      });
    if (pairs.length === 0) return { status: 'not measured', evidence: 'no test at such a length' };
    const failing = pairs.filter((pair) => !pair.holds);
    const shown = failing.length > 0 ? failing : pairs;
    const words = [...new Set(shown.map(({ own }) => own.testLength))].map((length) => {
      const there = shown.filter(({ own }) => own.testLength === length);
      const compared = [there[0]!.own, ...there.map(({ other }) => other)];
      return `${compared.map(({ model, best }) => `${model} ${formatPerplexity(best)}`).join(', ')} at length ${length}`;
    });
    const counted = failing.length > 0 ? `not at ${failing.length} of ${pairs.length} points: ` : '';
    return decide(failing.length === 0, `${counted}${words.join('; ')}`);
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
  evaluate: (points: readonly MeasuredPoint[]) => ReturnType<Claim['evaluate']>,
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
