/** `mixerzoo export`: the runs of a directory in another tool's format. */
import { basename, join, resolve } from 'node:path';
import { UnknownNameError } from '@mixerzoo/core';
import { loadRuns } from '../results.js';
import { exportRun } from '../tensorboard/export-run.js';
import { last } from './run.js';

const FORMATS = ['tensorboard'];

/** @returns the exit code. @throws UnknownNameError for an unknown format, CheckpointError if a run cannot be read. */
export async function exportRuns(
  format: string,
  directory: string | undefined,
  flags: { out?: readonly string[]; json?: boolean },
): Promise<number> {
  if (!FORMATS.includes(format)) throw new UnknownNameError('export format', format, FORMATS);
  const from = resolve(directory ?? 'runs');
  const out = resolve(last(flags.out) ?? join(from, 'tensorboard'));
  const runs = await loadRuns(from);
  const files: string[] = [];
  for (const run of runs) files.push(await exportRun(run, join(out, run.config.experiment, basename(run.directory))));
  if (flags.json) process.stdout.write(`${JSON.stringify({ directory: out, files }, null, 2)}\n`);
  else process.stdout.write(`${files.length} runs exported. See them: tensorboard --logdir ${out}\n`);
  return 0;
}
