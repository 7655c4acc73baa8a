/**
 * The process of one run. Its parent names the experiment and the run; it resolves both for itself, since mixers are
 * functions and cannot be sent. It ends when its parent does.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isZooError, ZooError } from '@mixerzoo/core';
import { type ExperimentSource, loadExperiment } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns, runDirectory } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { acquireLock } from './lock.js';
import { readDone, readMetrics } from './read-results.js';
import { replaceJson } from './replace-file.js';
import { RUN_FORMAT, type RunDone, type RunFailed } from './results.js';
import { type RunProgress, trainRun } from './train-run.js';

/** What a parent sends, once. */
export interface RunOrder {
  readonly source: ExperimentSource;
  readonly cwd: string;
  readonly out: string;
  readonly directoryName: string;
  /** Runs that go on at the same time, for the record. */
  readonly workers: number;
}

/** What a worker sends. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'done'; readonly result: RunDone }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'busy'; readonly message: string };

/** Serves one order of the parent process, then exits. */
export async function serveWorker(): Promise<never> {
  if (!process.send) throw new Error('worker: expected to be started by mixerzoo run, got no parent to talk to.');
  process.on('disconnect', () => process.exit(1));
  // Ctrl-C reaches every process of the terminal: it is for the parent, which ends its workers.
  process.on('SIGINT', () => {});
  const order = await new Promise<RunOrder>((resolve) =>
    process.once('message', (message) => resolve(message as RunOrder)),
  );
  const outcome = await serve(order).catch(
    (error: unknown): WorkerMessage => ({ kind: 'failed', code: errorCode(error), message: errorMessage(error) }),
  );
  await new Promise((resolve) => process.send?.(outcome, resolve));
  process.exit(0);
}

async function serve({ source, cwd, out, directoryName, workers }: RunOrder): Promise<WorkerMessage> {
  process.chdir(cwd);
  const registry = await discoverPlugins(cwd);
  const runs = await resolveRuns(await loadExperiment(source), registry);
  const run = runs.find((candidate) => candidate.directoryName === directoryName);
  if (!run) {
    throw new ZooError(
      'invalid-config',
      `${directoryName}: expected the config to give the same runs each time it is read, got one that changed. ` +
        'Keep dates and random values out of it.',
    );
  }
  const directory = runDirectory(out, run);
  await mkdir(directory, { recursive: true });
  const lock = await acquireLock(directory);
  if ('heldBy' in lock) return { kind: 'busy', message: `in progress elsewhere: ${lock.heldBy}` };
  try {
    const before = await readDone(directory); // by who held the lock until now
    if (before) return { kind: 'done', result: before };
    const result = await trainRun(run, directory, {
      workers,
      packages: [...new Set([...registry.mixers, ...registry.tasks].map((entry) => entry.packageName))],
      onProgress: (progress) => process.send?.({ kind: 'progress', progress } satisfies WorkerMessage),
    });
    return { kind: 'done', result };
  } catch (error) {
    await recordFailure(directory, run, error);
    throw error;
  } finally {
    lock.release();
  }
}

async function recordFailure(directory: string, run: PlannedRun, error: unknown): Promise<void> {
  const epochs = await readMetrics(join(directory, 'metrics.jsonl')).catch(() => []);
  const last = epochs.filter((record) => record.kind === 'epoch').at(-1);
  const failure: RunFailed = {
    format: RUN_FORMAT,
    id: run.config.id,
    status: 'failed',
    finishedAt: new Date().toISOString(),
    code: errorCode(error),
    message: errorMessage(error),
    epochs: last?.epoch ?? 0,
    steps: last?.step ?? 0,
  };
  // The disk may be what failed; the first error is the one to report.
  await replaceJson(join(directory, 'result.json'), failure).catch(() => {});
}

function errorCode(error: unknown): string {
  return isZooError(error) ? error.code : ((error as NodeJS.ErrnoException).code ?? 'unknown');
}

/** The message of an error meant for users; the stack of one that is not. */
function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isZooError(error) || 'code' in error ? error.message : (error.stack ?? error.message);
}
