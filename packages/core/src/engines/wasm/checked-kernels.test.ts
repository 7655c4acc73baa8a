/** Kernels that are wrong in ways that pass on one thread and on memory that happens to hold zeros: each a fault that names it. */
import asc from 'assemblyscript/asc';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defineOp } from '../../ops/define-op.js';
import * as tf from '../../tf.js';
import { useEngine } from '../index.js';
import { bindWasmHeap, checkKernels, type WasmCall, type WasmCode, type WasmHeap } from './kernel.js';

/** y[unit] = 2 x[unit], over scratch of its own, or not. */
const SOURCE = `
export function double(x: usize, y: usize, scratch: usize, start: i32, end: i32): void {
  for (let i = start; i < end; i++) through(x + (<usize>i << 2), y + (<usize>i << 2), scratch + (<usize>i << 2));
}
export function doubleShared(x: usize, y: usize, scratch: usize, start: i32, end: i32): void {
  for (let i = start; i < end; i++) through(x + (<usize>i << 2), y + (<usize>i << 2), scratch);
}
function through(x: usize, y: usize, scratch: usize): void {
  store<f32>(scratch, load<f32>(x));
  store<f32>(y, 2 * load<f32>(scratch));
}
export function doubleMost(x: usize, y: usize, scratch: usize, start: i32, end: i32): void {
  for (let i = start; i < end; i++) if (i != 5) store<f32>(y + (<usize>i << 2), 2 * load<f32>(x + (<usize>i << 2)));
}
export function doubleDirty(x: usize, y: usize, scratch: usize, start: i32, end: i32): void {
  for (let i = start; i < end; i++) store<f32>(y + (<usize>i << 2), 2 * load<f32>(x + (<usize>i << 2)) + load<f32>(scratch + (<usize>i << 2)));
}
export function doubleRunning(x: usize, y: usize, scratch: usize, start: i32, end: i32): void {
  for (let i = start; i < end; i++) {
    const before: f32 = i > 0 ? load<f32>(y + (<usize>i << 2) - 4) : 0;
    store<f32>(y + (<usize>i << 2), 2 * load<f32>(x + (<usize>i << 2)) + 0 * before);
  }
}
export function last(x: usize): f32 {
  return load<f32>(x);
}
`;
const COMPILER = ['--importMemory', '--noExportMemory', '--runtime', 'stub', '--enable', 'threads', '--sharedMemory'];

let code: WasmCode;
const shape: [number, number, number] = [2, 2, 3];
const x = () => tf.range(0, 12).reshape<tf.Tensor3D>(shape);
let ops = 0;

/** The op of these calls, on x. */
function run(calls: (wasm: WasmCall, x: number, y: number) => void): tf.Tensor {
  ops += 1;
  const op = defineOp<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
    name: `Double${ops}`,
    inputs: ['x'],
    outputs: ['y'],
    reference: (inputs) => ({ y: inputs.x.mul(2) }),
    kernels: {
      wasm: {
        code,
        run(wasm, inputs) {
          const y = wasm.output(shape);
          calls(wasm, wasm.pointer(inputs.x), wasm.pointer(y));
          return { y };
        },
      },
    },
  });
  return tf.tidy(() => op({ x: x() }, {}).y);
}

const parallel = (name: string) => run((wasm, at, y) => wasm.parallel(name, 12, at, y, wasm.scratch(48)));

beforeAll(async () => {
  await useEngine('wasm');
  let binary = '';
  const { error, stderr } = await asc.main(
    ['entry.ts', '--outFile', 'out.wasm', ...COMPILER, '--initialMemory', '1', '--maximumMemory', '65536'],
    {
      readFile: (name) => (name === 'entry.ts' ? SOURCE : null),
      writeFile: (_name, contents) => {
        binary = Buffer.from(contents as Uint8Array).toString('base64');
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(stderr.toString());
  code = { simd: binary, relaxed: binary };
});

afterEach(() => checkKernels());

describe('a kernel under test', () => {
  it('gives the numbers that it gives without', async () => {
    const checked = parallel('double');
    bindWasmHeap((tf.backend() as unknown as { wasm: WasmHeap }).wasm, { relaxedSimd: false });
    const plain = parallel('double');
    expect(await checked.data()).toEqual(await plain.data());
    expect(await plain.data()).toEqual(await x().mul(2).data());
  });

  it('may have no scratch that units share', () => {
    expect(() => parallel('doubleShared')).toThrow(
      /Double\d+: doubleShared: expected units that share no memory, got units 9 and 10 to 11 that both write byte 0 of scratch 0 \(48 bytes\)/,
    );
  });

  it('may leave no element of an output as it came', () => {
    expect(() => parallel('doubleMost')).toThrow(
      /Double\d+: expected every element of output 0 \[2, 2, 3\] written, got none at \[0, 1, 2\]/,
    );
  });

  it('may compute nothing from scratch that it has not written', () => {
    expect(() => parallel('doubleDirty')).toThrow(/output 0 .* got none at \[0, 0, 0\], or one computed from memory/);
  });

  it('may use in one unit nothing that another has written', () => {
    expect(() => parallel('doubleRunning')).toThrow(/Double\d+: expected every element of output 0/);
  });
});

describe('a call of a kernel', () => {
  it('names a function that is there', () => {
    expect(() => parallel('dubble')).toThrow(
      /Double\d+: expected a function that its kernel exports, got 'dubble'\. Did you mean 'double'\? Known: double, /,
    );
  });

  it('passes every argument', () => {
    expect(() => run((wasm, at, y) => wasm.parallel('double', 12, at, y))).toThrow(
      /Double\d+: expected 3 arguments of 'double' beside start and end, got 2\. Pass them in the order of kernel\.as\.ts/,
    );
    expect(() => run((wasm) => void wasm.call('last'))).toThrow(/Double\d+: expected 1 arguments of 'last', got 0/);
  });

  it('has units', () => {
    expect(() => run((wasm, at, y) => wasm.parallel('double', 0.5, at, y, 0))).toThrow(
      /Double\d+: expected a number of units of 'double', got 0\.5/,
    );
  });

  it('faults by name', () => {
    expect(() => run((wasm) => void wasm.call('last', -4))).toThrow(
      /Double\d+: expected 'last' to run, got RuntimeError: memory access out of bounds\. The fault is in the kernel/,
    );
  });
});
