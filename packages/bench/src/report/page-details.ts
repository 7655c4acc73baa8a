/** The end of a report page, mostly folded: every run, its configuration, and where it ran. */
import type { RunEnvironment, RunRecord } from '../runs/results.js';
import { MOST_CHARTS, MOST_ROWS, restNote } from './bounds.js';
import { runChart } from './charts.js';
import { oneWidth } from './drawing.js';
import type { Entry } from './entries.js';
import { formatBytes, formatOptions, listWords, NO_VALUE, plural } from './format.js';
import { type Html, html } from './html.js';
import { runsTable } from './runs-table.js';
import { SCORES } from './score.js';

/** A table of all runs, and the configuration of each entry with the curves of its runs. */
export async function runsSection(entries: readonly Entry[]): Promise<Html> {
  const shown = entries.slice(0, MOST_ROWS);
  const configs = await Promise.all(
    shown.map(async (entry, index) => {
      const curves = index < MOST_CHARTS ? await runCurves(entry) : undefined;
      return html`<details><summary>${[entry.label, entry.setting].filter(Boolean).join(', ')}</summary>
${curves}${factTable(configRows(entry))}</details>`;
    }),
  );
  return html`<section><h2>Runs and configuration</h2>
${runsTable(entries)}
${configs}
${restNote(shown.length, entries.length, 'configurations', 'table.csv, and in the config.json of each run')}</section>`;
}

/** Validation accuracy, or loss, of the runs of an entry, a line each; undefined where there is one run or none. */
async function runCurves(entry: Entry): Promise<Html | undefined> {
  const runs = entry.runs.slice(0, MOST_NAMED_LINES);
  const spec = runChart(runs, { width: 440, height: 220 });
  if (!spec) return undefined;
  const names = runs.map(({ config }) => `learning rate ${config.learningRate}, seed ${config.seed}`);
  const drawn = await oneWidth(spec, `Validation ${SCORES[entry.measure].word} by step: ${listWords(names)}`);
  return html`${drawn}${restNote(runs.length, entry.runs.length, 'runs', 'curves.csv')}`;
}

/** Lines with names beside the chart. */
const MOST_NAMED_LINES = 24;

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
