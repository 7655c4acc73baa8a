/** Threads: the same bits as one thread, for every kernel of core, and a module rewritten to import its memory. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import asc from 'assemblyscript/asc';
import { describe, expect, it } from 'vitest';
import { importSharedMemory } from './shared-memory.js';
import { startWasmThreads } from './threads.js';

/** Values and gradients of the ops of core as one checksum each, printed as JSON. */
const PROGRAM = `
import { createHash } from 'node:crypto';
import * as users from './src/index.ts';
import * as blocks from './src/blocks/index.ts';
const core = { ...users, ...blocks };
const { tf } = core;
const { details } = await core.useEngine('wasm');
const random = (shape, seed) => core.randomNormal(shape, 1, seed);
const ids = (shape, below) => tf.tensor(Int32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => (i * 7919) % below), shape, 'int32');
const cases = {
  matMul: [(a, b) => tf.matMul(a, b, true, true), random([300, 257], 1), random([130, 300], 2)],
  batches: [(a, b) => tf.matMul(a, b), random([9, 70, 33], 1), random([9, 33, 40], 2)],
  linear: [(x, weight, bias) => core.linear(x, { weight, bias }), random([1000, 64], 1), random([64, 64], 2), random([64], 3)],
  layerNorm: [(x, weight, bias) => core.layerNorm(x, { weight, bias }), random([1000, 65], 1), random([65], 2), random([65], 3)],
  embedding: [(table) => core.embedding(table, ids([900], 77)), random([77, 65], 1)],
  perHead: [(x, f) => core.shortConvolution(x, f, { shape: 'perHead' }), random([33, 40, 64], 1), random([4, 3], 2)],
  headMixing: [(x, f) => core.shortConvolution(x, f, { shape: 'headMixing' }), random([33, 40, 64], 1), random([3, 4, 4], 2)],
  crossEntropy: [(h, table) => core.tiedCrossEntropy(h, table, ids([1001], 3000)).loss, random([1001, 64], 1), random([3000, 64], 2)],
  dropout: [(x) => core.dropout(x, 0.3, 5), random([100001], 1)],
  silu: [(x) => core.silu(x), random([100001], 1)],
};
const sums = {};
// Several rounds: a function is divided once it has been seen to take long.
for (let round = 0; round < 4; round++) {
  for (const [name, [f, ...inputs]] of Object.entries(cases)) {
    const hash = createHash('sha256');
    for (const tensor of [f(...inputs), ...tf.grads((...at) => f(...at).square().sum())(inputs)]) hash.update(tensor.dataSync());
    sums[name + round] = hash.digest('hex');
  }
}
console.log(JSON.stringify({ threads: details.threads, sums }));
`;

async function checksums(threads: number): Promise<{ threads: number; sums: Record<string, string> }> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@mixerzoo/source', '--import', 'tsx', '--input-type=module', '--eval', PROGRAM],
    {
      cwd: new URL('../../..', import.meta.url),
      env: { ...process.env, MIXERZOO_CHECK_KERNELS: '0', MIXERZOO_THREADS: String(threads) },
    },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

/** A module of kernels on a shared memory of its own. */
async function compile(source: string) {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const limits = ['--sharedMemory', '--initialMemory', '1', '--maximumMemory', '2', '--enable', 'threads'];
  const { error, stderr } = await asc.main(
    ['entry.ts', '--outFile', 'out.wasm', '--importMemory', '--noExportMemory', '--runtime', 'stub', ...limits],
    {
      readFile: (name) => (name === 'entry.ts' ? source : null),
      writeFile: (_name, contents) => {
        binary = contents as Uint8Array<ArrayBuffer>;
      },
      listFiles: () => [],
    },
  );
  expect(error, stderr.toString()).toBeNull();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
  const module = new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { memory, module, exports: exports as Record<string, (...args: number[]) => number> };
}

