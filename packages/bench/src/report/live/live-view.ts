/** What a page that follows its runs has beyond the report: the line that says so, and what goes on. */
import type { PlanStatus, RunStatus } from '../../cluster/status.js';
import { formatCount, formatSeconds, NO_VALUE } from '../format.js';
import { type Html, html } from '../html.js';

/** Those parts, as they are at the moment. */
export interface LiveView {
  /** Tells this state of the runs from others. */
  readonly version: string;
  readonly progress: Html;
}

type Running = Extract<RunStatus, { readonly state: 'running' }>;
type Waiting = Extract<RunStatus, { readonly state: 'waiting' }>;

const STATES = ['done', 'running', 'waiting', 'failed', 'unneeded'] as const;

/** The line above the page. */
export function liveLine({ version }: LiveView): Html {
  return html`<p id="live" class="live" data-version="${version}" data-state="on"><strong>Live</strong><span aria-live="off">This page follows its runs.</span></p>
`;
}

/** Runs that are under way or were left behind, and how many there are of the others. */
export function progressSection(plans: readonly PlanStatus[]): Html {
  if (plans.length === 0) {
    return html`<section><h2>What goes on</h2><p class="note">No command has left a plan here: what is under way is not known.</p></section>`;
  }
  const begun = plans.flatMap(({ runs }) => runs.filter(isBegun));
  return html`<section><h2>What goes on</h2>
${plans.map(({ command, runs, secondsLeft }) => html`<p><strong>mixerzoo ${command}</strong>: ${countStates(runs)}${secondsLeft === undefined ? '' : `; about ${formatSeconds(secondsLeft)} left`}.</p>`)}
${begun.length === 0 ? html`<p class="note">Nothing is under way.</p>` : begunTable(begun)}</section>`;
}

/** `12 done, 2 running, 6 waiting`. */
function countStates(runs: readonly RunStatus[]): string {
  const counts = STATES.map((state) => [runs.filter((run) => run.state === state).length, state] as const);
  return counts.flatMap(([count, state]) => (count > 0 ? [`${formatCount(count)} ${state}`] : [])).join(', ');
}

const isBegun = (run: RunStatus): run is Running | Waiting =>
  run.state === 'running' || (run.state === 'waiting' && run.step > 0);

function begunTable(runs: readonly (Running | Waiting)[]): Html {
  const heads = ['Run', 'State', 'Step', 'Of steps', 'Worker', 'Since', 'Last heard of'].map(
    (head, index) => html`<th role="columnheader" scope="col" class="${index === 0 ? 'left' : 'right'}">${head}</th>`,
  );
  const rows = runs.map((run) => {
    const working = run.state === 'running' ? run : undefined;
    const state = working ? 'running' : 'left behind';
    const cell = (head: string, text: string) => html`<td role="cell" class="number" data-label="${head}">${text}</td>`;
    return html`<tr role="row" data-state="${state}"><th role="rowheader" scope="row" class="left">${run.name}</th>
${cell('State', state)}${cell('Step', formatCount(run.step))}${cell('Of steps', formatCount(run.steps))}
<td role="cell" data-label="Worker">${working?.owner ?? NO_VALUE}</td>${cell('Since', sinceOf(working))}
<td role="cell" class="number" data-label="Last heard of"><span data-heard="${run.directory}">${working ? heardOf(working) : NO_VALUE}</span></td></tr>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Runs under way"><table role="table" class="cards" data-table="progress"><thead role="rowgroup"><tr role="row">${heads}</tr></thead><tbody role="rowgroup">${rows}</tbody></table></div>`;
}

/** `2026-01-02 03:04 UTC`. */
const sinceOf = (run: Running | undefined) =>
  run?.since === undefined ? NO_VALUE : `${run.since.slice(0, 16).replace('T', ' ')} UTC`;

/** `3 s ago`. */
export const heardOf = ({ heartbeatSeconds }: Running) => `${formatSeconds(Math.round(heartbeatSeconds))} ago`;
