/** In what order the runs of an experiment are started, and what share of the machine each gets. */
import { availableParallelism } from 'node:os';

/** How {@link runInOrder} treats items; R is what an item comes to. */
export interface OrderOptions<T, R> {
  /** Items at a time. */
  readonly workers: number;
  /** Items of the same chain are started one after the other; undefined for an item that waits for none. */
  chainOf(item: T): string | undefined;
  /** Brings an item to its end; `before` is what the item before it in its chain came to. Must not reject. */
  start(item: T, before: R | undefined): Promise<R>;
}

/**
 * Starts items in order, several at a time. An item that must wait for its chain is passed over until it is ready, so
 * that no worker stands idle while another item could go on.
 * @returns what the items came to, in their order.
 */
export async function runInOrder<T, R>(items: readonly T[], options: OrderOptions<T, R>): Promise<R[]> {
  const waiting = items.map((item, index) => ({ item, index, chain: options.chainOf(item) }));
  const results = new Map<number, R>();
  const running = new Map<string | number, Promise<unknown>>();
  /** What the last item of a chain came to. */
  const chains = new Map<string, R>();
  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const at = waiting.findIndex(({ chain }) => chain === undefined || !running.has(chain));
      if (at < 0) {
        await Promise.race(running.values());
        continue;
      }
      const [{ item, index, chain }] = waiting.splice(at, 1) as [(typeof waiting)[number]];
      const before = chain === undefined ? undefined : chains.get(chain);
      const outcome = options.start(item, before);
      running.set(chain ?? index, outcome);
      const result = await outcome;
      results.set(index, result);
      if (chain !== undefined) chains.set(chain, result);
      running.delete(chain ?? index);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  return items.map((_, index) => results.get(index) as R);
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
