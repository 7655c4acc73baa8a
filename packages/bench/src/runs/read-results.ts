/** Reads back what runs left on disk; see `results.ts`. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CheckpointError, InvalidConfigError } from '@mixerzoo/core';
import {
  type MetricRecord,
  RUN_FORMAT,
  type RunConfig,
  type RunDone,
  type RunEnvironment,
  type RunRecord,
  type RunResult,
} from './results.js';

/**
 * Reads every run at or below a directory, in order of label, learning rate, seed.
 * @throws InvalidConfigError if there is no such directory, CheckpointError if a file of a run cannot be read as what it
 *   should be.
 */
export async function loadRuns(directory: string): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for (const found of await findRunDirectories(directory)) runs.push(await loadRun(found)); // of many, not all open at once
  return runs.sort(
    (a, b) =>
      a.config.experiment.localeCompare(b.config.experiment) ||
      a.config.label.localeCompare(b.config.label) ||
      a.config.learningRate - b.config.learningRate ||
      a.config.seed - b.config.seed,
  );
}

/**
 * Reads one run directory.
 * @throws CheckpointError as {@link loadRuns}.
 */
export async function loadRun(directory: string): Promise<RunRecord> {
  const config = await readJson<RunConfig>(join(directory, 'config.json'));
  if (!config) throw new CheckpointError(`${directory}: expected a run directory, got one without config.json.`);
  if (config.format !== RUN_FORMAT) {
    throw new CheckpointError(
      `${directory}: expected a run of format ${RUN_FORMAT}, got ${config.format}. It was made by another version of mixerzoo.`,
    );
  }
  const metrics = await readMetrics(join(directory, 'metrics.jsonl'));
  return {
    directory,
    config,
    environment: await readJson<RunEnvironment>(join(directory, 'environment.json')),
    steps: metrics.filter((record) => record.kind === 'step'),
    epochs: metrics.filter((record) => record.kind === 'epoch'),
    result: await readJson<RunResult>(join(directory, 'result.json')),
  };
}

/** The records of a metrics file; a last line cut short by a kill is left out. A missing file has none. */
export async function readMetrics(path: string): Promise<MetricRecord[]> {
  const text = await readIfThere(path);
  const lines = (text ?? '').split('\n');
  lines.pop(); // after the last newline: nothing, or a line cut short
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as MetricRecord;
    } catch (error) {
      throw new CheckpointError(`${path}: expected a JSON object on line ${index + 1}, got '${line.slice(0, 40)}'.`, {
        cause: error,
      });
    }
  });
}

/** Parses a JSON file; undefined when there is none. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new CheckpointError(
      `${path}: expected JSON, got '${text.slice(0, 40)}'. Delete the run's directory to start it afresh.`,
      { cause: error },
    );
  }
}

/** The result of a run that is done; undefined for any other directory, a damaged one too. */
export async function readDone(directory: string): Promise<RunDone | undefined> {
  const result = await readJson<RunResult>(join(directory, 'result.json')).catch(() => undefined);
  return result?.status === 'done' ? result : undefined;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Levels below a directory at which runs are looked for. */
const DEPTH = 4;

async function findRunDirectories(root: string): Promise<string[]> {
  try {
    return await search(root, DEPTH);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (path !== root) throw error;
    throw new InvalidConfigError(
      `${root}: expected a directory of runs, got ${code}. Make runs with \`mixerzoo run\`.`,
      { cause: error },
    );
  }
}

async function search(directory: string, depth: number): Promise<string[]> {
  if (basename(directory) === 'node_modules') return [];
  const entries = await readdir(directory, { withFileTypes: true });
  const isRun = entries.some((entry) => entry.isFile() && entry.name === 'config.json');
  if (isRun && (await isRunConfig(join(directory, 'config.json')))) return [directory];
  if (depth === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  return (await Promise.all(below.map((entry) => search(join(directory, entry.name), depth - 1)))).flat();
}

/** False for a file of the same name that is another program's. */
async function isRunConfig(path: string): Promise<boolean> {
  const config = await readJson<Partial<RunConfig> | null>(path);
  return config?.format !== undefined && config.id !== undefined;
}
