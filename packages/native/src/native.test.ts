/**
 * Every native kernel, on every instruction set of this machine: values and gradients against reference forms at odd sizes, the
 * same bits for any number of threads and after the memory has grown, and what it refuses.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { NativeAddon } from '@mixerzoo/core/harness';
import { beforeAll, describe, expect, it } from 'vitest';

type Addon = NativeAddon & { readonly sets: readonly string[] };

const addonHeap = new ArrayBuffer(1024);
/** What `npm run kernels` has compiled, where there is a compiler. */
const addonFile = fileURLToPath(new URL(`../build/${process.platform}-${process.arch}.node`, import.meta.url));
const built = existsSync(addonFile);
/** The addon by itself: the tests that call it need no engine. */
const addon = (built ? createRequire(import.meta.url)(addonFile) : { sets: [] }) as Addon;

/** Values and gradients of what is offered to native kernels, and the names of those that ran, printed as JSON. */
const PROGRAM = `
import { causalAttention } from '@mixerzoo/attention';
import { linearAttention } from '@mixerzoo/cat';
import { randomNormal, tf, useEngine } from '@mixerzoo/core';
import { linear, tiedCrossEntropy } from '@mixerzoo/core/blocks';
import { adamWStep } from '@mixerzoo/core/harness';
import { withReferenceForms } from '@mixerzoo/core/kernels';
const { details } = await useEngine('wasm');
const normal = (shape, seed) => randomNormal(shape, 1, seed);
const labels = (count, below) => tf.tensor1d(Int32Array.from({ length: count }, (_, i) => (i * 7919) % below), 'int32');
const cases = {};
for (const [m, k, n] of [[1, 1, 1], [3, 1, 17], [17, 63, 3], [63, 65, 130], [130, 300, 65], [5, 1100, 7], [257, 64, 64], [64, 2100, 33], [4, 0, 5]]) {
  for (const [ta, tb] of [[false, false], [true, false], [false, true], [true, true]]) {
    cases['matMul ' + [m, k, n, ta, tb]] = [(a, b) => tf.matMul(a, b, ta, tb), normal(ta ? [k, m] : [m, k], 1), normal(tb ? [n, k] : [k, n], 2)];
  }
}
cases['batches'] = [(a, b) => tf.matMul(a, b), normal([9, 70, 33], 1), normal([9, 33, 40], 2)];
cases['large batches'] = [(a, b) => tf.matMul(a, b, false, true), normal([2, 190, 170], 1), normal([2, 180, 170], 2)];
cases['one b'] = [(a, b) => tf.matMul(a, b, true), normal([5, 33, 70], 1), normal([1, 33, 20], 2)];
for (const [rows, k, n] of [[1, 1, 1], [63, 17, 3], [1000, 64, 65]]) {
  cases['linear ' + [rows, k, n]] = [(x, weight, bias) => linear(x, { weight, bias }), normal([rows, k], 1), normal([k, n], 2), normal([n], 3)];
}
for (const [n, d, V] of [[1, 1, 1], [3, 17, 5], [65, 63, 130], [130, 64, 257], [250, 8, 5000]]) {
  cases['cross-entropy ' + [n, d, V]] = [(h, table) => tiedCrossEntropy(h, table, labels(n, V)).loss, normal([n, d], 1), normal([V, d], 2)];
  cases['hits ' + [n, d, V]] = [(h, table) => tiedCrossEntropy(h, table, labels(n, V)).correct, normal([n, d], 1), normal([V, d], 2)];
}
for (const [M, L, H, p, r, options] of [
  [1, 3, 1, 1, 1, {}], [2, 2, 1, 3, 5, {}], [17, 17, 2, 8, 17, {}], [63, 63, 1, 65, 3, { window: 7 }], [130, 130, 3, 16, 8, { dropoutRate: 0.3, dropoutSeed: 5 }],
  [65, 300, 1, 17, 33, {}], [300, 300, 2, 4, 4, { window: 140, slopes: true }], [520, 520, 1, 3, 3, {}],
]) {
  const { slopes, ...rest } = options;
  const given = slopes ? { slopes: tf.tensor1d(Array.from({ length: H }, (_, h) => 0.1 / (h + 1))) } : {};
  cases['attention ' + [M, L, H, p, r, JSON.stringify(options)]] = [(q, k, v) => {
    const { o, logSumExp } = causalAttention({ q, k, v, ...given }, { nHeads: H, ...rest });
    return tf.concat([o.flatten(), logSumExp.flatten()]);
  }, normal([2, M, H * p], 1), normal([2, L, H * p], 2), normal([2, L, H * r], 3)];
}
for (const [L, H, p, r, options] of [[1, 1, 1, 1, {}], [17, 2, 3, 5, { chunkSize: 4 }], [63, 1, 65, 3, { chunkSize: 64 }], [130, 2, 16, 8, { chunkSize: 32, normalize: true, eps: 1 }]]) {
  cases['linear attention ' + [L, H, p, r, JSON.stringify(options)]] = [(q, k, v) => linearAttention({ q, k, v }, { nHeads: H, ...options }),
    normal([2, L, H * p], 1).abs(), normal([2, L, H * p], 2).abs(), normal([2, L, H * r], 3)];
}
const run = ([f, ...inputs]) => {
  const y = f(...inputs);
  const dy = tf.sin(tf.range(1, y.size + 1)).reshape(y.shape);
  return [y, ...tf.grads((...at) => f(...at))(inputs, dy)];
};
const bytes = (tensors) => tensors.map((x) => Buffer.from(Float32Array.from(x.dataSync()).buffer).toString('base64'));
const adamW = (size) => {
  const state = { params: [normal([size], 1)], m: [normal([size], 2)], v: [normal([size], 3).square()] };
  const { params, m, v } = adamWStep(state, [normal([size], 4)], { learningRate: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, step: 3, weightDecay: 0.1, gradientScale: 0.5 });
  return [...params, ...m, ...v];
};
const found = {};
const evaluate = (name, f) => {
  if (name.startsWith('hits')) return (found[name] = bytes([f[0](...f.slice(1))]));
  found[name] = bytes(typeof f === 'function' ? f() : run(f));
};
const all = () => {
  for (const [name, one] of Object.entries(cases)) evaluate(name, one);
  for (const size of [1, 17, 200000]) evaluate('adamW ' + size, () => adamW(size));
};
if (process.env.FORM === 'reference') withReferenceForms(all);
else all();
let grown;
{
  const [f, ...inputs] = cases['matMul 130,300,65,true,false'];
  const before = tf.backend().wasm.asm.memory.buffer.byteLength;
  tf.engine().makeTensorFromTensorInfo(tf.backend().makeOutput([2 ** 26], 'float32'));
  grown = { by: tf.backend().wasm.asm.memory.buffer.byteLength - before, result: bytes([f(...inputs)])[0] };
}
console.log(JSON.stringify({ details, found, grown }));
`;

