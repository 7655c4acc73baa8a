/**
 * Threads of the wasm engine: workers that run the same kernel modules on the same shared memory.
 *
 * A call is handed over through a small shared block. Its units are cut into pieces, and a ticket says how many are left:
 * whichever thread is free takes the next, so one that comes late, or whose core does other work, holds no other up. The call
 * returns when all pieces are done. Units are independent and their results do not depend on their division, so any number of
 * threads gives the same bits.
 *
 * A worker that has nothing to do looks for the next call a short while before it sleeps: waking up takes longer than many a
 * kernel. A function is divided once it has been seen to take long enough: by the time that a thread spends in it, not by that of
 * the call, of which handing over is a part. Else what was long once, as first calls are, would be divided ever after.
 */
import { EngineError } from '../../errors.js';

/** Cells of the shared block, int32; what threads contend for lies in cache lines of its own. */
const CELL = {
  /** The number of the call, and in the low bits how many of its pieces nobody has taken yet. */
  ticket: 0,
  /** Pieces that workers have finished. */
  done: 16,
  /** Threads that sleep until the ticket, and until `done`, changes. */
  sleeping: 32,
  waiting: 33,
  failed: 34,
  module: 48,
  fn: 49,
  argCount: 50,
  units: 51,
  pieces: 52,
  count: 64,
} as const;
/** Arguments that a call can hand over, before start and end. */
export const MOST_ARGS = 64;

const PIECES_PER_THREAD = 2;
/** Bits of the ticket for pieces: 64 threads have 128. A call's number returns after millions of calls. */
const PIECE_BITS = 10;
const PIECE_MASK = 2 ** PIECE_BITS - 1;

/**
 * How long a thread looks for something to do before it sleeps, ms: the JavaScript between two calls takes less. Beside native
 * kernels calls are few, and a thread that is awake would keep theirs from its core.
 */
const AWAKE = { alone: 0.4, besideNative: 0.1 } as const;
/** Calls estimated to take less than this are not divided, ms. */
const WORTH_DIVIDING = 0.03;
/** Factor by which a call moves the estimate at most: it goes to the middle of all times, whatever the odd one is. */
const MOST_CHANGE = 1.4;
/** Of a unit, ms: a clock that has not moved says no more. */
const LEAST_ESTIMATE = 1e-9;

/** A module known to the workers. */
export interface SharedKernelModule {
  readonly id: number;
  /** Exported functions by name, as numbers. */
  readonly functions: ReadonlyMap<string, number>;
}

export interface WasmThreads {
  readonly count: number;
  /** @internal Makes a module known to all workers. */
  share(module: WebAssembly.Module): SharedKernelModule;
  /**
   * Calls `run(...args, start, end)` on all threads so that [0, units) is covered once.
   * @param always - divide what is not worth it too.
   */
  parallel(
    module: SharedKernelModule,
    name: string,
    run: (...args: number[]) => number,
    units: number,
    args: readonly number[],
    always?: boolean,
  ): void;
  close(): void;
}

/**
 * The worker. What it reads of a call is right if the ticket is still the same when it takes a piece: a call's description
 * changes only once all of its pieces are taken.
 */
const WORKER = `
const { workerData, receiveMessageOnPort } = require('node:worker_threads');
const { memory, control, port, awake } = workerData;
const cells = new Int32Array(control, 0, ${CELL.count});
const args = new Float64Array(control, ${4 * CELL.count}, ${MOST_ARGS});
const modules = new Map();
function functionsOf(module) {
  for (let received; !modules.has(module) && (received = receiveMessageOnPort(port)); ) {
    const { id, module, names } = received.message;
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    modules.set(id, names.map((name) => exports[name]));
  }
  return modules.get(module);
}
for (let awakeUntil = 0; ; ) {
  const ticket = Atomics.load(cells, ${CELL.ticket});
  const left = ticket & ${PIECE_MASK};
  if (left === 0) {
    if (performance.now() < awakeUntil) continue;
    Atomics.add(cells, ${CELL.sleeping}, 1);
    Atomics.wait(cells, ${CELL.ticket}, ticket);
    Atomics.sub(cells, ${CELL.sleeping}, 1);
    continue;
  }
  const [module, fn, argCount, units, pieces] = cells.subarray(${CELL.module}, ${CELL.pieces + 1});
  const given = args.slice(0, argCount);
  if (Atomics.compareExchange(cells, ${CELL.ticket}, ticket, ticket - 1) !== ticket) continue;
  try {
    const start = Math.floor((units * (pieces - left)) / pieces);
    const end = Math.floor((units * (pieces - left + 1)) / pieces);
    functionsOf(module)[fn](...given, start, end);
  } catch (error) {
    port.postMessage(String(error));
    Atomics.store(cells, ${CELL.failed}, 1);
  }
  Atomics.add(cells, ${CELL.done}, 1);
  if (Atomics.load(cells, ${CELL.waiting}) === 1) Atomics.notify(cells, ${CELL.done});
  awakeUntil = performance.now() + awake;
}
`;

/**
 * @internal Starts `count - 1` workers. They do not keep the process alive.
 * @throws EngineError outside of Node.
 */
