/** The elementary functions that kernels share, against Math, in both builds. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { describe, expect, it } from 'vitest';
import { useEngine } from '../index.js';

const ASSEMBLY = fileURLToPath(new URL('../../../assembly/', import.meta.url));
const SOURCE = `
import { exp, expBelow, expFlushed, log, sigmoid } from './math';
export function applyExp(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(to + i, exp(v128.load(from + i)));
}
export function applyExpBelow(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(to + i, expBelow(v128.load(from + i)));
}
export function applyExpFlushed(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(to + i, expFlushed(v128.load(from + i)));
}
export function applyLog(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(to + i, log(v128.load(from + i)));
}
export function applySigmoid(from: usize, to: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(to + i, sigmoid(v128.load(from + i)));
}
`;

type Apply = (from: number, to: number, count: number) => void;

async function compile(features: readonly string[]) {
  let binary: Uint8Array | undefined;
  const flags = features.flatMap((feature) => ['--enable', feature]);
  const { error, stderr } = await asc.main(
    ['entry.ts', '--outFile', 'out.wasm', '--importMemory', '--noExportMemory', '--runtime', 'stub', '-O3', ...flags],
    {
      readFile: (name) => (name === 'entry.ts' ? SOURCE : readFile(`${ASSEMBLY}${name}`, 'utf8').catch(() => null)),
      writeFile: (_name, contents) => {
        binary = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(stderr.toString());
  const memory = new WebAssembly.Memory({ initial: 32 });
  const module = await WebAssembly.compile(binary as Uint8Array<ArrayBuffer>);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  return (
    name: 'applyExp' | 'applyExpBelow' | 'applyExpFlushed' | 'applyLog' | 'applySigmoid',
    values: Float32Array,
  ): Float32Array => {
    const half = memory.buffer.byteLength / 2;
    new Float32Array(memory.buffer, 0, values.length).set(values);
    (instance.exports[name] as Apply)(0, half, values.length);
    return new Float32Array(memory.buffer, half, values.length).slice();
  };
}

/** Largest |actual - expected| / |expected|. */
function relativeError(actual: Float32Array, expected: (x: number) => number, at: Float32Array): number {
  return at.reduce((worst, x, index) => Math.max(worst, Math.abs((actual[index] as number) / expected(x) - 1)), 0);
}

const grid = (count: number, value: (share: number) => number) =>
  Float32Array.from({ length: count }, (_, i) => value(i / (count - 1)));

describe.each([
  ['simd', ['simd']],
  ['relaxed', ['simd', 'relaxed-simd']],
] as const)('assembly/math, %s build', (_name, features) => {
  it('is within 2e-7 of Math, relatively', async () => {
    await useEngine('wasm'); // relaxed SIMD needs a flag on Node 20, which the engine sets
    const apply = await compile(features);
    const exponents = grid(40_000, (share) => -87.3 + share * (88.3 + 87.3));
    expect(relativeError(apply('applyExp', exponents), Math.exp, exponents)).toBeLessThan(2e-7);
    const positive = grid(40_000, (share) => 2 ** (-125 + 250 * share));
    const logs = apply('applyLog', positive);
    // Near 1 the logarithm vanishes: there the error is compared with 1.
    const worst = positive.reduce(
      (most, x, i) => Math.max(most, Math.abs((logs[i] as number) - Math.log(x)) / Math.max(1, Math.abs(Math.log(x)))),
      0,
    );
    expect(worst).toBeLessThan(2e-7);
    const both = grid(40_000, (share) => -80 + 160 * share);
    expect(relativeError(apply('applySigmoid', both), (x) => 1 / (1 + Math.exp(-x)), both)).toBeLessThan(4e-7);
  });

  it('keeps to its limits', async () => {
    await useEngine('wasm');
    const apply = await compile(features);
    const [zero, alsoZero, large, one] = apply('applyExp', Float32Array.from([-Infinity, -1e30, 1e30, 0]));
    expect([zero, alsoZero, one]).toEqual([0, 0, 1]);
    expect(large).toBeGreaterThan(1e38);
    expect(large).toBeLessThan(Infinity);
    expect(apply('applyExp', Float32Array.from([Number.NaN, 0, 0, 0]))[0]).toBeNaN();
    const [lost, endless, nothing] = apply('applyLog', Float32Array.from([Number.NaN, Infinity, 1, 1]));
    expect([lost, endless, nothing]).toEqual([Number.NaN, Number.NaN, 0]);
  });

  it('flushes weights under 1e-20 to zero, and no others', async () => {
    await useEngine('wasm');
    const apply = await compile(features);
    expect([...apply('applyExpFlushed', Float32Array.from([-46.1, -80, -87, -Infinity]))]).toEqual([0, 0, 0, 0]);
    const kept = grid(40_000, (share) => -46 + 46 * share);
    expect(relativeError(apply('applyExpFlushed', kept), Math.exp, kept)).toBeLessThan(2e-7);
    expect(apply('applyExpFlushed', Float32Array.from([Number.NaN, 0, 0, 0]))[0]).toBeNaN();
  });

  it('has the bits of exp in expBelow, for less', async () => {
    await useEngine('wasm');
    const apply = await compile(features);
    const bits = (values: Float32Array) => [...new Uint32Array(values.buffer)];
    const special = Float32Array.from([
      -Infinity,
      -1e30,
      -88,
      -87.4,
      -87.33654,
      -87.336,
      -46,
      -1e-30,
      -0,
      0,
      Number.NaN,
      88,
    ]);
    for (const values of [special, grid(40_000, (share) => -90 + 178 * share)])
      expect(bits(apply('applyExpBelow', values))).toEqual(bits(apply('applyExp', values)));
  });
});
