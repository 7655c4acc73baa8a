/**
 * Where the data of a run lie, on record: by their path from the run's directory, so that a project may be moved as a whole, and its
 * runs be used from any working directory.
 */
import { realpathSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { CONFIG, writeRecord } from './records.js';
import type { RunConfig } from './run-config.js';

type RunTask = RunConfig['task'];

/** Writes the config of a run, whose paths count from the working directory, into its directory, which is there. */
export async function writeConfig(directory: string, config: RunConfig): Promise<void> {
  const task = movePlaces(config.task, (path) => relative(realpathSync(directory), resolve(path)).split(sep).join('/'));
  await writeRecord(CONFIG, directory, config.id, { ...config, task });
}

/** The task of a config as it stands on disk, its paths absolute. */
export function locateTask(task: RunTask, directory: string): RunTask {
  return movePlaces(task, (path) => resolve(realpathSync(directory), path));
}

function movePlaces({ places, ...task }: RunTask, move: (path: string) => string): RunTask {
  if (!places) return task;
  return { ...task, places: Object.fromEntries(Object.entries(places).map(([key, path]) => [key, move(path)])) };
}
