/**
 * How the worker of a run comes by the run. Functions cannot be sent to it: where a config has some, the worker reads its
 * file again; everywhere else it is sent what the command read, and the file may be edited meanwhile.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { InvalidConfigError } from '@mixerzoo/core';
import type { Registry } from '../plugins.js';
import type { Experiment, ExperimentConfig } from './experiment.js';
import { type ExperimentSource, loadExperiment } from './experiment-source.js';
import { type PlannedRun, resolveRuns } from './resolve-runs.js';

/** What a worker is sent. */
export interface WorkerSource extends ExperimentSource {
  /**
   * The real path of the file that the experiment is from, although it need not be read again, nor be there still: what it
   * imports is code of the runs.
   */
  readonly configFile?: string | undefined;
  /** Of the file when the command read it, where the worker reads it again. */
  readonly fileHash?: string | undefined;
}

/** The source for workers of an experiment that was loaded from `source`. */
export async function workerSource(source: ExperimentSource, experiment: Experiment): Promise<WorkerSource> {
  const configFile = source.file && realpathSync(source.file);
  if (isPlainData(experiment)) return { inline: experiment as ExperimentConfig, assignments: [], configFile };
  return { ...source, configFile, fileHash: source.file && (await hashFile(source.file)) };
}

/**
 * The run of a directory's name.
 * @throws InvalidConfigError if the config has no such run, or as {@link loadExperiment} and {@link resolveRuns}.
 */
export async function findRun(source: WorkerSource, directoryName: string, registry: Registry): Promise<PlannedRun> {
  const { file, fileHash } = source;
  const edited = file !== undefined && fileHash !== undefined && (await hashFile(file)) !== fileHash;
  let fault: unknown;
  try {
    const runs = await resolveRuns(await loadExperiment(source), registry, source.configFile);
    const run = runs.find((candidate) => candidate.directoryName === directoryName);
    if (run) return run;
  } catch (error) {
    if (!edited) throw error;
    fault = error;
  }
  throw new InvalidConfigError(
    edited
      ? `${file}: expected the config to stay as it was when the command began, got an edited one that no longer gives the run ${directoryName}. Run the same command again for the runs of the new one.`
      : `${directoryName}: expected config and code to give the same runs each time they are read, got one that changed. If you have edited a mixer, start the command again; keep dates and random values out of the config.`,
    { cause: fault },
  );
}

/** True for what comes out of JSON as it went in: no functions, mixers or tasks that are made already. */
function isPlainData(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false; // a BigInt, a circle
  }
}

/** Undefined where there is no such file. */
async function hashFile(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return bytes && createHash('sha256').update(bytes).digest('hex');
}
