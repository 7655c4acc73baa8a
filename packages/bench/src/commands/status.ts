/** `mixerzoo status`: what is done, running, failed and still to come in a directory of runs. */
import { resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { type PlanStatus, type RunStatus, readStatus } from '../cluster/status.js';
import { formatSeconds } from '../report/format.js';
import { print, printJson } from '../terminal.js';
import { createFaultLog } from './fault-log.js';

/** @returns the exit code: 1 where runs have failed, or a record cannot be read. @throws InvalidConfigError if there is no plan. */
export async function status(directory: string | undefined, { json }: { readonly json?: boolean }): Promise<number> {
  const from = resolve(directory ?? 'runs');
  const faults = createFaultLog();
  const plans = await readStatus(from, faults.count).catch((error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) throw error;
    throw new InvalidConfigError(`${from}: expected a directory of runs, got ${error.code}.`, { cause: error });
  });
  if (plans.length === 0) {
    throw new InvalidConfigError(
      `${from}: expected a plan of runs (plan.json) here or one level below, got none. \`mixerzoo run\` writes it as it begins.`,
    );
  }
  if (json) printJson({ plans });
  else for (const plan of plans) print(describe(plan));
  return faults.exitCode(plans.some(({ runs }) => runs.some(({ state }) => state === 'failed')) ? 1 : 0);
}

const STATES = ['done', 'running', 'waiting', 'failed', 'unneeded'] as const;

function describe({ place, command, runs, secondsLeft }: PlanStatus): string {
  const of = <S extends RunStatus['state']>(state: S) =>
    runs.filter((run): run is Extract<RunStatus, { readonly state: S }> => run.state === state);
  const counts = STATES.map((state) => [of(state).length, state] as const).filter(([count]) => count > 0);
  const left = secondsLeft === undefined ? '' : `; about ${formatSeconds(secondsLeft)} left`;
  const lines = [
    `${place} (mixerzoo ${command}): ${counts.map(([count, state]) => `${count} ${state}`).join(', ')}${left}`,
  ];
  for (const run of of('running')) {
    const since = run.since === undefined ? '' : ` since ${run.since}`;
    const at = `step ${run.step} of ${run.steps}`;
    lines.push(
      `  running: ${run.name}, ${at}, by ${run.owner}${since}, last heard of ${formatSeconds(run.heartbeatSeconds)} ago`,
    );
  }
  for (const run of of('waiting').filter(({ step }) => step > 0))
    lines.push(`  left behind: ${run.name}, step ${run.step} of ${run.steps}`);
  for (const run of of('failed'))
    lines.push(`  failed: ${run.name}: ${run.message.split('\n')[0]}\n    ${run.directory}`);
  if (of('failed').length > 0) lines.push('  The same command again tries failed runs anew.');
  return lines.join('\n');
}