describe('wasm threads', () => {
  it('give the same bits as one thread, round after round', async () => {
    const [one, three] = await Promise.all([checksums(1), checksums(3)]);
    expect([one.threads, three.threads]).toEqual([1, 3]);
    expect(three.sums).toEqual(one.sums);
    for (const [name, sum] of Object.entries(one.sums)) expect(sum).toBe(one.sums[`${name.slice(0, -1)}0`]);
  }, 120_000);

  it('tell why a worker failed, and go on', async () => {
    const { memory, module } = await compile(`export function work(fail: i32, start: i32, end: i32): void {
      store<i32>(1024, 1);
      if (fail) unreachable();
    }`);
    const came = new Int32Array(memory.buffer, 1024, 1);
    const threads = startWasmThreads(memory, 2);
    try {
      const shared = threads.share(module);
      /** On this thread a piece lasts until the worker has begun one. */
      const run = (fail: number) => {
        Atomics.store(came, 0, 0);
        const here = () => {
          while (Atomics.load(came, 0) === 0);
          return 0;
        };
        threads.parallel(shared, 'work', here, 4, [fail], true);
      };
      run(0);
      expect(() => run(1)).toThrow(/expected 'work' to run on 2 threads, got RuntimeError: unreachable in a worker/);
      expect(() => run(0)).not.toThrow();
    } finally {
      threads.close();
    }
  });

  it('go on after a fault of the calling thread, and cover all units once', async () => {
    const { memory, module, exports } = await compile(`export function work(start: i32, end: i32): void {
      for (let i = start; i < end; i++) store<i32>(1024 + 4 * i, load<i32>(1024 + 4 * i) + 1);
    }`);
    const counts = new Int32Array(memory.buffer, 1024, 1000);
    const threads = startWasmThreads(memory, 3);
    try {
      const shared = threads.share(module);
      const fail = () => {
        throw new Error('here');
      };
      expect(() => threads.parallel(shared, 'work', fail, 1000, [], true)).toThrow('here');
      let here = 0;
      const work = (start: number, end: number) => {
        here += end - start;
        for (const until = performance.now() + 0.02; performance.now() < until; );
        return (exports['work'] as (...args: number[]) => number)(start, end);
      };
      // Until workers, which need a while to start, have taken part in many calls.
      for (let call = 1, divided = 0; divided < 100; call += 1) {
        counts.fill(0);
        here = 0;
        const units = 1 + (call % 1000);
        threads.parallel(shared, 'work', work, units, [], true);
        const once = counts.every((count, unit) => count === Number(unit < units));
        expect(once, `call ${call} of ${units} units`).toBe(true);
        divided += Number(here < units);
      }
    } finally {
      threads.close();
    }
  });

  it('leave alone what was long at first and is no more, and divide what is long', async () => {
    const { memory, module } = await compile('export function work(start: i32, end: i32): void {}');
    const threads = startWasmThreads(memory, 2);
    try {
      const shared = threads.share(module);
      let milliseconds = 1;
      let whole = false;
      const work = (start: number, end: number) => {
        whole = end - start === 64;
        for (const until = performance.now() + (milliseconds * (end - start)) / 64; performance.now() < until; );
        return 0;
      };
      const call = () => threads.parallel(shared, 'work', work, 64, []);
      for (let index = 0; index < 4; index += 1) call();
      expect(whole).toBe(false);
      milliseconds = 0;
      for (let index = 0; index < 60; index += 1) call();
      expect(whole).toBe(true);
      milliseconds = 1;
      for (let index = 0; index < 60; index += 1) call();
      expect(whole).toBe(false);
    } finally {
      threads.close();
    }
  });

  it('refuse a number that is none', async () => {
    await expect(checksums(0)).rejects.toThrow(/expected threads \(MIXERZOO_THREADS\) from 1 to 64, got '0'/);
  }, 60_000);

  it('rest on a backend that imports its memory', async () => {
    const path = createRequire(import.meta.url).resolve(
      '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
    );
    const { bytes, initial, maximum } = importSharedMemory(await readFile(path));
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
    expect(imports.filter(({ kind }) => kind === 'memory')).toEqual([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
    expect([initial, maximum]).toEqual([256, 65536]);
    expect(() => importSharedMemory(bytes)).toThrow(/expected the backend to define one memory/);
  });
});
