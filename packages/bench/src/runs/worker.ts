/**
 * The process of a run, or of several of one model that come to rest, one after the other. Its parent names the experiment
 * and the run; it resolves both for itself, since mixers are functions and cannot be sent. It ends when its parent does.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isZooError } from '@mixerzoo/core';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import { findRun, resolveSource, type WorkerSource } from '../experiment/worker-source.js';
import { discoverPlugins, packagesOf, type Registry } from '../plugins.js';
import { printPart } from '../terminal.js';
import type { Machine } from './environment.js';
import { orderGuard } from './guard-thread.js';
import { readMetrics } from './history.js';
import { acquireLease, commitLease, holdsLease, LeaseLostError, removeDrafts } from './lease.js';
import { readDone } from './read-results.js';
import { encodeRecord, RESULT } from './records.js';
import type { RunDone, RunFailed } from './results.js';
import { RUN_FORMAT } from './run-config.js';
import type { RunProgress } from './run-progress.js';
import { trainRun } from './train-run.js';

/** What a parent sends: once, and again whenever the run before has come to rest. */
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
  /** Which is the parent's too; undefined where it could not tell. */
  readonly machine?: Machine | undefined;
}

/** What a parent sends where the run is to be saved at its next step, and to rest. */
export const REST = 'rest';

/** On a worker's standard error, before the words of an order: those of the one before may come later than it is told of. */
export const orderMark = (leaseId: string) => `\n[${leaseId}]\n`;

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

/** Serves orders of the parent process until one of them does not come to rest, then exits. */
export async function serveWorker(): Promise<never> {
  if (!process.send) throw new Error('worker: expected to be started by mixerzoo run, got no parent to talk to.');
  process.on('disconnect', () => process.exit(1));
  orderGuard({ kind: 'end-with-parent' }); // where a busy loop hears of no disconnect
  // Ctrl-C reaches every process of the terminal: it is for the parent, which ends its workers.
  process.on('SIGINT', () => {});
  let take: (order: RunOrder) => void;
  const nextOrder = () =>
    new Promise<RunOrder>((resolve) => {
      take = resolve;
    });
  let next = nextOrder();
  let ending = new AbortController();
  process.on('message', (message) => {
    if (message === REST) return ending.abort();
    ending = new AbortController(); // a word to rest is for the order before it
    take(message as RunOrder);
  });
  for (;;) {
    const order = await next;
    printPart(orderMark(order.leaseId), process.stderr);
    const outcome = await serve(order, ending.signal).catch(
      (error: unknown): WorkerMessage => ({ kind: 'failed', code: errorCode(error), message: errorMessage(error) }),
    );
    next = nextOrder(); // it may come as soon as the outcome is told
    await new Promise((resolve) => process.send?.(outcome, resolve));
    if (outcome.kind !== 'resting') process.exit(0);
  }
}

async function serve(order: RunOrder, rest: AbortSignal): Promise<WorkerMessage> {
  const { cwd, out, until, leaseId, workers, machine } = order;
  process.chdir(cwd);
  const { registry, run } = await findOrdered(order);
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
      machine,
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

/** What orders of one source have in common. In one process the code that was loaded stays, whatever is edited meanwhile. */
let known: { readonly source: string; readonly registry: Registry; runs?: Promise<PlannedRun[]> } | undefined;

async function findOrdered({ source, cwd, directoryName }: RunOrder): Promise<{ registry: Registry; run: PlannedRun }> {
  const key = JSON.stringify([source, cwd]);
  if (known?.source !== key) known = { source: key, registry: await discoverPlugins(cwd) };
  const { registry } = known;
  const resolve = () => (known!.runs ??= resolveSource(source, registry));
  return { registry, run: await findRun(source, directoryName, registry, resolve) };
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
