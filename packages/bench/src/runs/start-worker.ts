/** The parent's side of a worker: gives it an order, hears it, notices when it says nothing, and tidies up after it. */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import type { WorkerSource } from '../experiment/worker-source.js';
import { LONGEST_TIMER } from './budget.js';
import type { Machine } from './environment.js';
import { holdsLease, releaseLease } from './lease.js';
import { readDone } from './read-results.js';
import type { RunProgress } from './run-progress.js';
import { orderMark, REST, type RunOrder, recordFailure, type WorkerMessage } from './worker.js';
import type { WorkerPool } from './worker-pool.js';

/** How a worker ended. */
export type LastMessage =
  | Exclude<WorkerMessage, { kind: 'progress' | 'note' }>
  /** Killed by a signal: what it was at is saved up to its last checkpoint. */
  | { readonly kind: 'died'; readonly message: string };

export interface WorkerOptions {
  readonly source: WorkerSource;
  readonly cwd: string;
  readonly out: string;
  readonly pool: WorkerPool;
  readonly machine?: Machine | undefined;
  /** The model in its setting: runs of the same one share processes. */
  readonly model: string;
  /** The epoch after which the run rests; default: it is trained to its end. */
  readonly until?: number | undefined;
  /** Kills the worker. */
  readonly signal?: AbortSignal | undefined;
  /** Has the worker save the run and rest. */
  readonly rest?: AbortSignal | undefined;
  /** Minutes without progress after which the run is ended as failed; default: it is only said, after ten. */
  readonly stallMinutes?: number | undefined;
  onProgress(progress: RunProgress): void;
  /** Words about the run for the user. */
  onNote(message: string): void;
}

/** Minutes without progress after which that is said. */
const QUIET_MINUTES = 10;

/**
 * Has a worker train a run: one at rest of the same model, or a new process. Whenever the order ends, and however, the run's
 * lease has ended too, or is no more renewed.
 */
export async function startWorker(run: PlannedRun, options: WorkerOptions): Promise<LastMessage> {
  const { pool, model, signal, rest } = options;
  const { child, isNew } = pool.take(model);
  const { last, isHeard } = await giveOrder(child, run, options);
  if (last.kind === 'resting') pool.keep(model, child);
  if (isNew || isHeard || signal?.aborted || rest?.aborted) return last;
  return startWorker(run, options); // it had ended before the order came
}

/** What came of an order. */
interface Served {
  readonly last: LastMessage;
  /** False where the worker ended without a word about it. */
  readonly isHeard: boolean;
}

/** Sends a worker an order, and hears it until that is served: it rests then, or has ended. */
function giveOrder(child: ChildProcess, run: PlannedRun, options: WorkerOptions): Promise<Served> {
  const { source, cwd, out, pool, machine, until, signal, rest, stallMinutes } = options;
  const directory = runDirectory(out, run);
  const leaseId = randomUUID();
  const served = new AbortController();
  return new Promise((resolve) => {
    let last: LastMessage | undefined;
    let isHeard = false;
    let complaints = '';
    let note: string | undefined;
    const stop = () => child.kill('SIGKILL');
    const stall = watchForSilence(60_000 * (stallMinutes ?? QUIET_MINUTES), () => {
      const words = `expected progress, got none for ${formatMinutes(stallMinutes ?? QUIET_MINUTES)}`;
      if (stallMinutes === undefined) return options.onNote(`${words}. --stall-minutes ends such a run.`);
      last = { kind: 'failed', code: 'stalled', message: `worker: ${words} (--stall-minutes). Does a mixer loop?` };
      isHeard = true;
      stop();
    });
    const finish = async (ended: LastMessage) => {
      stall.end();
      served.abort();
      resolve({ last: await endOrder(ended, { directory, run, leaseId, onNote: options.onNote }), isHeard });
    };
    const onMessage = (message: WorkerMessage) => {
      stall.heard();
      isHeard = true;
      if (message.kind === 'progress') return options.onProgress(message.progress);
      if (message.kind === 'resting') return finish(message); // it waits for the next order
      if (message.kind !== 'note') last = message;
      else if (message.message !== note) {
        note = message.message;
        options.onNote(note);
      }
    };
    listen(child, 'message', onMessage, served.signal);
    const onComplaint = (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).split(orderMark(leaseId)).at(-1)!.slice(-2000);
    };
    listen(child.stderr!, 'data', onComplaint, served.signal);
    const onError = (error: Error) => {
      last ??= { kind: 'failed', code: 'unknown', message: `worker: ${error.message}` };
    };
    listen(child, 'error', onError, served.signal);
    const onClose = (code: number | null, killedBy: string | null) =>
      finish(last ?? deathOf(code, killedBy, complaints));
    listen(child, 'close', onClose, served.signal);
    signal?.addEventListener('abort', stop, { once: true, signal: served.signal });
    const askForRest = () => child.connected && child.send(REST);
    rest?.addEventListener('abort', askForRest, { once: true, signal: served.signal });
    const { directoryName } = run;
    const order: RunOrder = { source, cwd, out, directoryName, until, leaseId, workers: pool.concurrent, machine };
    child.send(order, () => {}); // one that cannot take it has ended: that is heard
  });
}

