/** The top of a report page: what it asks, what was run, with what budget, on what machine. */
import { partsOfDescription } from '../experiment/describe-experiment.js';
import type { RunRecord } from '../runs/results.js';
import type { Entry } from './entries.js';
import { budgets, countRuns, recipes } from './findings.js';
import { formatOptions, formatSeconds, NO_VALUE, plural } from './format.js';
import { type Html, html } from './html.js';

/** The words on the setting are on demand; `folded`: those on the purpose too, for a page that begins with a figure. */
export function pageHeader(title: string, description: string, entries: readonly Entry[], folded: boolean): Html {
  const runs = entries.flatMap((entry) => entry.runs);
  const environments = runs.flatMap((run) => run.environment ?? []);
  const distinct = (texts: readonly string[]) => [...new Set(texts)].join('; ') || NO_VALUE;
  const total = runs.reduce((sum, run) => sum + secondsOf(run), 0);
  const day = runs
    .flatMap((run) => run.result?.finishedAt.slice(0, 10) ?? [])
    .sort()
    .at(-1);
  const { purpose, setting } = partsOfDescription(description);
  const inFull = folded ? description : setting;
  const fact = (name: string, text: string) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`;
  return html`<header>
<p class="eyebrow">mixerzoo report${day === undefined ? '' : ` · ${day}`}</p>
<h1>${title}</h1>
${purpose === '' || folded ? '' : html`<p class="lead">${purpose}</p>`}
<dl class="facts">
${fact('What was run', countRuns(entries))}
${fact(budgets(runs).length > 1 ? 'Budgets (they differ)' : 'Budget, the same for every model', distinct(budgets(runs)))}
${fact('Training', distinct(recipes(runs)))}
${fact('Engine', distinct(environments.map(({ engine }) => `${engine.name}: ${engine.description}`)))}
${fact('Machine', distinct(environments.map(({ cpu, gpus }) => [cpu.model, plural(cpu.cores, 'core'), ...gpus].join(', '))))}
${fact('Time of all runs together', formatSeconds(total))}
${folded ? '' : html`<div class="whole"><dt>Task</dt><dd>${distinct(runs.map(describeTask))}</dd></div>`}
</dl>
${inFull === '' ? '' : html`<details><summary>Setting and budget in full</summary><p>${inFull}</p></details>`}
</header>`;
}

/** Seconds of a run, so far as it came: those of rates that were left out are spent too. */
function secondsOf({ result, epochs }: RunRecord): number {
  return result?.status === 'done' ? result.totalSeconds : (epochs.at(-1)?.totalSeconds ?? 0);
}

function describeTask({ config: { task } }: RunRecord): string {
  return `${task.name}: ${formatOptions(task.config)}`;
}
