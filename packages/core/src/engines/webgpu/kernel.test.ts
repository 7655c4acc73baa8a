/** What the webgpu engine answers for: dispatches of any number of workgroups, limits, faults, zeros it makes itself. */
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { scatterAdd } from '../../ops/embedding/webgpu.js';
import { matMulKernel } from '../../ops/mat-mul/webgpu.js';
import { expectClose, testTensor } from '../../testing/compare.js';
import * as tf from '../../tf.js';
import { currentEngine, useEngine } from '../index.js';
import { webgpuBackend, zerosOnDevice } from './dispatch.js';
import { elementwise } from './elementwise.js';
import { gridOf, runWebgpuKernel, type WebgpuCall } from './kernel.js';
import { pairwiseForward } from './pairwise.js';
import { pairwiseBackward } from './pairwise-gradient.js';

const run = <O extends Record<string, tf.Tensor>>(kernel: (gpu: WebgpuCall) => O): O =>
  runWebgpuKernel({ run: kernel }, {}, {});

/** As if a dispatch had three workgroups in a dimension: a real one's 65,535 take a software driver minutes. */
const narrow = (gpu: WebgpuCall): WebgpuCall => ({ ...gpu, grid: (count) => gridOf(count, 3) });

describe('gridOf', () => {
  it.each([
    [0, [0, 1]],
    [1, [1, 1]],
    [65_535, [65_535, 1]],
    [65_536, [32_768, 2]],
    [65_535 ** 2, [65_535, 65_535]],
  ])('holds %i workgroups in %j', (count, expected) => expect(gridOf(count)).toEqual(expected));
});

describe('kernels of the webgpu engine', () => {
  beforeAll(async () => {
    await useEngine();
  });
  beforeEach((context) => {
    if (currentEngine().name !== 'webgpu') context.skip('about the webgpu engine');
  });

  it('divides matrix products of any number of tiles and batches among rows of workgroups', async () => {
    const [a, b] = [testTensor<tf.Rank.R3>([5, 40, 300], 1), testTensor<tf.Rank.R3>([5, 300, 35], 2)];
    const attrs = { transposeA: false, transposeB: false };
    const { y } = run((gpu) => matMulKernel.run(narrow(gpu), { a, b }, attrs));
    await expectClose(y, tf.matMul(a, b), 1e-6);
  });

  it('divides tiles of attention, and rows that are added into', async () => {
    const tokens = (seed: number) => testTensor<tf.Rank.R3>([3, 70, 6], seed);
    const inputs = { q: tokens(1), k: tokens(2), v: tokens(3), dO: tokens(4) };
    const indices = tf.tensor1d([99, 5, 99], 'int32');
    const form = { nHeads: 2, scale: 1, weight: 'softmax' } as const;
    const all = (gpu: WebgpuCall) => {
      const { o, normaliser } = pairwiseForward(gpu, inputs, form);
      const { y } = scatterAdd.run(gpu, { x: tf.tensor2d([[1], [2], [4]]), indices }, { rows: 100 });
      return { o, normaliser, ...pairwiseBackward(gpu, { ...inputs, o, normaliser }, form), y };
    };
    const [divided, whole] = [run((gpu) => all(narrow(gpu))), run(all)];
    for (const name of ['o', 'dq', 'dk', 'dv', 'y'] as const) await expectClose(divided[name], whole[name], 0, name);
    const y = await divided.y.data();
    expect([y[99], y[5], y[0]]).toEqual([5, 2, 0]);
  });

  it('adds up a token that most of a long list is, the same each time', async () => {
    const [count, d] = [20_000, 70];
    const indices = tf.tensor1d(
      Int32Array.from({ length: count }, (_, i) => (i % 7 ? 3 : i % 50)),
      'int32',
    );
    const x = testTensor<tf.Rank.R2>([count, d]);
    const [ids, values] = [await indices.data(), await x.data()];
    const expected = new Float64Array(50 * d);
    for (let i = 0; i < count; i += 1) for (let c = 0; c < d; c += 1) expected[ids[i]! * d + c]! += values[i * d + c]!;
    const found = await runWebgpuKernel(scatterAdd, { x, indices }, { rows: 50 }).y.data();
    expect(largestError(found, expected)).toBeLessThan(1e-2);
    expect(await runWebgpuKernel(scatterAdd, { x, indices }, { rows: 50 }).y.data()).toEqual(found);
  });

  it('refuses a dispatch and a tensor that the device would refuse without a word, and keeps nothing', () => {
    const before = tf.memory().numTensors;
    const tooWide = (gpu: WebgpuCall) => {
      const y = gpu.output([4]) as tf.Tensor;
      gpu.scratch([4]);
      gpu.dispatch({
        code: '@compute @workgroup_size(1) fn main() { y[0] = 1.0; }',
        read: {},
        write: { y },
        workgroups: [66_000],
      });
      return { y };
    };
    expect(() => run(tooWide)).toThrow(/at most 65535 workgroups in a dimension, got 66000/);
    const { maxBufferSize, maxStorageBufferBindingSize } = webgpuBackend().device.limits;
    const tooLarge = (gpu: WebgpuCall) => {
      const y = gpu.output([Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4 + 1]) as tf.Tensor;
      elementwise(gpu, {}, y, '0.0');
      return { y };
    };
    expect(() => run(tooLarge)).toThrow(/tensors of at most .* Use a smaller batch/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('fails the next read after a fault of the device, and no other', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { y } = run((gpu) => {
      const y = gpu.output([4]) as tf.Tensor;
      gpu.dispatch({
        code: '@compute @workgroup_size(1) fn main() { y[0] = true; }',
        read: {},
        write: { y },
        workgroups: [1],
      });
      return { y };
    });
    await expect(y.data()).rejects.toThrow(/webgpu engine: expected no fault of the device/);
    expect(printed).toHaveBeenCalled();
    printed.mockRestore();
    expect(await tf.tensor1d([1, 2]).square().data()).toEqual(new Float32Array([1, 4]));
  });

  it('clears memory for the gradient of an output that has none', async () => {
    const size = 12_345;
    const { x, y } = run((gpu) => {
      const [x, y] = [gpu.output([size]) as tf.Tensor, gpu.output([size]) as tf.Tensor];
      for (const to of [x, y]) elementwise(gpu, {}, to, '7.0');
      return { x, y };
    });
    expect((await x.data())[size - 1]).toBe(7);
    tf.dispose([x, y]); // Their memory is what the next tensors get.
    const zeros = zerosOnDevice(x);
    const { sum } = run((gpu) => {
      const sum = gpu.output([size]) as tf.Tensor;
      elementwise(gpu, { zeros }, sum, 'zeros[i] + 1.0');
      return { sum };
    });
    expect(new Set(await sum.data())).toEqual(new Set([1]));
    expect(new Set(await zeros.data())).toEqual(new Set([0]));
  });
});

function largestError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i += 1) largest = Math.max(largest, Math.abs(found[i]! - expected[i]!));
  return largest;
}
