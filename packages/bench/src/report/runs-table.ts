/** The runs of a report as rows: each of them, or of thousands what each model came to at each learning rate. */
import { median } from 'simple-statistics';
import type { RunRecord } from '../runs/results.js';
import { MOST_ROWS, restNote } from './bounds.js';
import type { Entry } from './entries.js';
import { formatBytes, formatCount, formatMs, formatPercent, formatSeconds, listWords, NO_VALUE } from './format.js';
import { type Html, html } from './html.js';
import { rowOfEntry, rowOfRun } from './row-data.js';
import { SCORES } from './score.js';
import { OPEN_WORDS } from './table.js';

/** The table, folded. */
export function runsTable(entries: readonly Entry[]): Html {
  const count = entries.reduce((sum, { runs }) => sum + runs.length, 0);
  if (count <= MOST_ROWS) {
    return folded(
      'All runs',
      'runs',
      RUN_HEADS,
      entries.flatMap((entry) => entry.runs.map((run) => runRow(entry, run))),
      html``,
    );
  }
  const groups = entries.flatMap(groupsOf);
  const note = html`<p class="note">${formatCount(count)} runs, together for each model and learning rate: medians over its finished seeds, in brackets the lowest and the highest. Every run is in runs.csv.</p>
${restNote(MOST_ROWS, groups.length, 'models and learning rates', 'runs.csv')}`;
  return folded(
    'All runs, by model and learning rate',
    'rates of models',
    GROUP_HEADS,
    groups.slice(0, MOST_ROWS).map(groupRow),
    note,
  );
}

const RUN_HEADS = [
  'Run',
  'Rate',
  'Seed',
  'Status',
  'Steps',
  'Validation',
  'Test',
  'Soft form',
  'Step',
  'Prefill',
  'Token',
  'Memory',
  'Total time',
];

const GROUP_HEADS = ['Model', 'Rate', 'Runs', 'Finished', 'Validation', 'Test', 'Step', 'Total time'];

function folded(title: string, noun: string, names: readonly string[], rows: readonly Html[], note: Html): Html {
  const heads = names.map(
    (name, index) => html`<th scope="col" class="${index === 0 ? 'left' : 'right'}">${name}</th>`,
  );
  return html`<details><summary>${title}</summary>${note}<div class="scroll" tabindex="0" role="region" aria-label="${title}"><table class="compact" data-table="runs" data-rows="${noun}"><thead><tr>${heads}</tr></thead><tbody>${[...rows]}</tbody></table></div></details>`;
}

function runRow(entry: Entry, run: RunRecord): Html {
  const { config, result } = run;
  const score = SCORES[entry.measure];
  const done = result?.status === 'done' ? result : undefined;
  const open = entry.open.find((other) => other.config === config);
  const last = done ? undefined : run.epochs.at(-1);
  const test = done?.test.find(({ seqLen }) => seqLen === entry.trainLength);
  const state = open ? OPEN_WORDS[open.status] : 'finished';
  const columns = [
    String(config.learningRate),
    String(config.seed),
    `${done?.stoppedEarly ? 'stopped at goal' : state}${done?.engines ? ` (on ${listWords(done.engines)})` : ''}`,
    formatCount(result?.steps ?? last?.step ?? 0),
    done
      ? score.format(score.ofEvaluation(done.validation))
      : last && open?.status === 'leftOut'
        ? score.format(score.ofEpoch(last))
        : NO_VALUE,
    test ? score.format(score.ofEvaluation(test)) : NO_VALUE,
    test?.softAccuracy === undefined ? NO_VALUE : formatPercent(test.softAccuracy),
    done ? formatMs(done.cost.stepMs.median) : NO_VALUE,
    done ? formatMs(done.cost.generation?.prefillMs) : NO_VALUE,
    done ? formatMs(done.cost.generation?.tokenMs) : NO_VALUE,
    done ? formatBytes(done.cost.peakMemoryBytes) : NO_VALUE,
    done ? formatSeconds(done.totalSeconds) : NO_VALUE,
  ];
  return row(html`${entry.label}<br><code>${config.id}</code>`, columns, rowOfRun(entry, state));
}

/** The runs of an entry at a learning rate. */
interface Group {
  readonly entry: Entry;
  readonly learningRate: number;
  readonly runs: readonly RunRecord[];
}

function groupsOf(entry: Entry): Group[] {
  const byRate = new Map<number, RunRecord[]>();
  for (const run of entry.runs) {
    const { learningRate } = run.config;
    const group = byRate.get(learningRate);
    if (group) group.push(run);
    else byRate.set(learningRate, [run]);
  }
  return [...byRate]
    .map(([learningRate, runs]) => ({ entry, learningRate, runs }))
    .sort((a, b) => a.learningRate - b.learningRate);
}

function groupRow({ entry, learningRate, runs }: Group): Html {
  const score = SCORES[entry.measure];
  const done = runs.flatMap(({ result }) => (result?.status === 'done' ? [result] : []));
  const tests = done.flatMap(({ test }) => test.filter(({ seqLen }) => seqLen === entry.trainLength));
  const seconds = done.reduce((sum, { totalSeconds }) => sum + totalSeconds, 0);
  const columns = [
    String(learningRate),
    formatCount(runs.length),
    formatCount(done.length),
    spread(
      done.map(({ validation }) => score.ofEvaluation(validation)),
      score.format,
    ),
    spread(tests.map(score.ofEvaluation), score.format),
    done.length > 0 ? formatMs(median(done.map(({ cost }) => cost.stepMs.median))) : NO_VALUE,
    done.length > 0 ? formatSeconds(seconds) : NO_VALUE,
  ];
  return row(html`${[entry.label, entry.setting].filter(Boolean).join(', ')}`, columns, rowOfEntry(entry));
}

/** `91.2 % [88.0 %, 95.1 %]`. */
function spread(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 0) return NO_VALUE;
  const sorted = [...values].sort((a, b) => a - b);
  const text = format(median(sorted));
  return sorted.length === 1 ? text : `${text} [${format(sorted[0]!)}, ${format(sorted.at(-1)!)}]`;
}

function row(head: Html, columns: readonly string[], about: Html): Html {
  const cells = columns.map((text) => html`<td class="number">${text}</td>`);
  return html`<tr${about}><th scope="row" class="left">${head}</th>${cells}</tr>`;
}
