/** The words on a figure; and a trained one in Markdown, for a document: its setting, its numbers, and what is claimed of it. */
import { sum } from 'simple-statistics';
import { formatEstimate, formatPercent, formatSeconds, listWords, NO_VALUE, plural } from '../report/format.js';
import { type PlainRow, plainTableMarkdown } from '../report/plain-table.js';
import { escapeMarkdown } from '../report/table.js';
import type { RunRecord } from '../runs/results.js';
import { VERDICT_MARKS } from './claims.js';
import type { Figure, FigurePoint, JudgedClaim, TrainedFigure } from './figure.js';
import { cellOf } from './points.js';

/** What a document is made of. */
export interface FigureDocument {
  readonly title: string;
  /** Of each experiment: task, budget and search. */
  readonly settings: readonly string[];
  /** What it took. */
  readonly cost: string;
  readonly points: readonly FigurePoint[];
  readonly claims: readonly JudgedClaim[];
}

/** What a study asks, and what a figure shows. */
export const captionOf = ({ question, caption }: Figure) => [question, caption].filter(Boolean).join(' ');

/** What marks, lines and bars are. */
export function readingOf({ x, y, predicted }: TrainedFigure, seeds: number): string {
  if (x === 'setting') return '';
  if (x === 'variant') return 'Percent, of the best run, chosen on validation.';
  if (x === 'learningRate') return 'Lines: mean of the runs at each learning rate. Bars: its 95 % interval.';
  if (predicted) {
    return 'Marks: best run, chosen on validation, with the 95 % interval of the mean. Lines: what the theory predicts.';
  }
  if (y !== 'perplexity') return 'Lines: best run, chosen on validation. Bars: 95 % interval of the mean.';
  const over =
    seeds > 1 ? 'over seeds (of a single training over the test text)' : 'over the test text, of one training each';
  return `Lines: perplexity of the mean loss. Bars: its 95 % interval, ${over}.`;
}

/** The document of a figure of accuracies. */
export function figureMarkdown(
  figure: TrainedFigure,
  { title, settings, cost, points, claims }: FigureDocument,
): string {
  const tables = figure.rows.flatMap((row) => {
    const ofRow = points.filter((point) => point.row === row.title);
    if (figure.x === 'variant') return [matrix(row.title, ofRow)];
    const freeRunning = ofRow.some(({ measured }) => Number.isFinite(measured?.freeRunning));
    return [
      table(figure, row.title, ofRow, ({ measured }) => measured && formatEstimate(measured.mean)),
      ...(freeRunning
        ? [
            table(
              figure,
              `${row.title}, free-running`,
              ofRow,
              ({ measured }) => measured && formatPercent(measured.freeRunning),
            ),
          ]
        : []),
    ];
  });
  return `${[
    `# ${escapeMarkdown(title)}`,
    ...[captionOf(figure), ...settings, cost].map(escapeMarkdown),
    ...tables,
    claimsMarkdown(claims),
  ].join('\n\n')}\n`;
}

/** A line for each claim: its verdict and the numbers that decide. */
export function claimsMarkdown(claims: readonly JudgedClaim[]): string {
  return claims
    .map(
      ({ claim, source, status, evidence }) =>
        `- ${VERDICT_MARKS[status]} ${status}: ${escapeMarkdown(`${claim} (${source}): ${evidence}`)}`,
    )
    .join('\n');
}

/** `60 runs, those that the search left out among them: 14.2 min of training and testing in all (engine wasm).` */
export function sayCost(runs: readonly RunRecord[]): string {
  const seconds = sum([
    0,
    ...runs.map(({ result, epochs }) =>
      result?.status === 'done' ? result.totalSeconds : (epochs.at(-1)?.totalSeconds ?? 0),
    ),
  ]);
  const started = runs.filter(({ epochs }) => epochs.length > 0);
  const engines = [...new Set(started.flatMap(({ epochs }) => epochs.map(({ engine }) => engine)))];
  return `${plural(started.length, 'run')}, those that the search left out among them: ${formatSeconds(seconds)} of training and testing in all${engines.length > 0 ? ` (engine ${listWords(engines)})` : ''}.`;
}

/** What tells the columns of a figure's table apart, and a column from another. */
function columnsOf({ x }: TrainedFigure): { readonly words: string; of(point: FigurePoint): number } {
  if (x === 'width') return { words: 'd =', of: ({ dModel }) => dModel };
  if (x === 'learningRate') return { words: 'rate', of: ({ x: rate }) => rate };
  return { words: x === 'trainLength' ? 'length' : 'at', of: ({ testLength }) => testLength };
}

/** A line for each mixer and width, a column for each variant. */
function matrix(title: string, points: readonly FigurePoint[]): string {
  const cells = points.map((point) => ({ point, ...cellOf(point.model) }));
  const columns = [...new Set(cells.map(({ variant }) => variant))];
  const heads = [...new Set(cells.map(({ line, point }) => `${line}, d = ${point.dModel}`))];
  const rows = heads.map((head): PlainRow => {
    const own = cells.filter(({ line, point }) => `${line}, d = ${point.dModel}` === head);
    const texts = columns.map((column) => {
      const { measured, diverged } = own.find(({ variant }) => variant === column)?.point ?? {};
      return { text: measured ? formatPercent(measured.best) : diverged ? 'diverged' : NO_VALUE };
    });
    return { head, cells: texts };
  });
  return `${escapeMarkdown(title)}:\n\n${plainTableMarkdown({ title, columns, rows, notes: [] }).trimEnd()}`;
}

/** A line for each model and width. */
function table(
  figure: TrainedFigure,
  title: string,
  points: readonly FigurePoint[],
  say: (point: FigurePoint) => string | undefined,
): string {
  const { words, of } = columnsOf(figure);
  const values = [...new Set(points.map(of))].sort((a, b) => a - b);
  const lines = new Map<string, FigurePoint[]>();
  for (const point of points) {
    const head = figure.x === 'width' ? point.model : `${point.model}, d = ${point.dModel}`;
    lines.set(head, [...(lines.get(head) ?? []), point]);
  }
  const byState = figure.x === 'stateSize';
  const rows = [...lines].map(([head, line]): PlainRow => {
    const cells = values.map((value) => {
      const point = line.find((one) => of(one) === value);
      return { text: (point && (say(point) ?? (point.diverged ? 'diverged' : undefined))) ?? NO_VALUE };
    });
    const state = line.find(({ testLength, trainLength }) => testLength === trainLength)?.measured?.stateSize;
    return { head, cells: byState ? [{ text: state === undefined ? NO_VALUE : String(state) }, ...cells] : cells };
  });
  const columns = [...(byState ? ['state'] : []), ...values.map((value) => `${words} ${value}`)];
  return `${escapeMarkdown(title)}:\n\n${plainTableMarkdown({ title, columns, rows, notes: [] }).trimEnd()}`;
}
