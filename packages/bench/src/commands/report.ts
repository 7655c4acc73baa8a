/** `mixerzoo report`: page, table, Markdown and CSV of the runs in a directory. */
import { resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { writeIndex } from '../report/write-index.js';
import { formatTable, writeReport } from '../report/write-report.js';
import { exclusively } from '../runs/lease.js';
import { terminalWidth } from '../runs/progress.js';
import { loadRuns } from '../runs/read-results.js';
import { assertWritable } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { createFaultLog } from './fault-log.js';
import type { ServeFlags } from './serve-report.js';

/** @returns the exit code: 1 if a record cannot be read. @throws InvalidConfigError if there are no runs, or no place for the report. */
export async function report(
  directory: string | undefined,
  flags: ServeFlags & { readonly out?: readonly string[]; readonly serve?: boolean },
): Promise<number> {
  const from = resolve(directory ?? 'runs');
  if (flags.serve) {
    if (flags.out) throw new InvalidConfigError('--out: expected no place beside --serve, which writes nothing.');
    const { serveReport } = await import('./serve-report.js'); // with it come the charts
    return serveReport(from, flags);
  }
  const [alone] = (['host', 'port'] as const).filter((name) => flags[name] !== undefined);
  if (alone) throw new InvalidConfigError(`--${alone}: expected it together with --serve.`);
  const out = resolve(flags.out?.at(-1) ?? from);
  const faults = createFaultLog();
  const runs = await loadRuns(from, faults.count);
  if (runs.length > 0) await assertWritable(out);
  const write = async () => {
    const written = await writeReport(runs, out);
    if (out === from) await writeIndex(from, faults.count);
    return written;
  };
  const inRun = runs.some((run) => run.directory === out); // whose worker has the directory to itself
  const paths = await (runs.length === 0 || inRun ? write() : exclusively([out], write));
  if (flags.json) {
    const summary = runs.map(({ directory, config, environment, result }) => ({
      directory,
      config,
      environment,
      result,
    }));
    printJson({ ...paths, runs: summary });
  } else {
    print(`${formatTable(runs, terminalWidth(process.stdout))}\n\nReport: ${paths.page}`);
  }
  return faults.exitCode(0);
}
