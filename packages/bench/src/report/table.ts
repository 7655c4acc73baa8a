/** The final table of an experiment, as text for the terminal and Markdown, and its numbers as CSV. */
import Table from 'cli-table3';
import { visibleLine } from '../terminal.js';
import { MOST_ROWS } from './bounds.js';
import type { Entry } from './entries.js';
import { formatCount, formatEstimate, formatPercent, formatSeconds, listWords, NO_VALUE, plural } from './format.js';
import { type BaselineRow, baselineRows, likelihoodColumns } from './likelihood-columns.js';
import type { Outcome, TrainingCost } from './outcome.js';

/** A column of the final table. */
export interface Column {
  readonly key: string;
  readonly header: string;
  readonly align: 'left' | 'right';
  /** Columns of a higher number leave first where the table is too wide. */
  readonly priority: number;
  /** Of a column on one test length. */
  readonly seqLen?: number;
  text(entry: Entry, outcome: Outcome): string;
  /** In the row of a simple model of the same text. Default: nothing. */
  baseline?(row: BaselineRow): string;
}

/** The columns these entries call for: settings, seeds and lengths only where there are several. */
export function tableColumns(entries: readonly Entry[]): Column[] {
  const outcomes = entries.flatMap((entry) => entry.outcome ?? []);
  const some = (test: (entry: Entry) => boolean) => entries.some(test);
  const longest = Math.max(...outcomes.map((outcome) => outcome.lengths.at(-1)?.seqLen ?? 0), 0);
  const trainLengths = new Set(entries.map((entry) => entry.trainLength));
  const trainLength = [...trainLengths][0];
  const column = (
    key: string,
    header: string,
    priority: number,
    text: Column['text'],
    align: Column['align'] = 'right',
  ): Column => ({ key, header, priority, text, align });
  const optional = (present: boolean, made: Column) => (present ? [made] : []);
  const accuracies = some(({ measure }) => measure === 'accuracy');
  /** Of entries that are judged by accuracy. */
  const judged =
    (text: Column['text']): Column['text'] =>
    (entry, outcome) =>
      entry.measure === 'accuracy' ? text(entry, outcome) : NO_VALUE;
  const accuracyColumns = [
    column(
      'accuracy',
      trainLengths.size === 1 ? `Accuracy at ${trainLength} [95 %]` : 'Accuracy [95 %]',
      0,
      judged((_, outcome) => formatEstimate(outcome.accuracy)),
    ),
    ...optional(
      some((entry) => entry.runs.length - entry.open.length > 1),
      column(
        'best',
        'Best run',
        3,
        judged((_, outcome) => formatPercent(outcome.best)),
      ),
    ),
    ...optional(
      outcomes.every(({ lengths }) => lengths.at(-1)?.seqLen === longest) && longest > Math.max(...trainLengths),
      column(
        'longest',
        `Accuracy at ${longest}`,
        1,
        judged((_, outcome) => {
          const last = outcome.lengths.find(({ seqLen }) => seqLen === longest);
          return last ? formatPercent(last.accuracy.value) : NO_VALUE;
        }),
      ),
    ),
    ...optional(
      outcomes.some(({ accuracy, exactMatch }) => exactMatch && exactMatch.value !== accuracy.value),
      column(
        'exactMatch',
        'Exact match',
        2,
        judged((_, { exactMatch }) => formatPercent(exactMatch?.value)),
      ),
    ),
    ...optional(
      outcomes.some(({ freeRunning }) => freeRunning),
      column('freeRunning', 'Free-running', 1, (_, { freeRunning }) => formatPercent(freeRunning?.accuracy.value)),
    ),
    ...optional(
      outcomes.some(({ freeRunning }) => freeRunning),
      column('freeRunningExact', 'Free-running exact match', 2, (_, { freeRunning }) =>
        formatPercent(freeRunning?.exactMatch.value),
      ),
    ),
    column('stepsTo99', 'Steps to 99 %', 1, (_, outcome) => withReached(outcome, formatCount(outcome.to99.step))),
    column('secondsTo99', 'Time to 99 %', 2, (_, outcome) => formatSeconds(outcome.to99.seconds)),
  ];
  return [
    ...optional(
      some((entry) => entry.setting !== ''),
      { ...column('setting', 'Setting', 0, (entry) => entry.setting, 'left'), baseline: ({ setting }) => setting },
    ),
    { ...column('model', 'Model', 0, (entry) => entry.label, 'left'), baseline: ({ name }) => name },
    ...optional(
      some((entry) => entry.runs.length > 1),
      column('runs', 'Runs', 4, (entry) => {
        const [done, called] = [entry.runs.length - entry.open.length, calledFor(entry)];
        return done === called ? String(done) : `${done} of ${called}`;
      }),
    ),
    ...(accuracies ? accuracyColumns : []),
    ...likelihoodColumns(entries),
    column('parameters', 'Parameters', 3, (_, outcome) => formatCount(outcome.parameters)),
    column('stateSize', 'State', 3, (_, outcome) => formatCount(outcome.stateSize)),
    column('flops', 'FLOPs', 5, (_, outcome) => formatCount(outcome.flops)),
    ...(outcomes.some(({ searchCost }) => searchCost)
      ? [
          column('searchCost', 'Search, all rates', 4, (_, outcome) => formatCost(outcome.searchCost)),
          column('finalCost', 'Runs of its rate', 4, (_, outcome) => formatCost(outcome.finalCost)),
        ]
      : []),
    column('tokensPerSecond', 'Tokens/s', 4, (_, outcome) => formatCount(outcome.tokensPerSecond)),
    ...optional(
      new Set(entries.flatMap((entry) => entry.runs.map((run) => run.config.learningRate))).size > 1,
      column('learningRate', 'Learning rate', 6, (_, outcome) => String(outcome.learningRate)),
    ),
  ];
}

