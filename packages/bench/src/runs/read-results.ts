/**
 * Reads back what runs left on disk; see `results.ts`. A damaged record costs what it held: it is named, and the rest of the
 * run, and all other runs, are read.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { NO_HISTORY, readHistory } from './history.js';
import {
  CONFIG,
  ENVIRONMENT,
  METRICS,
  RECORD_FILES,
  RESULT,
  type RecordKind,
  readIfThere,
  readRecord,
  withFile,
} from './records.js';
import type { RunDone, RunRecord, RunResult } from './results.js';
import { createSharing } from './share-parts.js';
import { type OnFault, tell } from './tell-fault.js';

const raise: OnFault = (fault) => {
  throw fault;
};

/**
 * Reads every run at or below a directory, through links too, in order of label, learning rate, seed.
 * @param onFault default: the first fault is thrown. With one, records that cannot be read are left out, and runs without a
 *   config.
 * @throws InvalidConfigError if there is no such directory.
 */
export async function loadRuns(directory: string, onFault: OnFault = raise): Promise<RunRecord[]> {
  const places = (await findRunDirectories(directory, onFault)).map((found) => ({ directory: found }));
  const runs = (await readRuns(places, onFault)).filter(isWhole);
  return runs.sort(
    (a, b) =>
      a.config.experiment.localeCompare(b.config.experiment) ||
      a.config.label.localeCompare(b.config.label) ||
      a.config.learningRate - b.config.learningRate ||
      a.config.seed - b.config.seed,
  );
}

/** Reads one run directory. @throws CheckpointError if it has no config that can be read, and as {@link loadRuns}. */
export async function loadRun(directory: string, onFault: OnFault = raise): Promise<RunRecord> {
  const run = await readRun(directory, onFault);
  if (!isWhole(run)) {
    throw new CheckpointError(`${directory}: expected a run directory, got one without ${CONFIG.file}.`);
  }
  return run;
}

/** A run of which the config may be lost. */
export type ReadRun = Omit<RunRecord, 'config'> & { readonly config: RunRecord['config'] | undefined };

const isWhole = (run: ReadRun): run is RunRecord => run.config !== undefined;

/** Settings of {@link readRun}. */
interface ReadOptions {
  /** `open`: of runs that are done, the config and the result alone are read. Default: everything of every run. */
  readonly what?: 'all' | 'open';
  /** Finds what another record says too, so that it is held once. */
  readonly share?: ReturnType<typeof createSharing>;
}

/**
 * Reads runs as {@link readRun}, many files at a time, and holds what their configs and environments have in common once.
 * @param onFault is told in the order of the runs.
 */
export async function readRuns(
  places: readonly { readonly directory: string; readonly id?: string }[],
  onFault: OnFault,
  what: ReadOptions['what'] = 'all',
): Promise<ReadRun[]> {
  const share = createSharing();
  const read = await Promise.all(
    places.map(async ({ directory, id }) => {
      const faults: CheckpointError[] = [];
      const run = await readRun(directory, (fault) => faults.push(fault), id, { what, share });
      return { run, faults };
    }),
  );
  return read.map(({ run, faults }) => {
    for (const fault of faults) onFault(fault);
    return run;
  });
}

/**
 * Reads what there is of a run. Its curves are read through, and from disk again by whoever looks at them.
 * @param id the run that it should be; default: that of the directory's name, which ends with it, or of the config.
 */
