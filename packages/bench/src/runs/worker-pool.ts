/**
 * The processes of a command's workers. One that has brought its run to rest is kept for the next order of the same model
 * in the same setting, since a start costs a core about a second: the command and TensorFlow.js are imported, kernels and
 * JavaScript compiled.
 *
 * Only runs of one model share a process, and one that does not come to rest ends it: `peakMemoryBytes` is the most that a
 * process ever had, and up to their rest such runs need nearly the same (what the collector has left of the runs before comes on
 * top, a few MiB), where a test may be at longer lengths. What the module of a mixer
 * keeps from call to call is then met by another run of that mixer. That is no new danger: numbers that depend on it are not those of
 * a run resumed from its checkpoint either, which mixers are held to.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { threadsPerRun } from './queue.js';
import { WORKER_ARGUMENT } from './worker-argument.js';

/** The entry of worker processes: the command itself, from source or from dist as we are. */
const ENTRY = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../cli.ts' : './cli.js', import.meta.url));

export interface WorkerPool {
  /** Workers that go on at the same time. */
  readonly concurrent: number;
  /** A worker at rest of this model, or a new one. Those at rest of others give way, the one longest at rest first. */
  take(model: string): { readonly child: ChildProcess; readonly isNew: boolean };
  /** Keeps a worker that has come to rest. One that has ended since is forgotten. */
  keep(model: string, child: ChildProcess): void;
  hasAtRest(model: string): boolean;
  /** Ends workers at rest, of a model or all. Resolves when they have ended. */
  endAtRest(model?: string): Promise<void>;
}

/**
 * @param most processes that are there at a time, at work and at rest, where no more than that are taken.
 * @param start of a process: for tests.
 */
export function createWorkerPool(most: number, concurrent: number, start = startProcess): WorkerPool {
  const atWork = new Set<ChildProcess>();
  /** With their models, in the order in which they came to rest. */
  const atRest = new Map<ChildProcess, string>();
  const end = async (child: ChildProcess) => {
    atRest.delete(child);
    child.kill('SIGKILL'); // its run is saved
    await new Promise((closed) => child.once('close', closed));
  };
  return {
    concurrent,
    take(model) {
      const child = [...atRest.keys()].findLast((one) => atRest.get(one) === model);
      if (child) {
        atRest.delete(child);
        atWork.add(child);
        return { child, isNew: false };
      }
      const tooMany = Math.max(0, atWork.size + atRest.size + 1 - most);
      for (const one of [...atRest.keys()].slice(0, tooMany)) void end(one);
      const made = start(concurrent);
      made.on('error', () => {}); // who has given it an order hears it too; at rest it ends
      atWork.add(made);
      made.on('close', () => atWork.delete(made) || atRest.delete(made));
      return { child: made, isNew: true };
    },
    keep(model, child) {
      if (atWork.delete(child)) atRest.set(child, model);
    },
    hasAtRest: (model) => [...atRest.values()].includes(model),
    async endAtRest(model) {
      const those = [...atRest].filter(([, own]) => model === undefined || own === model);
      await Promise.all(those.map(([child]) => end(child)));
    },
  };
}

function startProcess(concurrent: number): ChildProcess {
  return fork(ENTRY, [WORKER_ARGUMENT], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, MIXERZOO_THREADS: threadsPerRun(concurrent) },
  });
}
