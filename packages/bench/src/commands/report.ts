/** `mixerzoo report`: page, table, Markdown and CSV of the runs in a directory. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { formatTable, writeIndex, writeReport } from '../report/index.js';
import { loadRuns } from '../results.js';
import { last } from './run.js';

/** @returns the exit code. @throws InvalidConfigError if there are no runs. */
export async function report(
  directory: string | undefined,
  flags: { out?: readonly string[]; json?: boolean },
): Promise<number> {
  const from = resolve(directory ?? 'runs');
  if (!existsSync(from)) {
    throw new InvalidConfigError(
      `report: expected a directory of runs, got ${from}, which does not exist. Make runs with \`mixerzoo run\`.`,
    );
  }
  const runs = await loadRuns(from);
  const paths = await writeReport(runs, resolve(last(flags.out) ?? from));
  await writeIndex(from);
  if (flags.json) {
    const summary = runs.map(({ directory, config, environment, result }) => ({
      directory,
      config,
      environment,
      result,
    }));
    process.stdout.write(`${JSON.stringify({ ...paths, runs: summary }, null, 2)}\n`);
  } else {
    const { columns } = process.stdout;
    process.stdout.write(
      `${formatTable(runs, columns === undefined ? {} : { width: columns })}\n\nReport: ${paths.page}\n`,
    );
  }
  return 0;
}