export function startWasmThreads(memory: WebAssembly.Memory, count: number, besideNative = false): WasmThreads {
  const awake = besideNative ? AWAKE.besideNative : AWAKE.alone;
  const { Worker, MessageChannel, receiveMessageOnPort } = workerThreads();
  const control = new SharedArrayBuffer(4 * CELL.count + 8 * MOST_ARGS);
  const cells = new Int32Array(control, 0, CELL.count);
  const sharedArgs = new Float64Array(control, 4 * CELL.count, MOST_ARGS);
  const workers = Array.from({ length: count - 1 }, () => {
    const { port1, port2 } = new MessageChannel();
    const workerData = { memory, control, port: port2, awake };
    const worker = new Worker(WORKER, { eval: true, workerData, transferList: [port2], execArgv: [] });
    worker.unref();
    port1.unref();
    return { worker, port: port1 };
  });
  /** By module, function and magnitude of the units: the same function does a few large ones and many small. */
  const millisecondsPerUnit = new Map<string, number>();
  let modules = 0;
  let calls = 0;

  /** One call on all threads; what a unit took this one, undefined if the others took all. */
  function divide(
    module: SharedKernelModule,
    name: string,
    run: (...args: number[]) => number,
    units: number,
    args: readonly number[],
  ): number | undefined {
    const pieces = Math.min(units, PIECES_PER_THREAD * count);
    sharedArgs.set(args);
    cells.set([module.id, module.functions.get(name) as number, args.length, units, pieces], CELL.module);
    Atomics.store(cells, CELL.done, 0);
    calls += 1;
    Atomics.store(cells, CELL.ticket, (calls << PIECE_BITS) | pieces);
    if (Atomics.load(cells, CELL.sleeping) > 0) Atomics.notify(cells, CELL.ticket);
    let [taken, covered, spent] = [0, 0, 0];
    try {
      for (let left = take(); left > 0; left = take()) {
        taken += 1;
        const piece = pieces - left;
        const [from, to] = [Math.floor((units * piece) / pieces), Math.floor((units * (piece + 1)) / pieces)];
        const start = performance.now();
        run(...args, from, to);
        spent += performance.now() - start;
        covered += to - from;
      }
    } finally {
      // After a fault of its own it leaves what is left undone.
      const left = Atomics.and(cells, CELL.ticket, ~PIECE_MASK) & PIECE_MASK;
      waitForWorkers(pieces - taken - left);
    }
    if (Atomics.exchange(cells, CELL.failed, 0) !== 0) {
      const reasons = workers.flatMap(({ port }) => (receiveMessageOnPort(port)?.message as string | undefined) ?? []);
      throw new EngineError(
        `wasm threads: expected '${name}' to run on ${count} threads, got ${[...new Set(reasons)].join('; ')} in a worker. Use one thread (MIXERZOO_THREADS=1).`,
      );
    }
    return covered > 0 ? spent / covered : undefined;
  }

  /** How many pieces were left; one less are now. */
  function take(): number {
    for (;;) {
      const ticket = Atomics.load(cells, CELL.ticket);
      const left = ticket & PIECE_MASK;
      if (left === 0 || Atomics.compareExchange(cells, CELL.ticket, ticket, ticket - 1) === ticket) return left;
    }
  }

  function waitForWorkers(pieces: number): void {
    const awakeUntil = performance.now() + awake;
    for (let done = Atomics.load(cells, CELL.done); done < pieces; done = Atomics.load(cells, CELL.done)) {
      if (performance.now() < awakeUntil) continue;
      Atomics.store(cells, CELL.waiting, 1);
      Atomics.wait(cells, CELL.done, done);
      Atomics.store(cells, CELL.waiting, 0);
    }
  }

  return {
    count,
    share(module) {
      const names = WebAssembly.Module.exports(module)
        .filter(({ kind }) => kind === 'function')
        .map(({ name }) => name);
      const id = modules;
      modules += 1;
      for (const { port } of workers) port.postMessage({ id, module, names });
      return { id, functions: new Map(names.map((name, index) => [name, index])) };
    },
    parallel(module, name, run, units, args, always = false) {
      if (units <= 0) return;
      const key = `${module.id} ${name} ${Math.clz32(units)}`;
      const before = millisecondsPerUnit.get(key);
      const perUnit =
        units > 1 && (always || (before ?? 0) * units > WORTH_DIVIDING)
          ? divide(module, name, run, units, args)
          : timePerUnit(run, units, args);
      if (perUnit === undefined) return;
      const towards =
        before === undefined ? perUnit : Math.min(before * MOST_CHANGE, Math.max(perUnit, before / MOST_CHANGE));
      millisecondsPerUnit.set(key, Math.max(towards, LEAST_ESTIMATE));
    },
    close() {
      for (const { worker, port } of workers) {
        port.close();
        void worker.terminate();
      }
    },
  };
}

/** Runs all units here. */
function timePerUnit(run: (...args: number[]) => number, units: number, args: readonly number[]): number {
  const start = performance.now();
  run(...args, 0, units);
  return (performance.now() - start) / units;
}

function workerThreads(): typeof import('node:worker_threads') {
  const found = typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:worker_threads');
  if (!found) throw new EngineError('wasm threads: expected Node, got a browser. Use one thread.');
  return found;
}