/** Runs that were not left out. */
export function calledFor({ runs, open }: Entry): number {
  return runs.length - open.filter(({ status }) => status === 'leftOut').length;
}

const formatCost = (cost: TrainingCost | undefined) =>
  cost === undefined ? NO_VALUE : `${plural(cost.steps, 'step')}, ${formatSeconds(cost.seconds)}`;

/** The median counts the runs that got there; where some did not, says so. */
function withReached({ to99, selected }: Outcome, text: string): string {
  return to99.reached > 0 && to99.reached < selected.length ? `${text} (${to99.reached}/${selected.length})` : text;
}

/** Why an entry has no measurements, in a few words. */
export function formatOpen(entry: Entry): string {
  const counts = (['failed', 'partial', 'missing', 'leftOut'] as const).flatMap((status) => {
    const count = entry.open.filter((run) => run.status === status).length;
    return count === 0 ? [] : [{ words: OPEN_WORDS[status], count }];
  });
  if (entry.open.length === 1) return counts[0]!.words;
  return counts.map(({ words, count }) => `${count} ${words}`).join(', ');
}

/** How a status reads. */
export const OPEN_WORDS = {
  failed: 'failed',
  partial: 'not finished',
  missing: 'not started',
  leftOut: 'left out',
} as const;

/** What follows the words of a status: nothing where a message says no more. */
export function afterStatus(status: keyof typeof OPEN_WORDS, message: string): string {
  const words = OPEN_WORDS[status];
  return message.startsWith(words) ? message.slice(words.length) : `: ${message}`;
}

/**
 * The table for a terminal, with the runs that have no result listed below it.
 * @param width columns of the terminal; the least important columns are left out until the table fits.
 */
export function terminalTable(entries: readonly Entry[], width = Number.POSITIVE_INFINITY): string {
  const columns = tableColumns(entries);
  const left: Column[] = [];
  let text = drawTable(entries, columns);
  while (widthOf(text) > width && columns.some(({ priority }) => priority > 0)) {
    const last = Math.max(...columns.map(({ priority }) => priority));
    const [gone] = columns.splice(columns.map(({ priority }) => priority).lastIndexOf(last), 1);
    left.unshift(gone!);
    text = drawTable(entries, columns);
  }
  const dropped = left.length === 0 ? [] : [`Left out for width: ${left.map(({ header }) => header).join(', ')}.`];
  return [
    text,
    ...dropped,
    ...[...rateNotes(entries), ...repeatNotes(entries)].map(visibleLine),
    ...openLines(entries),
  ].join('\n');
}

function drawTable(entries: readonly Entry[], columns: readonly Column[]): string {
  const table = new Table({
    head: columns.map(({ header }) => header),
    colAligns: columns.map(({ align }) => align),
    style: { head: [], border: [], compact: true },
  });
  for (const row of tableRows(columns, entries)) table.push(row.map(visibleLine));
  return table.toString();
}

