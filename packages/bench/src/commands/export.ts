/** `mixerzoo export`: the runs of a directory in another tool's format, or a run's model in that of Hugging Face. */
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import { plural } from '../report/format.js';
import { exclusively } from '../runs/lease.js';
import { loadRuns } from '../runs/read-results.js';
import { assertWritable } from '../runs/run-experiment.js';
import { exportExperiment, exportRun } from '../tensorboard/export-run.js';
import { print, printJson } from '../terminal.js';
import { exportModel, type ModelFlags } from './export-model.js';
import { createFaultLog } from './fault-log.js';

const FORMATS = ['tensorboard', 'hf'];

/**
 * @returns the exit code: 1 if a record cannot be read.
 * @throws UnknownNameError for an unknown format, InvalidConfigError if there are no runs.
 */
export async function exportRuns(format: string, directory: string | undefined, flags: ModelFlags): Promise<number> {
  if (!FORMATS.includes(format)) throw new UnknownNameError('export format', format, FORMATS);
  if (format === 'hf') return exportModel(directory, flags);
  const from = resolve(directory ?? 'runs');
  const out = resolve(flags.out?.at(-1) ?? join(from, 'tensorboard'));
  const faults = createFaultLog();
  const runs = await loadRuns(from, faults.count);
  if (runs.length === 0) {
    throw new InvalidConfigError(`export: expected runs below ${from}, got none. Make runs with \`mixerzoo run\`.`);
  }
  await assertWritable(out);
  // Below `out` as below `from`: runs of one experiment in two directories stay apart.
  const targets = runs.map(({ directory }) => join(out, relative(from, directory) || basename(directory)));
  for (const target of targets) assertInside(out, target);
  const ofWorkers = new Set(runs.map(({ directory }) => directory)); // what is half made there is theirs
  const ours = targets.filter((target) => !ofWorkers.has(target));
  const files: string[] = [];
  await exclusively([out, ...ours], async () => {
    for (const [index, run] of runs.entries()) files.push(await exportRun(run, targets[index] as string));
    await exportExperiment(runs, out);
  });
  if (flags.json) printJson({ directory: out, files });
  else print(`${plural(files.length, 'run')} exported. See them: tensorboard --logdir ${out}`);
  return faults.exitCode(0);
}

/** Whatever the directories of runs are called, and wherever they were found. */
function assertInside(directory: string, path: string): void {
  const inside = relative(directory, path);
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) {
    throw new InvalidConfigError(`export: expected a place below ${directory}, got ${path}. Rename that directory.`);
  }
}
