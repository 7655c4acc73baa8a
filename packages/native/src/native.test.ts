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

interface Output {
  readonly details: { readonly native: string | false; readonly threads: number };
  /** Tensors by case, base64 of float32. */
  readonly found: Readonly<Record<string, readonly string[]>>;
  readonly grown: { readonly by: number; readonly result: string };
}

async function evaluate(environment: Readonly<Record<string, string>>): Promise<Output> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--conditions=@mixerzoo/source',
      '--import',
      'tsx',
      fileURLToPath(new URL('__fixtures__/evaluate.ts', import.meta.url)),
    ],
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
    // Tensors of zeros agree with anything: only sums of nothing, a vocabulary or a cache of one and rows without a hit may have them.
    const zeros = Object.entries(reference.found).flatMap(([name, tensors]) =>
      tensors.some((tensor) => numbers(tensor).every((value) => value === 0)) ? [name] : [],
    );
    expect(zeros.filter((name) => !/^(matMul 4,0,5|cross-entropy 1,1,1|cached attention 1,1|hits)/.test(name))).toEqual(
      [],
    );
  }, 120_000);

  describe.each(addon.sets.map((name) => [name]))('%s', (MIXERZOO_NATIVE_ISA) => {
    const native = (threads: number) =>
      evaluate({ MIXERZOO_NATIVE: '1', MIXERZOO_NATIVE_ISA, MIXERZOO_THREADS: String(threads) });

    it('equal reference forms, values and gradients, and give the same bits on one thread and three', async () => {
      const one = await native(1);
      expect(one.details).toMatchObject({ native: MIXERZOO_NATIVE_ISA, threads: 1, nativeSources: addon.sources });
      expect(addon.sources).toMatch(/^[0-9a-f]{16}$/);
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
      'blockAttention',
      'blockAttentionGradient',
      'cachedAttention',
      'causalAttention',
      'causalAttentionGradient',
      'chosenAttention',
      'chosenAttentionGradient',
      'deltaRule',
      'deltaRuleGradient',
      'gatherRows',
      'glaScan',
      'glaScanGradient',
      'groupedAttention',
      'groupedAttentionGradient',
      'linearAttention',
      'linearAttentionGradient',
      'linears',
      'linearsGradient',
      'matMul',
      'norm',
      'normGradient',
      'scatterAddRows',
      'selectiveScan',
      'selectiveScanGradient',
      'shortConvolution',
      'shortConvolutionGradient',
      'ssd',
      'ssdGradient',
      'taylorAttention',
      'taylorAttentionGradient',
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

    const indices = labels;
    const gather = [2, 1, 1, 0, 64, 128];
    indices[0] = 1;
    call('gatherRows', gather);
    indices[0] = 2;
    expect(() => call('gatherRows', gather)).toThrow('expected indices inside of the table');

    // One query, blocks of one, the landmark of its own block chosen.
    const chosen = new Int32Array(addonHeap, 128, 1);
    const chosenAttention = [1, 1, 1, 1, 1, 1, 1, 0, 16, 32, 64, 128, 192];
    chosen[0] = -1;
    call('chosenAttention', chosenAttention);
    chosen[0] = 0;
    expect(() => call('chosenAttention', chosenAttention)).toThrow("expected chosen blocks before the query's own");
  });

  it('refuse an instruction set that the processor does not have', () => {
    expect(() => addon.open('abacus', 1)).toThrow("expected an instruction set of this processor, got 'abacus'");
  });
});
