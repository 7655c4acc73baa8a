/** Brings runs of several directories together: of each run the copy that has come furthest. */
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { acquireLease, createLeaseWatch } from '../runs/lease.js';
import { findRunDirectories, type ReadRun, readRun } from '../runs/read-results.js';
import { RESULT } from '../runs/records.js';
import { isDraft, replaceFile } from '../runs/replace-file.js';
import type { RunDone } from '../runs/results.js';
import type { OnFault } from '../runs/tell-fault.js';

/** What was done about a run. */
export type Merged = { readonly from: string; readonly to: string } & (
  | { readonly kind: 'copied' | 'kept' | 'same' }
  | { readonly kind: 'skipped'; readonly message: string }
  /** Both are done, and say different things; the one that was there stays. */
  | { readonly kind: 'conflict'; readonly message: string }
);

/** In which copies are made, beside the experiments; no command looks for runs there. */
const SCRATCH = '.merge-';

/**
 * Copies the runs of directories into another, experiment by experiment. Nothing that is further along is replaced, and no file of a
 * run in progress is touched. The caller has `into` to itself ({@link exclusively}).
 * @param onFault is told of records that cannot be read; their runs are left out.
 */
export async function mergeRuns(sources: readonly string[], into: string, onFault: OnFault): Promise<Merged[]> {
  await mkdir(into, { recursive: true });
  for (const name of await readdir(into)) {
    if (name.startsWith(SCRATCH)) await rm(join(into, name), { recursive: true }); // of one that was killed
  }
  const merged: Merged[] = [];
  for (const source of sources) {
    for (const from of await findRunDirectories(source, onFault)) {
      const run = await readRun(from, onFault);
      if (!run.config) continue; // named: its config cannot be read
      const to = join(into, run.config.experiment, basename(from));
      if (to !== from) merged.push({ from, to, ...(await mergeRun(run, to, into, onFault)) });
    }
  }
  return merged;
}

type Outcome = Merged extends infer M ? (M extends Merged ? Omit<M, 'from' | 'to'> : never) : never;

async function mergeRun(run: ReadRun, to: string, into: string, onFault: OnFault): Promise<Outcome> {
  const holder = createLeaseWatch().look(run.directory);
  if (holder && run.result?.status !== 'done') {
    return { kind: 'skipped', message: `in progress, by ${holder.owner}: merge again when it has ended` };
  }
  const there = await readRun(to, onFault, run.config!.id);
  if (!there.config) return copyWhole(run.directory, to, into);
  const lease = await acquireLease(to);
  if ('heldBy' in lease) {
    return {
      kind: 'skipped',
      message: `in progress where it would go, by ${lease.heldBy}: merge again when it has ended`,
    };
  }
  try {
    return await mergeFiles(run, await readRun(to, onFault, run.config!.id));
  } finally {
    lease.release();
  }
}

async function copyWhole(from: string, to: string, into: string): Promise<Outcome> {
  const draft = join(into, `${SCRATCH}${randomUUID()}`);
  await cp(from, draft, { recursive: true, filter: (path) => isRecord(basename(path)) });
  await mkdir(join(to, '..'), { recursive: true });
  await rm(to, { recursive: true, force: true }); // without a config: nothing that a run could go on from
  await rename(draft, to);
  return { kind: 'copied' };
}

/** The files of a run over those of another copy; what makes it done comes last. */
async function mergeFiles(run: ReadRun, there: ReadRun): Promise<Outcome> {
  const [mine, theirs] = [run.result, there.result];
  if (mine?.status === 'done' && theirs?.status === 'done') {
    if (isDeepStrictEqual(numbersOf(mine), numbersOf(theirs))) return { kind: 'same' };
    return { kind: 'conflict', message: differenceOf(run, there) };
  }
  if (theirs?.status === 'done' || (mine?.status !== 'done' && stepOf(run) <= stepOf(there))) return { kind: 'kept' };
  const files = (await readdir(run.directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(run.directory.length + 1))
    .filter((file) => file.split(/[\\/]/).every(isRecord))
    .sort((a, b) => Number(a === RESULT.file) - Number(b === RESULT.file));
  for (const file of files) {
    const target = join(there.directory, file);
    await mkdir(join(target, '..'), { recursive: true });
    await replaceFile(target, await readFile(join(run.directory, file)));
  }
  return { kind: 'copied' };
}

const isRecord = (name: string) => !isDraft(name) && name !== '.lock' && !name.startsWith('.lock.');

const stepOf = ({ steps, epochs }: ReadRun) => Math.max(steps.at(-1)?.step ?? 0, epochs.at(-1)?.step ?? 0);

/** What training came to: all but times, and what was measured of the machine. */
function numbersOf({ steps, epochs, chance, validation, test, engines }: RunDone) {
  return { steps, epochs, chance, validation, test, engines };
}

function differenceOf(run: ReadRun, there: ReadRun): string {
  const inWords = ({ result, environment }: ReadRun) => {
    const { validation, steps } = result as RunDone;
    const engine = environment?.engine.name ?? 'an engine that is not on record';
    return `loss ${validation.loss} after ${steps} steps on ${engine}`;
  };
  return `${inWords(run)}, where there is one of ${inWords(there)}, which stays. Engines round differently; where both are the same, look at what made one of them`;
}
