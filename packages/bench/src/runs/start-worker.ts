/** The parent's side of a worker: starts it, hears it, notices when it says nothing, and tidies up after it. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import type { WorkerSource } from '../experiment/worker-source.js';
import { LONGEST_TIMER } from './budget.js';
import { holdsLease, releaseLease } from './lease.js';
import { threadsPerRun } from './queue.js';
import { readDone } from './read-results.js';
import type { RunProgress } from './run-progress.js';
import { REST, type RunOrder, recordFailure, type WorkerMessage } from './worker.js';
import { WORKER_ARGUMENT } from './worker-argument.js';

/** How a worker ended. */
export type LastMessage =
  | Exclude<WorkerMessage, { kind: 'progress' | 'note' }>
  /** Killed by a signal: what it was at is saved up to its last checkpoint. */
  | { readonly kind: 'died'; readonly message: string };

export interface WorkerOptions {
  readonly source: WorkerSource;
  readonly cwd: string;
  readonly out: string;
  /** Workers that go on at the same time. */
  readonly concurrent: number;
  /** The epoch after which the run rests; default: it is trained to its end. */
  readonly until?: number | undefined;
  /** Ends the worker. */
  readonly signal?: AbortSignal | undefined;
  /** Has the worker save the run and end. */
  readonly rest?: AbortSignal | undefined;
  /** Minutes without progress after which the run is ended as failed; default: it is only said, after ten. */
  readonly stallMinutes?: number | undefined;
  onProgress(progress: RunProgress): void;
  /** Words about the run for the user. */
  onNote(message: string): void;
}

/** Minutes without progress after which that is said. */
const QUIET_MINUTES = 10;

/** The entry of worker processes: the command itself, from source or from dist as we are. */
const ENTRY = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../cli.ts' : './cli.js', import.meta.url));

/** Trains a run in a process of its own. Whenever that ends, and however, its lease has ended too, or is no more renewed. */
export function startWorker(run: PlannedRun, options: WorkerOptions): Promise<LastMessage> {
  const { source, cwd, out, concurrent, until, signal, rest, stallMinutes } = options;
  const directory = runDirectory(out, run);
  const leaseId = randomUUID();
  return new Promise((resolve) => {
    const child: ChildProcess = fork(ENTRY, [WORKER_ARGUMENT], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, MIXERZOO_THREADS: threadsPerRun(concurrent) },
    });
    const stop = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', stop, { once: true });
    const askForRest = () => child.connected && child.send(REST);
    rest?.addEventListener('abort', askForRest, { once: true });
    let last: LastMessage | undefined;
    let complaints = '';
    let note: string | undefined;
    const stall = watchForSilence(60_000 * (stallMinutes ?? QUIET_MINUTES), () => {
      const words = `expected progress, got none for ${formatMinutes(stallMinutes ?? QUIET_MINUTES)}`;
      if (stallMinutes === undefined) return options.onNote(`${words}. --stall-minutes ends such a run.`);
      last = { kind: 'failed', code: 'stalled', message: `worker: ${words} (--stall-minutes). Does a mixer loop?` };
      stop();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-2000);
    });
    child.on('message', (message: WorkerMessage) => {
      stall.heard();
      if (message.kind === 'progress') options.onProgress(message.progress);
      else if (message.kind !== 'note') last = message;
      else if (message.message !== note) {
        note = message.message;
        options.onNote(note);
      }
    });
    child.on('error', (error) => {
      last ??= { kind: 'failed', code: 'unknown', message: `worker: ${error.message}` };
    });
    child.on('close', async (code, killedBy) => {
      stall.end();
      signal?.removeEventListener('abort', stop);
      rest?.removeEventListener('abort', askForRest);
      // The system kills without a word, most often for want of memory.
      const want = killedBy === 'SIGKILL' ? ' (is there memory enough? fewer --workers need less)' : '';
      const how = killedBy ? `signal ${killedBy}${want}` : `exit code ${code}`;
      const words = complaints.trim();
      try {
        if (last?.kind === 'failed' && last.code === 'stalled') {
          const result = await readDone(directory, run.config.id, () => {}); // written, but not told any more
          if (result) last = { kind: 'done', result };
          else if (holdsLease(directory, leaseId)) {
            last = { kind: 'failed', ...(await recordFailure(directory, run, last, leaseId)) };
          }
        }
        releaseLease(directory, leaseId);
      } catch (error) {
        // Of this run alone: others go on, and a lease that nobody renews ends by itself.
        options.onNote(`expected to end the lock of its worker, got ${(error as Error).message}`);
      }
      const message =
        `worker: expected a result, got ${how}${words ? `:\n${words}` : '.'} ` +
        'The same command goes on from its last epoch.';
      resolve(last ?? (killedBy ? { kind: 'died', message } : { kind: 'failed', code: 'unknown', message }));
    });
    child.send({
      source,
      cwd,
      out,
      directoryName: run.directoryName,
      until,
      leaseId,
      workers: concurrent,
    } satisfies RunOrder);
  });
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
