/** The end of a report page, mostly folded: every run, its configuration, and where it ran. */
import type { RunEnvironment, RunRecord } from '../runs/results.js';
import { runChart } from './charts.js';
import { oneWidth } from './drawing.js';
import type { Entry } from './entries.js';
import {
  formatBytes,
  formatCount,
  formatMs,
  formatOptions,
  formatPercent,
  formatSeconds,
  listWords,
  NO_VALUE,
  plural,
} from './format.js';
import { type Html, html } from './html.js';
import { rowOfRun } from './row-data.js';
import { SCORES } from './score.js';
import { OPEN_WORDS } from './table.js';

/** A table of all runs, and the configuration of each entry with the curves of all its runs. */
export async function runsSection(entries: readonly Entry[]): Promise<Html> {
  const rows = entries.flatMap((entry) => entry.runs.map((run) => runRow(entry, run)));
  const heads = [
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
  ].map((head, index) => html`<th scope="col" class="${index === 0 ? 'left' : 'right'}">${head}</th>`);
  const configs = await Promise.all(
    entries.map(async (entry) => {
      const curves = await runCurves(entry);
      return html`<details><summary>${[entry.label, entry.setting].filter(Boolean).join(', ')}</summary>
${curves}${factTable(configRows(entry))}</details>`;
    }),
  );
  return html`<section><h2>Runs and configuration</h2>
<details><summary>All runs</summary><div class="scroll" tabindex="0" role="region" aria-label="All runs"><table class="compact" data-table="runs" data-rows="runs"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table></div></details>
${configs}</section>`;
}

/** Validation accuracy, or loss, of every run of an entry, a line each; undefined where there is one run or none. */
async function runCurves(entry: Entry): Promise<Html | undefined> {
  const spec = runChart(entry.runs, { width: 440, height: 220 });
  if (!spec) return undefined;
  const names = entry.runs.map(({ config }) => `learning rate ${config.learningRate}, seed ${config.seed}`);
  return oneWidth(spec, `Validation ${SCORES[entry.measure].word} by step: ${listWords(names)}`);
}

function runRow(entry: Entry, run: RunRecord): Html {
  const { config, result, epochs } = run;
  const score = SCORES[entry.measure];
  const done = result?.status === 'done' ? result : undefined;
  const open = entry.open.find((other) => other.config === config);
  const last = open?.status === 'leftOut' ? epochs.at(-1) : undefined;
  const test = done?.test.find(({ seqLen }) => seqLen === entry.trainLength);
  const state = open ? OPEN_WORDS[open.status] : done?.stoppedEarly ? 'stopped at goal' : 'finished';
  const columns = [
    String(config.learningRate),
    String(config.seed),
    `${state}${done?.engines ? ` (on ${listWords(done.engines)})` : ''}`,
    formatCount(result?.steps ?? epochs.at(-1)?.step ?? 0),
    done ? score.format(score.ofEvaluation(done.validation)) : last ? score.format(score.ofEpoch(last)) : NO_VALUE,
    test ? score.format(score.ofEvaluation(test)) : NO_VALUE,
    test?.softAccuracy === undefined ? NO_VALUE : formatPercent(test.softAccuracy),
    done ? formatMs(done.cost.stepMs.median) : NO_VALUE,
    done ? formatMs(done.cost.generation?.prefillMs) : NO_VALUE,
    done ? formatMs(done.cost.generation?.tokenMs) : NO_VALUE,
    done ? formatBytes(done.cost.peakMemoryBytes) : NO_VALUE,
    done ? formatSeconds(done.totalSeconds) : NO_VALUE,
  ].map((text) => html`<td class="number">${text}</td>`);
  return html`<tr${rowOfRun(entry, open ? state : 'finished')}><th scope="row" class="left">${entry.label}<br><code>${config.id}</code></th>${columns}</tr>`;
}

/** What an entry's runs have in common, and what they vary. */
function configRows(entry: Entry): [string, string][] {
  const { task, model, layers, train, testLengths, engine } = entry.runs[0]!.config;
  const vary = (pick: (run: RunRecord) => number) => [...new Set(entry.runs.map(pick))].join(', ');
  return [
    ['Task', `${task.name}: ${formatOptions(task.config)}`],
    ['Backbone', formatOptions(model)],
    ...layers.map(({ mixer, config, block }, index): [string, string] => {
      const around = Object.keys(block).length === 0 ? '' : `; block: ${formatOptions(block)}`;
      return [`Layer ${index + 1}`, `${mixer}: ${formatOptions(config)}${around}`];
    }),
    ['Training', formatOptions(train)],
    ['Learning rates', vary(({ config }) => config.learningRate)],
    ['Seeds', vary(({ config }) => config.seed)],
    ['Test lengths', testLengths.join(', ')],
    ['Engine asked for', engine],
  ];
}

/** Where the runs ran: a table per distinct environment. */
export function environmentSection(runs: readonly RunRecord[]): Html {
  const environments = new Map<string, { environment: RunEnvironment; runs: number }>();
  for (const { environment } of runs) {
    if (!environment) continue;
    const key = JSON.stringify({ ...environment, startedAt: '', seed: 0 });
    environments.set(key, { environment, runs: (environments.get(key)?.runs ?? 0) + 1 });
  }
  const several = environments.size > 1;
  const tables = [...environments.values()].map(({ environment, runs: count }) => {
    const heading = several ? html`<h3>Of ${plural(count, 'run')}</h3>` : '';
    return html`${heading}${factTable(environmentRows(environment))}`;
  });
  return html`${tables.length > 0 ? html`<section><h2>Environment</h2>${tables}</section>` : ''}`;
}

function environmentRows(environment: RunEnvironment): [string, string][] {
  const { engine, cpu, gpus, git, versions, workers } = environment;
  return [
    ['Engine', `${engine.name}: ${engine.description}`],
    ['Engine details', formatOptions(engine.details) || NO_VALUE],
    ['Processor', `${cpu.model}, ${plural(cpu.cores, 'core')}${cpu.speedGhz > 0 ? `, ${cpu.speedGhz} GHz` : ''}`],
    ['Memory', formatBytes(environment.memoryBytes)],
    ['Graphics', gpus.join(', ') || 'none'],
    ['Platform', environment.platform],
    ['Runs at a time', `${workers} (they share the machine: read times with it)`],
    ['Versions', formatOptions(versions)],
    [
      'Repository',
      git ? `${git.commit.slice(0, 12)} on ${git.branch}${git.dirty ? ', with uncommitted changes' : ''}` : 'none',
    ],
  ];
}

function factTable(rows: readonly (readonly [string, string])[]): Html {
  const lines = rows.map(([name, text]) => html`<tr><th scope="row">${name}</th><td>${text}</td></tr>`);
  return html`<table class="plain"><tbody>${lines}</tbody></table>`;
}
