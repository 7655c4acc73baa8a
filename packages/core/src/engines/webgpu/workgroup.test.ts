/** What the threads of a workgroup find out together, by subgroups and without them; the kernels that are built on it. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { globalNorm } from '../../ops/adam-w/webgpu.js';
import { layerNorm, layerNormGradient, rmsNorm } from '../../ops/norm/webgpu.js';
import type { NamedTensors, OpAttrs } from '../../ops/op-types.js';
import { tiedCrossEntropy } from '../../ops/tied-cross-entropy/webgpu.js';
import { expectClose, testTensor } from '../../testing/compare.js';
import * as tf from '../../tf.js';
import { currentEngine, useEngine } from '../index.js';
import { runWebgpuKernel, type WebgpuKernel } from './kernel.js';
import { probeSubgroups } from './subgroups.js';
import { eachLine, workgroupReductions } from './workgroup.js';

/** A kernel as on a device that has subgroups, or has none. */
const forced = <I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WebgpuKernel<I, A, O>,
  subgroups: boolean,
): WebgpuKernel<I, A, O> => ({ run: (gpu, inputs, attrs) => kernel.run({ ...gpu, subgroups }, inputs, attrs) });

const LINES = 5;

/** Sums, maxima and minima of the lines of x, and sums of what differs from the first sum: [lines, 4]. */
const reductions = (threads: 64 | 256): WebgpuKernel<{ x: tf.Tensor }, OpAttrs, { y: tf.Tensor }> => ({
  run(gpu, { x }) {
    const y = gpu.output([LINES, 4]);
    gpu.dispatch({
      code: `${workgroupReductions(gpu, threads, ['total', 'highest', 'lowest'])}${eachLine(threads)}
  let value = x[line * ${threads} + local];
  let sum = total(value, local);
  let off = total(value - sum, local);
  let most = highest(value, local);
  let least = lowest(i32(1000.0 * value), local);
  if (local == ${threads - 1}) { y[4 * line] = sum; y[4 * line + 1] = most; y[4 * line + 2] = f32(least); y[4 * line + 3] = off; }
}`,
      read: { x },
      write: { y },
      integers: { lines: LINES },
      workgroups: gpu.grid(LINES),
    });
    return { y };
  },
});

describe('workgroups on the webgpu engine', () => {
  beforeAll(async () => {
    await useEngine();
  });
  beforeEach((context) => {
    if (currentEngine().name !== 'webgpu') context.skip('about the webgpu engine');
  });

  it.for([
    { threads: 64, subgroups: false },
    { threads: 256, subgroups: false },
    { threads: 64, subgroups: true },
    { threads: 256, subgroups: true },
  ] as const)('reduces $threads values, subgroups: $subgroups', async ({ threads, subgroups }, context) => {
    if (subgroups && !currentEngine().details['subgroups']) context.skip('the device has no subgroups');
    const x = testTensor<tf.Rank.R2>([LINES, threads]);
    const { y } = runWebgpuKernel(forced(reductions(threads), subgroups), { x }, {});
    const values = (await x.array()) as number[][];
    const expected = values.map((line) => {
      const sum = line.reduce((a, b) => a + b, 0);
      return [sum, Math.max(...line), Math.min(...line.map((value) => Math.trunc(1000 * value))), sum - threads * sum];
    });
    for (const [column, tolerance] of [1e-5, 0, 0, 1e-5].entries()) {
      const of = (rows: number[][]) => tf.tensor1d(rows.map((row) => row[column] as number));
      await expectClose(of((await y.array()) as number[][]), of(expected), tolerance, `column ${column}`);
    }
  });

  it('relies on subgroups where a device was asked for them and lays them out as expected', async (context) => {
    const adapter = await navigator.gpu.requestAdapter();
    const without = await adapter?.requestDevice();
    expect(without && (await probeSubgroups(without))).toBe(false);
    without?.destroy();
    if (!currentEngine().details['subgroups']) context.skip('the device has no subgroups');
    const again = await navigator.gpu.requestAdapter();
    const device = await again?.requestDevice({ requiredFeatures: ['subgroups'] });
    expect(device && (await probeSubgroups(device))).toBe(true);
    device?.destroy();
  });

  it('computes the same with subgroups and without', async (context) => {
    if (!currentEngine().details['subgroups']) context.skip('the device has no subgroups');
    const [x, dY] = [testTensor<tf.Rank.R2>([9, 70], 1), testTensor<tf.Rank.R2>([9, 70], 2)];
    const [weight, bias] = [testTensor<tf.Rank.R1>([70], 3), testTensor<tf.Rank.R1>([70], 4)];
    const inputs = { x, weight, bias };
    const head = { hidden: x, table: testTensor<tf.Rank.R2>([300, 70], 5), labels: tf.range(0, 9, 1, 'int32') };
    const bothWays = (subgroups: boolean) => ({
      ...runWebgpuKernel(forced(layerNorm, subgroups), inputs, { eps: 1e-5 }),
      ...runWebgpuKernel(forced(layerNormGradient, subgroups), { ...inputs, dY }, { eps: 1e-5 }),
      rms: runWebgpuKernel(forced(rmsNorm, subgroups), { x, weight }, { eps: 1e-5 }).y,
      ...runWebgpuKernel(forced(globalNorm, subgroups), { x, weight, bias }, {}),
      ...runWebgpuKernel(forced(tiedCrossEntropy, subgroups), head as never, { gradients: true }),
    });
    const [by, without] = [bothWays(true), bothWays(false)];
    for (const [name, tensor] of Object.entries(without)) {
      await expectClose(by[name as keyof typeof by] as tf.Tensor, tensor as tf.Tensor, 1e-5, name);
    }
    expect(Object.keys(without)).toHaveLength(10);
  });

  it.for([{ subgroups: false }, { subgroups: true }])(
    'takes the first of equal logits, and the loss of large ones, subgroups: $subgroups',
    async ({ subgroups }, context) => {
      if (subgroups && !currentEngine().details['subgroups']) context.skip('the device has no subgroups');
      const loss = (hidden: tf.Tensor2D, table: tf.Tensor2D, labels: number[]) =>
        runWebgpuKernel(
          forced(tiedCrossEntropy, subgroups),
          { hidden, table, labels: tf.tensor1d(labels, 'int32') } as never,
          { gradients: true },
        );
      // Logits 0, but for two of 5, of which the first wins.
      const two = tf.tensor2d(Array.from({ length: 600 }, (_, v) => [v === 290 || v === 550 ? 5 : 0]));
      const equal = loss(tf.ones([3, 1]), two, [290, 550, 1]);
      expect([...(await equal.correct.data())]).toEqual([1, 0, 0]);
      expect((await equal.loss.data())[0]).toBeCloseTo(Math.log(2 + 598 * Math.exp(-5)) + 5 / 3, 4);
      // Logits -30000 to 30000 rising, so that the largest so far moves at every step.
      const rising = tf.linspace(-3e4, 3e4, 600).reshape([600, 1]) as tf.Tensor2D;
      const large = loss(tf.ones([2, 1]), rising, [599, 0]);
      expect([...(await large.correct.data())]).toEqual([1, 0]);
      expect((await large.loss.data())[0]).toBeCloseTo(3e4, 0);
    },
  );
});
