/** What is on disk before an experiment's runs are started: records that cannot be read, and runs of other code. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isZooError } from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { hashConfig } from '@mixerzoo/core/harness';
import { codeChanges } from '../experiment/code-changes.js';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import { plural } from '../report/format.js';
import { writeConfig } from './places.js';
import { findRunDirectories, type ReadRun, readRuns } from './read-results.js';
import { CONFIG, readRecord } from './records.js';
import type { RunConfig } from './run-config.js';
import { type OnFault, tell } from './tell-fault.js';

/**
 * Reads what there is of each run; nothing for a run that has not begun.
 * @param what `open`: of runs that are done, the config and the result alone.
 */
export async function readPlanned(
  runs: readonly PlannedRun[],
  out: string,
  onFault: OnFault,
  what: 'all' | 'open' = 'all',
): Promise<Map<PlannedRun, ReadRun>> {
  const places = runs.map((run) => ({ directory: runDirectory(out, run), id: run.config.id }));
  const read = await readRuns(places, onFault, what);
  return new Map(runs.map((run, index) => [run, read[index]!]));
}

/**
 * Writes configs again that were lost from the directories of runs, or name another search than is under way or another experiment, whose runs of
 * the same settings were copied here: they are known. Results are made again by the run.
 * @param onFault is told of those that cannot be written.
 */
export async function mendConfigs(found: ReadonlyMap<PlannedRun, ReadRun>, onFault: OnFault): Promise<void> {
  for (const [{ config }, run] of found) {
    const { experiment, search } = run.config ?? {};
    if (experiment === config.experiment && isDeepStrictEqual(search, config.search)) continue;
    const { directory } = run;
    const begun = run.result ?? run.environment ?? run.steps[0] ?? run.epochs[0];
    if (!begun) continue;
    try {
      await writeConfig(directory, config);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (isZooError(error) || code === undefined) throw error;
      const path = join(directory, CONFIG.file);
      onFault(
        new CheckpointError(`${path}: expected to write it again, got ${code}. Check what is there.`, { cause: error }),
      );
    }
  }
}

/**
 * Says which runs of the same settings other code has made, where those of now are still to be done; undefined where
 * there are none.
 * @param onFault is told of configs that cannot be read: what made those runs cannot be said.
 */
export async function describeOtherCode(
  found: ReadonlyMap<PlannedRun, ReadRun>,
  out: string,
  onFault: OnFault,
): Promise<string | undefined> {
  const ids = new Set([...found.keys()].map(({ config }) => config.id));
  const open = new Map<string, RunConfig>();
  for (const [{ config }, { result }] of found) if (result?.status !== 'done') open.set(settingOf(config), config);
  if (open.size === 0) return undefined;
  const changes = new Set<string>();
  let others = 0;
  for (const experiment of new Set([...open.values()].map((config) => join(out, config.experiment)))) {
    for (const directory of existsSync(experiment) ? await findRunDirectories(experiment, onFault) : []) {
      const other = await readRecord(CONFIG, directory).catch((error: unknown) => tell(error, onFault));
      const now = other && !ids.has(other.id) ? open.get(settingOf(other)) : undefined;
      if (!other || !now) continue;
      others += 1;
      for (const change of codeChanges(other.code, now.code)) changes.add(change);
    }
  }
  if (others === 0) return undefined;
  const listed = [...changes].slice(0, MOST_CHANGES).join(', ');
  const more = changes.size > MOST_CHANGES ? ` and ${changes.size - MOST_CHANGES} more` : '';
  return `${plural(others, 'run')} of this experiment ${others === 1 ? 'is' : 'are'} of other code (${listed}${more}): kept, and run anew.`;
}

const MOST_CHANGES = 4;

/** A hash of what decides a run's numbers but for the code. */
function settingOf({
  id,
  experiment,
  description,
  label,
  source,
  enoughAt,
  search,
  code,
  ...setting
}: RunConfig): string {
  const { task, layers } = setting;
  const bare = { task: { ...task, from: '' }, layers: layers.map((layer) => ({ ...layer, from: '' })) };
  return hashConfig({ ...setting, ...bare });
}