/** Listens to an emitter until the signal. */
// biome-ignore lint/suspicious/noExplicitAny: what an event brings is known where it is listened to.
function listen(emitter: EventEmitter, event: string, onEvent: (...given: any[]) => void, until: AbortSignal): void {
  emitter.on(event, onEvent);
  until.addEventListener('abort', () => emitter.off(event, onEvent), { once: true });
}

/** In place of the last message of a worker that sent none. */
function deathOf(code: number | null, killedBy: string | null, complaints: string): LastMessage {
  // The system kills without a word, most often for want of memory.
  const want = killedBy === 'SIGKILL' ? ' (is there memory enough? fewer --workers need less)' : '';
  const how = killedBy ? `signal ${killedBy}${want}` : `exit code ${code}`;
  const words = complaints.trim();
  const message =
    `worker: expected a result, got ${how}${words ? `:\n${words}` : '.'} ` +
    'The same command goes on from its last epoch.';
  return killedBy ? { kind: 'died', message } : { kind: 'failed', code: 'unknown', message };
}

/** Ends the lease of an order; a run whose worker was ended for its silence fails on record. @returns what it came to. */
async function endOrder(
  last: LastMessage,
  {
    directory,
    run,
    leaseId,
    onNote,
  }: { readonly directory: string; readonly run: PlannedRun; readonly leaseId: string } & Pick<WorkerOptions, 'onNote'>,
): Promise<LastMessage> {
  let ended = last;
  try {
    if (last.kind === 'failed' && last.code === 'stalled') {
      const result = await readDone(directory, run.config.id, () => {}); // written, but not told any more
      if (result) ended = { kind: 'done', result };
      else if (holdsLease(directory, leaseId)) {
        ended = { kind: 'failed', ...(await recordFailure(directory, run, last, leaseId)) };
      }
    }
    releaseLease(directory, leaseId);
  } catch (error) {
    // Of this run alone: others go on, and a lease that nobody renews ends by itself.
    onNote(`expected to end the lock of its worker, got ${(error as Error).message}`);
  }
  return ended;
}

/** Looks between two words of a worker: a machine that was asleep has missed looks, and is not taken for silence. */
const LOOKS = 20;

/** Calls back once for every silence of so many milliseconds; what it returns is told of words, and of the end. */
export function watchForSilence(limitMs: number, onSilence: () => void) {
  let looks = 0;
  const timer = setInterval(
    () => {
      if (++looks === LOOKS) onSilence();
    },
    Math.min(limitMs / LOOKS, LONGEST_TIMER),
  );
  return {
    heard() {
      looks = 0;
    },
    end: () => clearInterval(timer),
  };
}

const formatMinutes = (minutes: number) => `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
