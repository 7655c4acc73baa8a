/** The wasm engine under stress: exhausted and growing memory, thousands of steps, with and without fused multiply-add. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import asc from 'assemblyscript/asc';
import { beforeAll, describe, expect, it } from 'vitest';
import { isZooError } from '../../errors.js';
import { adamWStep } from '../../ops/adam-w/index.js';
import { linear } from '../../ops/linear/index.js';
import { layerNorm } from '../../ops/norm/index.js';
import { tiedCrossEntropy } from '../../ops/tied-cross-entropy/index.js';
import { expectClose, testTensor } from '../../testing/index.js';
import * as tf from '../../tf.js';
import { useEngine } from '../index.js';
import { bindWasmHeap, runWasmKernel, type WasmHeap } from './kernel.js';

const GIB = 2 ** 30;
/** What mixerzoo-kernels compiles with: a shared memory of up to 4 GiB. */
const SHARED = ['--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536', '--enable', 'threads'];
const heap = () => (tf.backend() as unknown as { wasm: WasmHeap }).wasm;

interface Training {
  params: tf.Tensor[];
  m: tf.Tensor[];
  v: tf.Tensor[];
}

const [V, D, N] = [40, 12, 9];
function start(): Training {
  const params = [testTensor([V, D], 1), testTensor([D, D], 2), tf.zeros([D]), tf.ones([D]), tf.zeros([D])];
  return { params, m: params.map((p) => tf.zerosLike(p)), v: params.map((p) => tf.zerosLike(p)) };
}

/** A step of a small model. Returns its loss. */
function train(training: Training, step: number): number {
  const labels = tf.tensor1d(
    Int32Array.from({ length: N }, (_, index) => (index * step) % V),
    'int32',
  );
  const x = testTensor<tf.Rank.R2>([N, D], 3);
  const { value, grads } = gradients(training, x, labels);
  const loss = value.dataSync()[0] as number;
  const options = { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1, step };
  Object.assign(training, adamWStep(training, grads, options));
  tf.dispose([labels, x, value, ...grads]);
  return loss;
}

function gradients(
  { params }: Training,
  x: tf.Tensor2D,
  labels: tf.Tensor1D,
): { value: tf.Tensor; grads: tf.Tensor[] } {
  return tf.valueAndGrads((...leaves: tf.Tensor[]) => {
    const [table, weight, bias, scale, shift] = leaves as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D,
    ];
    const hidden = layerNorm(linear(x, { weight, bias }), { weight: scale, bias: shift });
    return tiedCrossEntropy(hidden, table, labels).loss;
  })(params) as { value: tf.Tensor; grads: tf.Tensor[] };
}

