/**
 * How the worker of a run comes by the run. Functions cannot be sent to it: where a config has some, the worker reads its
 * file again; everywhere else it is sent what the command read, and the file may be edited meanwhile.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import type { Registry } from '../plugins.js';
import type { ExperimentConfig } from './experiment.js';
import { type ExperimentSource, type LoadedExperiment, loadExperiment } from './experiment-source.js';
import { isPlainData } from './plain-data.js';
import { type PlannedRun, resolveRuns } from './resolve-runs.js';

/** What a worker is sent. */
export interface WorkerSource extends ExperimentSource {
  /**
   * The real paths of the files that the experiment is from, although they need not be read again, nor be there still: what
   * they import is code of the runs.
   */
  readonly configFiles?: readonly string[] | undefined;
  /** Of the files when the command read them, where the worker reads them again. */
  readonly filesHash?: string | undefined;
}

/** The source for workers of an experiment that was loaded from `source`. */
export async function workerSource(
  source: ExperimentSource,
  { experiment, files }: LoadedExperiment,
): Promise<WorkerSource> {
  const configFiles = files.map((file) => realpathSync(file));
  if (isPlainData(experiment)) return { inline: experiment as ExperimentConfig, assignments: [], configFiles };
  return { ...source, configFiles, filesHash: await hashFiles(configFiles) };
}

/** All runs of a source. @throws InvalidConfigError, UnknownNameError as {@link loadExperiment} and {@link resolveRuns}. */
export async function resolveSource(source: WorkerSource, registry: Registry): Promise<PlannedRun[]> {
  const { experiment } = await loadExperiment(source, registry);
  return resolveRuns({ experiment, files: source.configFiles ?? [] }, registry);
}

/**
 * The run of a directory's name.
 * @param resolve gives all runs of the source.
 * @throws InvalidConfigError if the config has no such run, or as {@link loadExperiment} and {@link resolveRuns}.
 */
export async function findRun(
  source: WorkerSource,
  directoryName: string,
  registry: Registry,
  resolve = resolveSource,
): Promise<PlannedRun> {
  const { file, filesHash, configFiles: files = [] } = source;
  const edited = filesHash !== undefined && (await hashFiles(files)) !== filesHash;
  let fault: unknown;
  try {
    const runs = await resolve(source, registry);
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

/** Undefined where one of the files is not there. */
async function hashFiles(paths: readonly string[]): Promise<string | undefined> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!bytes) return undefined;
    hash.update(`${bytes.length} `).update(bytes);
  }
  return hash.digest('hex');
}