/** The texts of a row for each entry, then one for each simple model of the same text. */
function tableRows(columns: readonly Column[], entries: readonly Entry[]): string[][] {
  return [
    ...entries.map((entry) => columns.map((column) => cellText(column, entry))),
    ...baselineRows(entries).map((row) => columns.map((column) => column.baseline?.(row) ?? '')),
  ];
}

/** Where an entry's score stands, or why it has none. */
export const isScore = ({ key }: Column, { measure }: Entry) =>
  key === (measure === 'likelihood' ? 'loss' : 'accuracy');

/** The text in a column; an entry without measurements says why in place of its score. */
export function cellText(column: Column, entry: Entry): string {
  if (entry.outcome) return column.text(entry, entry.outcome);
  if (column.key === 'setting') return entry.setting;
  if (column.key === 'model') return entry.label;
  return isScore(column, entry) ? formatOpen(entry) : '';
}

const widthOf = (text: string) => text.split('\n')[0]!.length;

/**
 * For each entry whose learning rate was chosen while seeds of a rate were missing, which:
 * `Model: learning rate 0.01 so far; without a result: 0.003 at seeds 1 and 2.`
 */
export function rateNotes(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ label, setting, outcome }) => {
    if (!outcome || outcome.incomplete.length === 0 || outcome.learningRates.length < 2) return [];
    const lacking = outcome.incomplete.map(({ learningRate, seeds }) => {
      return `${learningRate} at ${seeds.length === 1 ? 'seed' : 'seeds'} ${listWords(seeds.map(String))}`;
    });
    const name = [label, setting].filter(Boolean).join(', ');
    return `${name}: learning rate ${outcome.learningRate} so far; without a result: ${lacking.join('; ')}.`;
  });
}

/** `Length 8: 20 of 512 test examples differ; …`, a line per setting and length where examples repeat. */
export function repeatNotes(entries: readonly Entry[]): string[] {
  const fewest = new Map<string, { readonly distinct: number; readonly examples: number }>();
  for (const { setting, outcome } of entries) {
    for (const { seqLen, examples, repeats } of (outcome?.selected ?? []).flatMap(({ result }) => result.test)) {
      const place = [setting, `length ${seqLen}`].filter(Boolean).join(', ');
      const { distinct } = repeats ?? { distinct: examples };
      if (repeats && distinct < (fewest.get(place)?.distinct ?? Number.POSITIVE_INFINITY))
        fewest.set(place, { distinct, examples });
    }
  }
  return [...fewest].map(
    ([place, { distinct, examples }]) =>
      `${place[0]!.toUpperCase()}${place.slice(1)}: ${formatCount(distinct)} of ${plural(examples, 'test example')} differ; intervals rest on these alone. A larger task has more.`,
  );
}

/** `Model, learning rate 1, seed 0: failed: message`, a line per run without a result, of very many the first. */
function openLines(entries: readonly Entry[]): string[] {
  const lines = entries.flatMap((entry) =>
    entry.open.map(({ config, status, message }) => {
      const said = `${OPEN_WORDS[status]}${afterStatus(status, message)}`;
      return visibleLine(
        `${[entry.label, entry.setting].filter(Boolean).join(', ')}, learning rate ${config.learningRate}, seed ${config.seed}: ${said}`,
      );
    }),
  );
  const rest = lines.length - MOST_ROWS;
  return rest > 0
    ? [...lines.slice(0, MOST_ROWS), `${plural(rest, 'more run')} without a result: see runs.csv.`]
    : lines;
}

/** The table in Markdown, with the runs that have no result listed below it. */
export function markdownTable(entries: readonly Entry[]): string {
  const columns = tableColumns(entries);
  const row = (columns: readonly string[]) => `| ${columns.map(escapeMarkdown).join(' | ')} |`;
  const rows = tableRows(columns, entries);
  const notes = [...rateNotes(entries), ...repeatNotes(entries), ...openLines(entries)].map(
    (line) => `- ${escapeMarkdown(line)}`,
  );
  return [
    row(columns.map(({ header }) => header)),
    `| ${columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join(' | ')} |`,
    ...rows.map(row),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
  ].join('\n');
}

/**
 * A text as one line of Markdown that reads as it is: no markup, border of a column, entity or formula (GitHub's `$`) in it, no
 * heading, list or rule at its start.
 */
export function escapeMarkdown(text: string): string {
  return visibleLine(text)
    .trim()
    .replace(/[\\|`*_<>[\]&~$#]/g, '\\$&')
    .replace(/^[+=-]/, '\\$&')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2');
}
