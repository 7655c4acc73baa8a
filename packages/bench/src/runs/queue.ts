/** In what order the runs of an experiment are started, and what share of the machine each gets. */
import { availableParallelism } from 'node:os';
import type PQueue from 'p-queue';

/** How {@link runInOrder} treats items; R is what an item comes to. */
export interface OrderOptions<T, R> {
  /** Has as many items at a time as it is made for. */
  readonly queue: PQueue;
  /** Items of the same chain are started one after the other; undefined for an item that waits for none. */
  chainOf(item: T): string | undefined;
  /** Brings an item to its end; `before` is what the item before it in its chain came to. Must not reject. */
  start(item: T, before: R | undefined): Promise<R>;
}

/**
 * Starts items in order, several at a time. An item that must wait for its chain is passed over until it is ready, and
 * comes before later ones then.
 * @returns what the items came to, in their order.
 */
export function runInOrder<T, R>(
  items: readonly T[],
  { queue, chainOf, start: begin }: OrderOptions<T, R>,
): Promise<R[]> {
  const chains = new Map<string, Promise<R>>();
  return Promise.all(
    items.map((item, index) => {
      const chain = chainOf(item);
      const before = chain === undefined ? undefined : chains.get(chain);
      const start = (previous?: R) => queue.add(() => begin(item, previous), { priority: -index });
      const result = before ? before.then(start) : start();
      if (chain !== undefined) chains.set(chain, result);
      return result;
    }),
  );
}

/** The kernels of attention and of the scans are cut into eight pieces: more threads would wait. */
const MOST_THREADS = 8;

/**
 * Threads of each of `concurrent` runs, as the environment's `MIXERZOO_THREADS`: an equal share of the cores, unless
 * the user has said otherwise.
 */
export function threadsPerRun(
  concurrent: number,
  cores = availableParallelism(),
  asked = process.env['MIXERZOO_THREADS'],
): string {
  return asked || String(Math.min(MOST_THREADS, Math.max(1, Math.floor(cores / concurrent))));
}