export async function readRun(
  directory: string,
  onFault: OnFault,
  id = idInName(directory),
  { what = 'all', share = (record) => record }: ReadOptions = {},
): Promise<ReadRun> {
  let told = 0;
  const read = async <T>(kind: RecordKind<T>, of: string | undefined): Promise<T | undefined> => {
    try {
      return await readRecord(kind, directory, of);
    } catch (error) {
      told += 1;
      return tell(error, onFault);
    }
  };
  const config = await read(CONFIG, id);
  const missing = config === undefined && told === 0;
  const of = id ?? config?.id;
  const result = await read(RESULT, of);
  const inFull = what === 'all' || result?.status !== 'done';
  const history = inFull ? await readHistory(directory, of, onFault) : NO_HISTORY;
  const environment = inFull ? await read(ENVIRONMENT, of) : undefined;
  if (missing && (environment || result || history.records > 0)) {
    const path = join(directory, CONFIG.file);
    onFault(new CheckpointError(`${path}: expected the config of the run, got no such file. ${CONFIG.remedy}`));
  }
  if (inFull && result?.status === 'done' && history.records + history.unread === 0) {
    const path = join(directory, METRICS.file);
    onFault(new CheckpointError(`${path}: expected the curves of a finished run, got none. Its result stands.`));
  }
  return {
    directory,
    config: config && share(config),
    environment: environment && share(environment),
    get steps() {
      return history.read().steps;
    },
    get epochs() {
      return history.read().epochs;
    },
    result,
  };
}

/** The result of a run that is done; undefined for any other directory. A result that cannot be read is none. */
export async function readDone(directory: string, id: string, onFault: OnFault): Promise<RunDone | undefined> {
  const result = await readResult(directory, id, onFault);
  return result?.status === 'done' ? result : undefined;
}

/** The result of a run, done or failed. One that cannot be read is none. */
export async function readResult(directory: string, id: string, onFault: OnFault): Promise<RunResult | undefined> {
  return readRecord(RESULT, directory, id).catch((error: unknown) => tell(error, onFault));
}

const ID_IN_NAME = /-([0-9a-f]{12})$/;
const idInName = (directory: string) => ID_IN_NAME.exec(basename(directory))?.[1];

/** Levels below a directory at which runs are looked for. */
const DEPTH = 4;

/**
 * Directories below that hold runs, each once, however many links lead there.
 * @throws InvalidConfigError if there is no such directory.
 */
export async function findRunDirectories(root: string, onFault: OnFault): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  try {
    await search(root, DEPTH);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (path !== root) throw error;
    throw new InvalidConfigError(
      `${root}: expected a directory of runs, got ${code}. Make runs with \`mixerzoo run\`.`,
      { cause: error },
    );
  }
  return found;

  async function search(directory: string, depth: number): Promise<void> {
    if (basename(directory) === 'node_modules') return;
    const entries = await withFile(() => readdir(directory, { withFileTypes: true }));
    const place = await realpath(directory);
    if (seen.has(place)) return;
    seen.add(place);
    const names = entries.map(({ name }) => name);
    if (await isRun(directory, names)) found.push(directory);
    else if (depth > 0) {
      // Directories before links, so that a run is found where it is.
      const below = entries.filter(
        (entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()),
      );
      below.sort((a, b) => Number(a.isSymbolicLink()) - Number(b.isSymbolicLink()) || (a.name < b.name ? -1 : 1));
      for (const entry of below) await follow(join(directory, entry.name), depth - 1);
    }
  }

  async function follow(path: string, depth: number): Promise<void> {
    try {
      if ((await stat(path)).isDirectory()) await search(path, depth);
    } catch (error) {
      const { code, path: at } = error as NodeJS.ErrnoException;
      if (at === undefined) throw error;
      onFault(
        new CheckpointError(`${at}: expected to read it, got ${code}. Runs that it may hold are left out.`, {
          cause: error,
        }),
      );
    }
  }
}

/** True for a directory with records of a run, sound or not; false for one with files of other programs. */
async function isRun(directory: string, names: readonly string[]): Promise<boolean> {
  const records = RECORD_FILES.filter((file) => names.includes(file));
  if (records.length === 0) return false;
  if (ID_IN_NAME.test(directory) || (records.includes(METRICS.file) && records.length > 1)) return true;
  for (const file of records) if (await isOurs(join(directory, file))) return true;
  return false;
}

async function isOurs(path: string): Promise<boolean> {
  try {
    const json = JSON.parse((await readIfThere(path)) ?? 'null') as unknown;
    return typeof json === 'object' && json !== null && 'id' in json && ('format' in json || 'checksum' in json);
  } catch {
    return false; // as no record of ours is written
  }
}
