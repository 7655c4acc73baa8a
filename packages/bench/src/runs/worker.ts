/**
 * The process of one run. Its parent names the experiment and the run; it resolves both for itself, since mixers are
 * functions and cannot be sent. It ends when its parent does.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isZooError } from '@mixerzoo/core';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import { findRun, type WorkerSource } from '../experiment/worker-source.js';
import { discoverPlugins, packagesOf } from '../plugins.js';
import { orderGuard } from './guard-thread.js';
import { readMetrics } from './history.js';
import { acquireLease, commitLease, holdsLease, LeaseLostError, removeDrafts } from './lease.js';
import { readDone } from './read-results.js';
import { encodeRecord, RESULT } from './records.js';
import type { RunDone, RunFailed } from './results.js';
import { RUN_FORMAT } from './run-config.js';
import type { RunProgress } from './run-progress.js';
import { trainRun } from './train-run.js';

/** What a parent sends, once. */
export interface RunOrder {
  readonly source: WorkerSource;
  readonly cwd: string;
  readonly out: string;
  readonly directoryName: string;
  /** The epoch after which the run rests; default: it is trained to its end. */
  readonly until?: number | undefined;
  /** By which the parent ends the lease of a worker that it has killed. */
  readonly leaseId: string;
  /** Runs that go on at the same time, for the record. */
  readonly workers: number;
}

/** What a parent sends where the run is to be saved at its next step, and the worker to end. */
export const REST = 'rest';

/** What a worker sends. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  /** Words for the user; the same ones again say that the worker is alive. */
  | { readonly kind: 'note'; readonly message: string }
  /** `before`: it was done when the worker came to it. */
  | { readonly kind: 'done'; readonly result: RunDone; readonly before?: true }
  /** It has been trained to the end of the epoch that was asked for, or is saved where it was told to rest. */
  | { readonly kind: 'resting' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'busy'; readonly message: string };

/** Serves one order of the parent process, then exits. */
export async function serveWorker(): Promise<never> {
  const ending = new AbortController();
  if (!process.send) throw new Error('worker: expected to be started by mixerzoo run, got no parent to talk to.');
  process.on('disconnect', () => process.exit(1));
  orderGuard({ kind: 'end-with-parent' }); // where a busy loop hears of no disconnect
  // Ctrl-C reaches every process of the terminal: it is for the parent, which ends its workers.
  process.on('SIGINT', () => {});
  const order = await new Promise<RunOrder>((resolve) =>
    process.once('message', (message) => resolve(message as RunOrder)),
  );
  process.on('message', (message) => message === REST && ending.abort());
  const outcome = await serve(order, ending.signal).catch(
    (error: unknown): WorkerMessage => ({ kind: 'failed', code: errorCode(error), message: errorMessage(error) }),
  );
  await new Promise((resolve) => process.send?.(outcome, resolve));
  process.exit(0);
}

async function serve(order: RunOrder, rest: AbortSignal): Promise<WorkerMessage> {
  const { source, cwd, out, directoryName, until, leaseId, workers } = order;
  process.chdir(cwd);
  const registry = await discoverPlugins(cwd);
  const run = await findRun(source, directoryName, registry);
  const directory = runDirectory(out, run);
  await mkdir(directory, { recursive: true });
  const lease = await acquireLease(directory, {
    id: leaseId,
    onWait: (message) => process.send?.({ kind: 'note', message } satisfies WorkerMessage),
  });
  if ('heldBy' in lease) return { kind: 'busy', message: `in progress elsewhere: ${lease.heldBy}` };
  try {
    removeDrafts(directory);
    const before = await readDone(directory, run.config.id, () => {}); // by who held the lease until now
    if (before) return { kind: 'done', result: before, before: true };
    const result = await trainRun(run, directory, {
      workers,
      lease,
      until,
      rest,
      packages: packagesOf(registry),
      onProgress: (progress) => process.send?.({ kind: 'progress', progress } satisfies WorkerMessage),
    });
    return result ? { kind: 'done', result } : { kind: 'resting' };
  } catch (error) {
    if (!holdsLease(directory, leaseId)) return { kind: 'busy', message: new LeaseLostError(directory).message };
    const failure = { code: errorCode(error), message: errorMessage(error) };
    return { kind: 'failed', ...(await recordFailure(directory, run, failure, leaseId)) };
  } finally {
    lease.release();
  }
}

/** What went wrong with a run. */
export type Failure = Pick<RunFailed, 'code' | 'message'>;

/**
 * Writes the result of a run that failed, by the lease of the directory, which ends.
 * @returns the failure, which says so where it could not be written: the disk may be what failed.
 */
export async function recordFailure(
  directory: string,
  run: PlannedRun,
  { code, message }: Failure,
  leaseId: string,
): Promise<Failure> {
  const { id } = run.config;
  const metrics = await readMetrics(directory, id, () => {});
  const last = metrics.filter((record) => record.kind === 'epoch').at(-1);
  const finishedAt = new Date().toISOString();
  const counts = { epochs: last?.epoch ?? 0, steps: last?.step ?? 0 };
  try {
    const failed: RunFailed = { format: RUN_FORMAT, id, status: 'failed', finishedAt, code, message, ...counts };
    commitLease(directory, leaseId, join(directory, RESULT.file), encodeRecord(RESULT, id, failed));
    return { code, message };
  } catch (error) {
    return { code, message: `${message} (It is not on record: ${errorMessage(error)})` };
  }
}

function errorCode(error: unknown): string {
  return isZooError(error) ? error.code : ((error as NodeJS.ErrnoException).code ?? 'unknown');
}

/** The message of an error meant for users; the stack of one that is not. */
function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isZooError(error) || 'code' in error ? error.message : (error.stack ?? error.message);
}
