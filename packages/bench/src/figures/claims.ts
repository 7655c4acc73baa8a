/**
 * What the paper says of its figures, as functions of the data.
 *
 * A claim holds, does not hold, or is not measured: when a point it speaks of is missing, or when no model it speaks of
 * has learned anything that could be lost.
 */
import { mean } from 'simple-statistics';
import { formatPercent, listWords } from '../report/format.js';
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
/** A model that answers fewer than this at its training length has learned too little to lose. */
const LEARNED = 0.25;
/** A sharp decline: 10 points. */
const DECLINE = 0.1;

/** Every point of the models is above a level. One point that is not decides, whatever is missing. */
export function staysAbove(level: number, subject: Subject, source: string, text: string): Claim {
  const evaluate = (points: readonly MeasuredPoint[]) => {
    const worst = lowest(points);
    return decide(worst.best > level, `lowest ${describe(worst)}`);
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

/** One model is as good as each of the others, or better, at every point. */
export function leads(leader: string, others: Subject, source: string, text: string): Claim {
  return claim({ ...others, models: [leader, ...others.models] }, source, text, (points) => {
    const place = ({ row, column, testLength, dModel }: FigurePoint) => [row, column, testLength, dModel].join();
    const led = new Map(points.filter(({ model }) => model === leader).map((point) => [place(point), point.best]));
    const margins = points
      .filter(({ model }) => model !== leader)
      .map((point) => ({ point, margin: (led.get(place(point)) ?? 0) - point.best }))
      .sort((a, b) => a.margin - b.margin);
    const [closest] = margins as [(typeof margins)[number]];
    const beaten = margins.filter(({ margin }) => margin < -TOLERANCE).length;
    const margin = (100 * closest.margin).toFixed(1);
    return decide(
      beaten === 0,
      `${beaten === 0 ? '' : `behind at ${beaten} of ${margins.length} points; `}smallest margin ${margin} points, to ${closest.point.model}, ${describe(closest.point)}`,
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
    const learned = pairs.filter(({ start }) => start.best >= LEARNED);
    const skipped = pairs.length - learned.length;
    const note =
      skipped > 0 ? `; ${skipped} of ${pairs.length} answer less than 25 % at the training length at this budget` : '';
    if (learned.length === 0) return { status: 'not measured', evidence: note.slice(2) };
    const least = learned.reduce((a, b) => (b.drop < a.drop ? b : a));
    return decide(
      least.drop >= DECLINE,
      `smallest decline ${(100 * least.drop).toFixed(1)} points (${least.start.model}, ${describe(least.start)}, to ${describe(least.end)})${note}`,
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

/** `97.3 % (MQAR, d = 32, length 512)`. */
function describe({ best, row, dModel, testLength }: MeasuredPoint): string {
  return `${formatPercent(best)} (${row}, d = ${dModel}, length ${testLength})`;
}