interface Output {
  readonly details: { readonly native: string | false; readonly threads: number };
  /** Tensors by case, base64 of float32. */
  readonly found: Readonly<Record<string, readonly string[]>>;
  readonly grown: { readonly by: number; readonly result: string };
}

async function evaluate(environment: Readonly<Record<string, string>>): Promise<Output> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@mixerzoo/source', '--import', 'tsx', '--input-type=module', '--eval', PROGRAM],
    {
      cwd: new URL('..', import.meta.url),
      env: { ...process.env, MIXERZOO_CHECK_KERNELS: '1', ...environment },
      maxBuffer: 2 ** 28,
    },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Output;
}

const numbers = (base64: string) => {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

/** The largest difference, of the largest magnitude; NaN for what is not a number. */
function errorOf(actual: string, expected: string): number {
  const [a, b] = [numbers(actual), numbers(expected)];
  expect(a.length).toBe(b.length);
  let [worst, scale] = [0, 1e-6];
  for (const [index, value] of b.entries()) {
    const difference = Math.abs((a[index] as number) - value);
    if (!(difference <= worst)) worst = difference;
    scale = Math.max(scale, Math.abs(value));
  }
  return worst / scale;
}

describe.skipIf(!built)('native kernels', () => {
  let reference: Output;
  beforeAll(async () => {
    reference = await evaluate({ MIXERZOO_NATIVE: '0', FORM: 'reference' });
    expect(reference.details.native).toBe(false);
    // Tensors of zeros agree with anything: only sums of nothing, a vocabulary of one and rows without a hit may have them.
    const zeros = Object.entries(reference.found).flatMap(([name, tensors]) =>
      tensors.some((tensor) => numbers(tensor).every((value) => value === 0)) ? [name] : [],
    );
    expect(zeros.filter((name) => !/^(matMul 4,0,5|cross-entropy 1,1,1|hits)/.test(name))).toEqual([]);
  }, 120_000);

  describe.each(addon.sets.map((name) => [name]))('%s', (MIXERZOO_NATIVE_ISA) => {
    const native = (threads: number) =>
      evaluate({ MIXERZOO_NATIVE: '1', MIXERZOO_NATIVE_ISA, MIXERZOO_THREADS: String(threads) });

    it('equal reference forms, values and gradients, and give the same bits on one thread and three', async () => {
      const one = await native(1);
      expect(one.details).toMatchObject({ native: MIXERZOO_NATIVE_ISA, threads: 1 });
      const wrong = Object.entries(one.found).flatMap(([name, tensors]) =>
        tensors.flatMap((tensor, index) => {
          const error = errorOf(tensor, reference.found[name]?.[index] as string);
          // The tolerances of the wasm engine: of values, of gradients.
          return error <= (index === 0 ? 2e-5 : 5e-5) ? [] : [`${name}, tensor ${index}: ${error}`];
        }),
      );
      expect(wrong).toEqual([]);
      expect(Object.keys(one.found)).toEqual(Object.keys(reference.found));
      expect(one.grown.by).toBeGreaterThan(0);
      expect(one.grown.result).toBe(one.found['matMul 130,300,65,true,false']?.[0]);

      const three = await native(3);
      expect(three.details.threads).toBe(3);
      expect(three.found).toEqual(one.found);
      expect(three.grown.result).toBe(one.grown.result);
    }, 240_000);
  });

  it('are those that ops offer their work to', () => {
    const { kernels } = addon.open('', 1);
    expect(kernels.map(({ name }) => name).sort()).toEqual([
      'adamW',
      'causalAttention',
      'causalAttentionGradient',
      'linearAttention',
      'linearAttentionGradient',
      'matMul',
      'tiedCrossEntropy',
    ]);
  });

  it('refuse a wrong number of arguments, and addresses outside of the heap', () => {
    const { kernels } = addon.open('', 1);
    addon.bind(new Uint8Array(4096));
    const call = (name: string, args: readonly number[]) => {
      addon.args.set(args);
      addon.call(
        kernels.findIndex((kernel) => kernel.name === name),
        args.length,
      );
    };
    const product = (a: number, c: number) => [1, 8, 8, 8, 0, 8, 1, 0, 8, 1, a, 256, 0, c];
    call('matMul', product(0, 512));
    expect(() => call('matMul', product(0, 512).slice(1))).toThrow('expected 14 arguments of matMul, got 13');
    for (const [a, c] of [
      [4096 - 255, 512],
      [0, 4096 - 255],
      [-4, 512],
      [Number.NaN, 512],
    ] as const) {
      expect(() => call('matMul', product(a, c))).toThrow('expected tensors inside of the heap');
    }
    expect(() => call('matMul', product(0, 512).with(1, -8))).toThrow('expected a size');
    const labels = new Int32Array(addonHeap, 64, 1);
    addon.bind(new Uint8Array(addonHeap));
    const crossEntropy = [1, 1, 2, 0, 0, 16, 64, 128, 192, 256, 320];
    labels[0] = 1;
    call('tiedCrossEntropy', crossEntropy);
    labels[0] = 2;
    expect(() => call('tiedCrossEntropy', crossEntropy)).toThrow('expected labels inside of the vocabulary');
  });

  it('refuse an instruction set that the processor does not have', () => {
    expect(() => addon.open('abacus', 1)).toThrow("expected an instruction set of this processor, got 'abacus'");
  });
});
