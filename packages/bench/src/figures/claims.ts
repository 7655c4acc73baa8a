/**
 * What the paper says of its figures, as functions of the data.
 *
 * A claim holds, does not hold, or is not measured: when a point it speaks of is missing, or when no model it speaks of
 * has learned anything that could be lost.
 */
import { mean } from 'simple-statistics';
import { formatEstimate, formatPercent, listWords, plural } from '../report/format.js';
import { compareAccuracies } from '../report/statistics.js';
import type { Claim, FigurePoint, JudgedClaim, TrainedFigure, Verdict } from './figure.js';

/** Judges every claim. */
export function judge<Data>(claims: readonly Claim<Data>[], data: readonly Data[]): JudgedClaim[] {
  return claims.map(({ text, source, evaluate }) => ({ claim: text, source, ...evaluate(data) }));
}

/** A sign for each verdict. */
export const VERDICT_MARKS = { holding: '✔', 'not holding': '✖', 'not shown': '?', 'not measured': '–' } as const;

/** What a claim is about. */
export interface Subject {
  readonly models: readonly string[];
  /** Title of a row; left out: all rows. */
  readonly row?: string;
}

/** Differences in accuracy below this are no difference: 0.5 points. */
const TOLERANCE = 0.005;
/** A model has learned nothing that it could lose if it answers fewer than a quarter, or hardly more than who guesses among the values that it sees. */
const LEARNED = { atLeast: 0.25, aboveGuess: 0.1 } as const;
/** True where an accuracy at the training length says that something was learned. */
export const hasLearned = (accuracy: number, { guess }: FigurePoint) =>
  accuracy >= Math.max(LEARNED.atLeast, guess + LEARNED.aboveGuess);
/** What {@link hasLearned} asks for, in words. */
const LEARNED_WORDS = '25 %, and 10 points more than a guess among the values of an example';
/** A sharp decline: 10 points. */
const DECLINE = 0.1;

/** Every point of the models is above a level. One point that is not decides, whatever is missing. */
export function staysAbove(level: number, subject: Subject, source: string, text: string): Claim {
  const evaluate = (points: readonly MeasuredPoint[]) => {
    const worst = lowest(points);
    const holds = worst.best > level;
    return decide(holds, `lowest ${describe(worst)}${holds ? '' : `, ${trained(worst)}`}`);
  };
  return claim(subject, source, text, evaluate, { status: 'not holding', evaluate });
}

/** At least one point of each of the models is below a level. Once each has one, what is missing does not matter. */
export function fallsShortOf(level: number, subject: Subject, source: string, text: string): Claim {
  const evaluate = (points: readonly MeasuredPoint[]) => {
    const worst = subject.models.flatMap((model) => {
      const own = points.filter((point) => point.model === model);
      return own.length > 0 ? [lowest(own)] : [];
    });
    return decide(
      worst.length === subject.models.length && worst.every(({ best }) => best < level),
      worst.map((point) => `${point.model}: lowest ${describe(point)}`).join('; '),
    );
  };
  return claim(subject, source, text, evaluate, { status: 'holding', evaluate });
}

/** Each of the models is above a level at one point at least: what it does elsewhere is not for want of a recipe. */
export function reachesSomewhere(level: number, subject: Subject, source: string, text: string): Claim {
  const evaluate = (points: readonly MeasuredPoint[]) => {
    const highest = subject.models.flatMap((model) => {
      const own = points.filter((point) => point.model === model);
      return own.length > 0 ? [own.reduce((a, b) => (b.best > a.best ? b : a))] : [];
    });
    return decide(
      highest.length === subject.models.length && highest.every(({ best }) => best > level),
      highest
        .map((point) => `${point.model} ${describe(point)}${point.best > level ? '' : `, ${trained(point)}`}`)
        .join('; '),
    );
  };
  return claim(subject, source, text, evaluate, { status: 'holding', evaluate });
}

/** One model is as good as each of the others, or better, at every point. */
export function leads(leader: string, others: Subject, source: string, text: string): Claim {
  return claim({ ...others, models: [leader, ...others.models] }, source, text, (points) => {
    const place = ({ row, column, testLength, dModel }: FigurePoint) => [row, column, testLength, dModel].join();
    const led = new Map(points.filter(({ model }) => model === leader).map((point) => [place(point), point]));
    const margins = points
      .filter(({ model }) => model !== leader)
      .map((point) => ({ point, ahead: led.get(place(point)) }))
      .map(({ point, ahead }) => ({ point, ahead, margin: (ahead?.best ?? 0) - point.best }))
      .sort((a, b) => a.margin - b.margin);
    const [closest] = margins as [(typeof margins)[number]];
    const beaten = margins.filter(({ margin }) => margin < -TOLERANCE).length;
    const margin = inPoints(closest.margin, closest.point, closest.ahead);
    return decide(
      beaten === 0,
      `${beaten === 0 ? '' : `behind at ${beaten} of ${margins.length} points; `}smallest margin ${margin}, to ${closest.point.model}, ${describe(closest.point)}`,
    );
  });
}

