/**
 * Threads of the wasm engine: workers that run the same kernel modules on the same shared memory.
 *
 * A call is handed over through a small shared block: every worker takes the pieces of the units with its own number,
 * the calling thread those of number 0, and the call returns when all are done. Units are independent and their
 * results do not depend on their division, so any number of threads gives the same bits.
 *
 * Handing over costs some 10 us, more than many a kernel: a function is divided once it has been seen to take
 * longer.
 */
import { EngineError } from '../../errors.js';

/** Cells of the shared block, int32. */
const CELL = { generation: 0, pending: 1, failed: 2, module: 3, fn: 4, argCount: 5, units: 6, count: 64 } as const;
/** Arguments that a call can hand over, before start and end. */
export const MOST_ARGS = 64;

/** Calls estimated to take less than this are not divided, ms. */
const WORTH_DIVIDING = 0.06;
/** Weight of the newest time in the estimate. */
const NEWEST = 0.25;

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

/** The worker: waits for a generation, takes in modules announced before it, runs its piece. */
const WORKER = `
const { workerData, receiveMessageOnPort } = require('node:worker_threads');
const { memory, control, port, index, threads } = workerData;
const cells = new Int32Array(control, 0, ${CELL.count});
const args = new Float64Array(control, ${4 * CELL.count}, ${MOST_ARGS});
const modules = new Map();
for (let generation = 0; ; ) {
  Atomics.wait(cells, ${CELL.generation}, generation);
  const next = Atomics.load(cells, ${CELL.generation});
  if (next === generation) continue;
  generation = next;
  try {
    for (let received; (received = receiveMessageOnPort(port)); ) {
      const { id, module, names } = received.message;
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      modules.set(id, names.map((name) => exports[name]));
    }
    const units = cells[${CELL.units}];
    const start = Math.floor((units * index) / threads);
    const end = Math.floor((units * (index + 1)) / threads);
    const run = modules.get(cells[${CELL.module}])[cells[${CELL.fn}]];
    if (start < end) run(...args.subarray(0, cells[${CELL.argCount}]), start, end);
  } catch (error) {
    port.postMessage(String(error));
    Atomics.store(cells, ${CELL.failed}, 1);
  }
  if (Atomics.sub(cells, ${CELL.pending}, 1) === 1) Atomics.notify(cells, ${CELL.pending});
}
`;

/**
 * @internal Starts `count - 1` workers. They do not keep the process alive.
 * @throws EngineError outside of Node.
 */
export function startWasmThreads(memory: WebAssembly.Memory, count: number): WasmThreads {
  const { Worker, MessageChannel, receiveMessageOnPort } = workerThreads();
  const control = new SharedArrayBuffer(4 * CELL.count + 8 * MOST_ARGS);
  const cells = new Int32Array(control, 0, CELL.count);
  const sharedArgs = new Float64Array(control, 4 * CELL.count, MOST_ARGS);
  const workers = Array.from({ length: count - 1 }, (_, index) => {
    const { port1, port2 } = new MessageChannel();
    const workerData = { memory, control, port: port2, index: index + 1, threads: count };
    const worker = new Worker(WORKER, { eval: true, workerData, transferList: [port2], execArgv: [] });
    worker.unref();
    port1.unref();
    return { worker, port: port1 };
  });
  const millisecondsPerUnit = new Map<string, number>();
  let modules = 0;

  /** One call on all threads; the pieces are those the workers compute from `units` themselves. */
  function divide(
    module: SharedKernelModule,
    name: string,
    run: (...args: number[]) => number,
    units: number,
    args: readonly number[],
  ): void {
    sharedArgs.set(args);
    cells[CELL.module] = module.id;
    cells[CELL.fn] = module.functions.get(name) as number;
    cells[CELL.argCount] = args.length;
    cells[CELL.units] = units;
    Atomics.store(cells, CELL.pending, workers.length);
    Atomics.add(cells, CELL.generation, 1);
    Atomics.notify(cells, CELL.generation);
    try {
      run(...args, 0, Math.floor(units / count));
    } finally {
      for (let pending = Atomics.load(cells, CELL.pending); pending > 0; pending = Atomics.load(cells, CELL.pending)) {
        Atomics.wait(cells, CELL.pending, pending);
      }
    }
    if (Atomics.exchange(cells, CELL.failed, 0) !== 0) {
      const reasons = workers.flatMap(({ port }) => (receiveMessageOnPort(port)?.message as string | undefined) ?? []);
      throw new EngineError(
        `wasm threads: expected '${name}' to run on ${count} threads, got ${[...new Set(reasons)].join('; ')} in a worker. Use one thread (MIXERZOO_THREADS=1).`,
      );
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
      const key = `${module.id} ${name}`;
      const estimate = (millisecondsPerUnit.get(key) ?? 0) * units;
      const divided = units > 1 && (always || estimate > WORTH_DIVIDING);
      const start = performance.now();
      if (divided) divide(module, name, run, units, args);
      else run(...args, 0, units);
      const elapsed = performance.now() - start;
      const perUnit = (divided ? elapsed * count : elapsed) / units;
      const before = millisecondsPerUnit.get(key) ?? perUnit;
      millisecondsPerUnit.set(key, before + NEWEST * (perUnit - before));
    },
    close() {
      for (const { worker, port } of workers) {
        port.close();
        void worker.terminate();
      }
    },
  };
}

function workerThreads(): typeof import('node:worker_threads') {
  const found = typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:worker_threads');
  if (!found) throw new EngineError('wasm threads: expected Node, got a browser. Use one thread.');
  return found;
}
