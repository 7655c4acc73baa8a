/** `mixerzoo merge`: runs from machines that share no directory, in one, with one report. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { type Merged, mergeRuns } from '../cluster/merge.js';
import { exclusively } from '../runs/lease.js';
import { assertWritable } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { createFaultLog } from './fault-log.js';
import { report } from './report.js';

/** @returns the exit code: 1 where runs of one id say different things, are in progress, or cannot be read. @throws InvalidConfigError */
export async function merge(
  sources: readonly string[],
  flags: { readonly into?: readonly string[]; readonly json?: boolean },
): Promise<number> {
  const into = resolve(flags.into?.at(-1) ?? 'runs');
  const from = sources.map((source) => resolve(source));
  for (const directory of from) {
    if (!existsSync(directory))
      throw new InvalidConfigError(`merge: expected directories of runs, got ${directory}, which does not exist.`);
    if (directory === into)
      throw new InvalidConfigError(`merge: expected other directories than that of --into, got ${into}.`);
  }
  await assertWritable(into);
  const faults = createFaultLog();
  const merged = await exclusively([into], () => mergeRuns(from, into, faults.count));
  const of = (kind: Merged['kind']) => merged.filter((one) => one.kind === kind);
  const unclear = merged.filter((one) => one.kind === 'conflict' || one.kind === 'skipped');
  for (const one of unclear) print(`${one.kind}: ${one.from}: ${one.message}.`, process.stderr);
  const words = `${of('copied').length} copied, ${of('same').length} there already, ${of('kept').length} further along where they were, ${of('skipped').length} in progress, ${of('conflict').length} in conflict.`;
  if (flags.json) printJson({ into, merged });
  else print(words);
  const code = merged.length > 0 && existsSync(join(into)) && !flags.json ? await report(into, {}) : 0;
  return faults.exitCode(unclear.length > 0 ? 1 : code);
}