/** Each model, where it learned something at the training length, is much worse at the longest length. */
export function declines(subject: Subject, source: string, text: string): Claim {
  return claim(subject, source, text, (points) => {
    const longest = Math.max(...points.map(({ testLength }) => testLength));
    const pairs = points
      .filter((point) => point.testLength === point.trainLength)
      .flatMap((start) => {
        const end = points.find((point) => sameLine(point, start) && point.testLength === longest);
        return end ? [{ start, end, drop: start.best - end.best }] : [];
      });
    const learned = pairs.filter(({ start }) => hasLearned(start.best, start));
    const skipped = pairs.length - learned.length;
    const note =
      skipped > 0
        ? `; ${skipped} of ${pairs.length} have not learned at this budget (${LEARNED_WORDS}, at the training length)`
        : '';
    if (learned.length === 0) return { status: 'not measured', evidence: note.slice(2) };
    const least = learned.reduce((a, b) => (b.drop < a.drop ? b : a));
    return decide(
      least.drop >= DECLINE,
      `smallest decline ${inPoints(least.drop, least.end, least.start)} (${least.start.model}, ${describe(least.start)}, to ${describe(least.end)})${note}`,
    );
  });
}

/** Each model is better on average in the widest column than in the narrowest. */
export function growsWithWidth(subject: Subject, source: string, text: string): Claim {
  return claim(subject, source, text, (points) => {
    const dims = points.map(({ dModel }) => dModel);
    const [narrow, wide] = [Math.min(...dims), Math.max(...dims)];
    if (narrow === wide) return { status: 'not measured', evidence: `one width only, d = ${wide}` };
    const gains = subject.models.map((model) => {
      const at = (dModel: number) =>
        mean(points.filter((point) => point.model === model && point.dModel === dModel).map(({ best }) => best));
      return { model, from: at(narrow), to: at(wide) };
    });
    return decide(
      gains.every(({ from, to }) => to - from > TOLERANCE),
      gains
        .map(
          ({ model, from, to }) =>
            `${model}: ${formatPercent(from)} at d = ${narrow}, ${formatPercent(to)} at d = ${wide} on average`,
        )
        .join('; '),
    );
  });
}

/** Each model is at every width as good as a theory predicts, or better; `slack` is what it may lack. */
export function keepsUpWith(
  predicted: NonNullable<TrainedFigure['predicted']>,
  slack: number,
  subject: Subject,
  source: string,
  text: string,
): Claim {
  return claim(subject, source, text, (points) => {
    const margins = points.map((point) => ({ point, margin: point.best - predicted(point) }));
    const least = margins.reduce((a, b) => (b.margin < a.margin ? b : a));
    const behind = margins.filter(({ margin }) => margin < -slack).length;
    return decide(
      behind === 0,
      `${behind === 0 ? '' : `behind at ${behind} of ${margins.length} points; `}${least.point.model}: ${describe(least.point)} where ${formatPercent(predicted(least.point))} is predicted`,
    );
  });
}

/** A point that is measured. */
export type MeasuredPoint = FigurePoint & { readonly best: number };

/** `early`: how some of the points can decide, and the only status that they can decide on. */
export function claim(
  { models, row }: Subject,
  source: string,
  text: string,
  evaluate: (points: readonly MeasuredPoint[]) => Verdict,
  early?: { readonly status: Verdict['status']; evaluate(points: readonly MeasuredPoint[]): Verdict },
): Claim {
  return {
    text,
    source,
    evaluate(planned) {
      const about = planned.filter((point) => models.includes(point.model) && (row === undefined || point.row === row));
      const measured = about.flatMap((point) => (point.measured ? [{ ...point, best: point.measured.best }] : []));
      const absent = models.filter((model) => !about.some((point) => point.model === model));
      if (measured.length === about.length && absent.length === 0) return evaluate(measured);
      const missing =
        absent.length > 0
          ? `no run of ${listWords(absent)}`
          : `${about.length - measured.length} of ${about.length} points are missing`;
      const verdict = measured.length > 0 ? early?.evaluate(measured) : undefined;
      return verdict?.status === early?.status && verdict
        ? { ...verdict, evidence: `${verdict.evidence}; ${missing}` }
        : { status: 'not measured', evidence: missing };
    },
  };
}

const decide = (holds: boolean, evidence: string): Verdict => ({
  status: holds ? 'holding' : 'not holding',
  evidence,
});

const lowest = (points: readonly MeasuredPoint[]) => points.reduce((a, b) => (b.best < a.best ? b : a));

const sameLine = (a: FigurePoint, b: FigurePoint) => a.row === b.row && a.dModel === b.dModel && a.model === b.model;

/** `97.3 % [96.0, 98.2] (MQAR, d = 32, length 512)`: the best run; where there are more, with the mean, of which the interval is. */
function describe({ best, row, dModel, testLength, measured }: MeasuredPoint): string {
  const { mean: estimate, runs } = measured!;
  const value = runs > 1 ? `${formatPercent(best)}, mean ${formatEstimate(estimate)}` : formatEstimate(estimate);
  return `${value} (${row}, d = ${dModel}, length ${testLength})`;
}

/** `12.5 points [10.1, 14.9]`: a difference, with the 95 % interval of that of the means. */
function inPoints(value: number, lower: MeasuredPoint, higher: MeasuredPoint | undefined): string {
  const { low, high } = compareAccuracies(lower.measured!.tests, higher?.measured?.tests ?? []);
  const digits = (one: number) => (100 * one).toFixed(1).replace('-', '−');
  return `${digits(value)} points${Number.isNaN(low) ? '' : ` [${digits(low!)}, ${digits(high!)}]`}`;
}

/** `trained for 800 steps at its best rate 0.005, 3 seeds`: what a result that is not as claimed is of. */
function trained({ measured }: MeasuredPoint): string {
  const { steps, learningRate, runs } = measured!;
  return `trained for ${steps} steps at its best rate ${learningRate}, ${plural(runs, 'seed')}`;
}
