/**
 * Reads back what runs left on disk; see `results.ts`. A damaged record costs what it held: it is named, and the rest of the
 * run, and all other runs, are read.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InvalidConfigError, isZooError } from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import {
  CONFIG,
  decodeRecord,
  ENVIRONMENT,
  METRICS,
  RECORD_FILES,
  RESULT,
  type RecordKind,
  readIfThere,
  readRecord,
  withFile,
} from './records.js';
import type { MetricRecord, RunDone, RunRecord, RunResult } from './results.js';

/** Is told of every record that cannot be read, and what to do about it. */
export type OnFault = (fault: CheckpointError) => void;

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
  const runs: RunRecord[] = [];
  for (const found of await findRunDirectories(directory, onFault)) {
    const run = await readRun(found, onFault);
    if (isWhole(run)) runs.push(run);
  }
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

/**
 * Reads what there is of a run.
 * @param id the run that it should be; default: that of the directory's name, which ends with it, or of the config.
 */
export async function readRun(directory: string, onFault: OnFault, id = idInName(directory)): Promise<ReadRun> {
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
  let unreadLines = 0;
  const metrics = await readMetrics(directory, of, (fault) => {
    unreadLines += 1;
    onFault(fault);
  });
  const [environment, result] = [await read(ENVIRONMENT, of), await read(RESULT, of)];
  if (missing && (environment || result || metrics.length > 0)) {
    const path = join(directory, CONFIG.file);
    onFault(new CheckpointError(`${path}: expected the config of the run, got no such file. ${CONFIG.remedy}`));
  }
  if (result?.status === 'done' && metrics.length === 0 && unreadLines === 0) {
    const path = join(directory, METRICS.file);
    onFault(new CheckpointError(`${path}: expected the curves of a finished run, got none. Its result stands.`));
  }
  return {
    directory,
    config,
    environment,
    steps: metrics.filter((record) => record.kind === 'step'),
    epochs: metrics.filter((record) => record.kind === 'epoch'),
    result,
  };
}

/** The metrics of a run, without lines that cannot be read and a last one cut short by a kill. A missing file has none. */
export async function readMetrics(
  directory: string,
  id: string | undefined,
  onFault: OnFault,
): Promise<MetricRecord[]> {
  const path = join(directory, METRICS.file);
  const text = await readIfThere(path).catch((error: unknown) => tell(error, onFault));
  const lines = (text ?? '').split('\n');
  lines.pop(); // after the last newline: nothing, or a line cut short
  return lines.flatMap((line, index) => {
    try {
      return decodeRecord(METRICS, line, `${path} line ${index + 1}`, id);
    } catch (error) {
      return tell(error, onFault) ?? [];
    }
  });
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

/** Passes a fault of a record on; any other error is thrown. */
export function tell(error: unknown, onFault: OnFault): undefined {
  if (!isZooError(error, 'checkpoint')) throw error;
  onFault(error);
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
