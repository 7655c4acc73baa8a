/** In what order the runs of an experiment are started, and what share of the machine each gets. */
import { availableParallelism } from 'node:os';
import PQueue, { type Queue, type QueueAddOptions } from 'p-queue';

/** Where work stands in the queue. */
export interface Turn extends QueueAddOptions {
  /** Of runs whose workers come to rest: the model in its setting. */
  readonly model?: string;
}

type Work = () => Promise<unknown>;
export type RunQueue = PQueue<Queue<Work, Turn>, Turn>;

/**
 * Does so much at a time, the highest priority first, but before that what is of a model of which a worker is at rest: it needs no new
 * process. Within its rung the order of a search is free, and no place stays empty for it.
 */
export function createRunQueue(concurrency: number, hasAtRest: (model: string) => boolean = () => false): RunQueue {
  class Waiting implements Queue<Work, Turn> {
    readonly #all: { readonly work: Work; readonly turn: Turn }[] = [];
    get size() {
      return this.#all.length;
    }
    enqueue(work: Work, turn: Turn = {}) {
      const before = this.#all.findLastIndex((other) => priorityOf(other.turn) >= priorityOf(turn));
      this.#all.splice(before + 1, 0, { work, turn });
    }
    dequeue() {
      const place = this.#all.findIndex(({ turn: { model } }) => model !== undefined && hasAtRest(model));
      return this.#all.splice(Math.max(0, place), 1)[0]?.work;
    }
    filter({ priority }: Turn) {
      return this.#all.filter(({ turn }) => turn.priority === priority).map(({ work }) => work);
    }
    setPriority() {
      throw new Error('queue: expected work to keep the priority that it came with.');
    }
  }
  return new PQueue({ concurrency, queueClass: Waiting });
}

const priorityOf = ({ priority = 0 }: Turn) => priority;

/** The turns of a search's trainings in a queue. */
export interface SearchTurns {
  /** Has work done in its turn. */
  take<T>(work: () => Promise<T>, priority: number): Promise<T>;
  /** Says that no more comes. */
  end(): void;
}

/**
 * Turns of a search in which the last training of a rung keeps its place until the search has said what comes next: a run of another
 * model would take it, and the worker that has just come to rest would be ended for that.
 */
export function createSearchTurns(queue: RunQueue, model: string): SearchTurns {
  let underWay = 0;
  let giveUpPlace = () => {};
  return {
    take<T>(work: () => Promise<T>, priority: number) {
      underWay += 1;
      giveUpPlace();
      return new Promise<T>((resolve, reject) => {
        const inTurn = async () => {
          const result = await work().finally(() => {
            underWay -= 1;
          });
          const isDecided = new Promise<void>((decided) => {
            if (underWay === 0) giveUpPlace = decided;
            else decided();
          });
          resolve(result);
          await isDecided;
        };
        queue.add(inTurn, { priority, model }).catch(reject);
      });
    },
    end: () => giveUpPlace(),
  };
}

/** How {@link runInOrder} treats items; R is what an item comes to. */
export interface OrderOptions<T, R> {
  /** Has as many items at a time as it is made for. */
  readonly queue: RunQueue;
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
