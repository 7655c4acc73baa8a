/** `mixerzoo report`: page, table, Markdown and CSV of the runs in a directory. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { groupEntries } from '../report/entries.js';
import { markdownTable, tableCsv, terminalTable } from '../report/table.js';
import { loadRuns, type RunConfig } from '../results.js';
import { last } from './run.js';

/** A report on disk. */
export interface WrittenReport {
  readonly page: string;
  /** The table for a terminal of some columns. */
  table(width: number | undefined): string;
}

/** @returns the exit code. @throws InvalidConfigError if there are no runs. */
export async function report(
  directory: string | undefined,
  flags: { out?: readonly string[]; json?: boolean },
): Promise<number> {
  const from = resolve(directory ?? 'runs');
  if (!existsSync(from)) throw new InvalidConfigError(`report: expected a directory of runs, got ${from}, which does not exist.`);
  const out = last(flags.out);
  const written = await writeReport(from, { ...(out === undefined ? {} : { out: resolve(out) }) });
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ page: written.page, runs: await loadRuns(from) }, null, 2)}\n`);
  else process.stdout.write(`${written.table(process.stdout.columns)}\n\nReport: ${written.page}\n`);
  return 0;
}

/**
 * Writes the report of the runs at or below a directory.
 * @param options.planned - configs of the runs it is about; default: all that are found.
 * @param options.out - default: the directory itself.
 * @throws InvalidConfigError if there are none.
 */
export async function writeReport(
  directory: string,
  options: { readonly planned?: readonly RunConfig[]; readonly out?: string } = {},
): Promise<WrittenReport> {
  const { planned, out = directory } = options;
  const wanted = planned && new Set(planned.map((config) => config.id));
  const runs = (await loadRuns(directory)).filter((run) => !wanted || wanted.has(run.config.id));
  if (runs.length === 0 && !planned) {
    throw new InvalidConfigError(`report: expected runs in ${directory}, got none. Make some with \`mixerzoo run\`.`);
  }
  const entries = groupEntries(runs, planned);
  await mkdir(out, { recursive: true });
  await Promise.all([
    writeFile(join(out, 'report.md'), markdownTable(entries)),
    writeFile(join(out, 'report.csv'), tableCsv(entries)),
  ]);
  return { page: join(out, 'report.md'), table: (width) => terminalTable(entries, width) };
}
