/** `mixerzoo export`: the runs of a directory in another tool's format. */
import { basename, join, relative, resolve } from 'node:path';
import { InvalidConfigError, UnknownNameError } from '@mixerzoo/core';
import { plural } from '../report/format.js';
import { exclusively } from '../runs/lease.js';
import { loadRuns } from '../runs/read-results.js';
import { assertWritable } from '../runs/run-experiment.js';
import { exportExperiment, exportRun } from '../tensorboard/export-run.js';

const FORMATS = ['tensorboard'];

/**
 * @returns the exit code.
 * @throws UnknownNameError for an unknown format, InvalidConfigError if there are no runs, CheckpointError if one cannot
 *   be read.
 */
export async function exportRuns(
  format: string,
  directory: string | undefined,
  flags: { out?: readonly string[]; json?: boolean },
): Promise<number> {
  if (!FORMATS.includes(format)) throw new UnknownNameError('export format', format, FORMATS);
  const from = resolve(directory ?? 'runs');
  const out = resolve(flags.out?.at(-1) ?? join(from, 'tensorboard'));
  const runs = await loadRuns(from);
  if (runs.length === 0) {
    throw new InvalidConfigError(`export: expected runs below ${from}, got none. Make runs with \`mixerzoo run\`.`);
  }
  await assertWritable(out);
  // Below `out` as below `from`: runs of one experiment in two directories stay apart.
  const targets = runs.map(({ directory }) => join(out, relative(from, directory) || basename(directory)));
  const files: string[] = [];
  await exclusively([out, ...targets], async () => {
    for (const [index, run] of runs.entries()) files.push(await exportRun(run, targets[index] as string));
    await exportExperiment(runs, out);
  });
  if (flags.json) process.stdout.write(`${JSON.stringify({ directory: out, files }, null, 2)}\n`);
  else process.stdout.write(`${plural(files.length, 'run')} exported. See them: tensorboard --logdir ${out}\n`);
  return 0;
}