beforeAll(async () => {
  await useEngine('wasm');
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('wasm engine', () => {
  it('keeps resident memory flat over 5,000 steps', () => {
    const training = start();
    let step = 0;
    const run = (count: number) => {
      for (const end = step + count; step < end; ) {
        step += 1;
        if (!Number.isFinite(train(training, step))) throw new Error(`step ${step}: the loss is not finite`);
      }
      collectGarbage(); // how much of it V8 leaves lying about is its own choice
      const { rss, heapTotal, heapUsed } = process.memoryUsage();
      const resident = { native: (rss - heapTotal) / 2 ** 20, javaScript: heapUsed / 2 ** 20 };
      return { ...tf.memory(), heap: heap().asm.memory.buffer.byteLength, ...resident };
    };
    run(500);
    const before = run(500);
    const after = run(4000);
    expect(after.numTensors).toBe(before.numTensors);
    expect(after.numBytes).toBe(before.numBytes);
    expect(after.heap).toBe(before.heap);
    expect(after.native - before.native).toBeLessThan(32);
    expect(after.javaScript - before.javaScript).toBeLessThan(8);
  }, 120_000);

  it('agrees with itself without fused multiply-add to rounding', async () => {
    const a = testTensor<tf.Rank.R2>([70, 300], 1);
    const fused = tf.matMul(a, a, false, true);
    bindWasmHeap(heap(), { relaxedSimd: false });
    const plain = tf.matMul(a, a, false, true);
    bindWasmHeap(heap(), { relaxedSimd: true });
    await expectClose(plain, fused, 1e-6, 'matMul');
  });

  it('refuses other numbers than float32, which kernels would take for them', () => {
    const whole = tf.ones<tf.Rank.R2>([2, 2], 'int32');
    const message = /expected float32 on the wasm engine, got int32\. Convert it with toFloat\(\)/;
    expect(() => tf.matMul(whole, whole)).toThrow(message);
    expect(() => tf.unsortedSegmentSum(whole, tf.tensor1d([0, 1], 'int32'), 2)).toThrow(message);
    expect(() => linear(whole, { weight: tf.ones([2, 2]) })).toThrow(
      /Linear: expected 'x' of dtype float32, got int32\. Convert it with tf\.cast\(x, 'float32'\)/,
    );
  });

  it('refuses a kernel with more arguments than threads can be handed, on one thread too', async () => {
    const parameters = Array.from({ length: 67 }, (_, index) => `a${index}: i32`);
    const source = `export function wide(${parameters.join(', ')}): void {}`;
    let code = '';
    await asc.main(
      ['entry.ts', '--outFile', 'out.wasm', '--importMemory', '--noExportMemory', '--runtime', 'stub', ...SHARED],
      {
        readFile: (name) => (name === 'entry.ts' ? source : null),
        writeFile: (_name, contents) => {
          code = Buffer.from(contents as Uint8Array).toString('base64');
        },
        listFiles: () => [],
      },
    );
    expect(() => runWasmKernel({ code: { simd: code, relaxed: code }, run: () => ({}) }, {}, {})).toThrow(
      /expected at most 66 arguments of 'wide', got 67/,
    );
  });

  it('broadcasts a bias of one element, and sums nothing to zero', async () => {
    const [a, b] = [testTensor<tf.Rank.R2>([3, 4], 1), testTensor<tf.Rank.R2>([4, 5], 2)];
    const bias = tf.tensor1d([7]);
    await expectClose(tf.fused.matMul({ a, b, bias }), tf.matMul(a, b).add(7), 1e-6, 'bias');
    const taken = Array.from({ length: 8 }, () => tf.ones([100, 5]));
    tf.dispose(taken); // memory that is not zero
    const empty = tf.matMul(tf.zeros<tf.Rank.R2>([100, 0]), tf.zeros<tf.Rank.R2>([0, 5]));
    expect((await empty.data()).every((value) => value === 0)).toBe(true);
  });

  it('survives growing memory: old tensors, new tensors and kernels agree', async () => {
    const a = testTensor<tf.Rank.R2>([65, 33], 1);
    const before = await tf.matMul(a, a, true).data();
    const size = heap().asm.memory.buffer.byteLength;
    const large = tf.engine().makeTensorFromTensorInfo(backendOutput(GIB / 4));
    expect(heap().asm.memory.buffer.byteLength).toBeGreaterThan(size);
    const after = tf.matMul(a, a, true);
    expect(await after.data()).toEqual(before);
    large.dispose();
  });

  it('says clearly that memory is exhausted, and goes on', async () => {
    const a = testTensor<tf.Rank.R2>([5, 5], 1);
    const before = await tf.matMul(a, a).data();
    const held: tf.Tensor[] = [];
    let error: unknown;
    try {
      for (let count = 0; count < 6; count += 1)
        held.push(tf.engine().makeTensorFromTensorInfo(backendOutput(GIB / 4)));
    } catch (thrown) {
      error = thrown;
    }
    expect(isZooError(error, 'out-of-memory')).toBe(true);
    expect(String(error)).toMatch(/expected room for 1024\.0 MiB more, got none/);
    tf.dispose(held);
    expect(await tf.matMul(a, a).data()).toEqual(before);
  });
});

/** Memory for a float32 tensor, not touched. */
function backendOutput(elements: number): tf.TensorInfo {
  const backend = tf.backend() as unknown as { makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo };
  return backend.makeOutput([elements], 'float32');
}
