/**
 * What of the stock wasm backend (TensorFlow.js 4.22) training cannot use, replaced by ours:
 *
 * - `BatchMatMul` is wrong when batches are broadcast and slow when anything is transposed; `_FusedMatMul` is wrong
 *   with a bias off its fast path.
 * - `UnsortedSegmentSum`, the gradient of every gather, is missing.
 * - `Identity` copies. Every input saved for a gradient passes through it, so it is made to share, and saving to do
 *   without it.
 */
import { EngineError, ShapeError } from '../../errors.js';
import { scatterAdd } from '../../ops/embedding/wasm.js';
import { matMulKernel } from '../../ops/mat-mul/wasm.js';
import * as tf from '../../tf.js';
import { runWasmKernel } from './kernel.js';
import { sharing } from './sharing.js';

type Attrs = Record<string, unknown>;
type Activation = (x: tf.Tensor, weights: tf.Tensor | undefined, alpha: number) => tf.Tensor;

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (x) => x,
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  elu: (x) => tf.elu(x),
  sigmoid: (x) => tf.sigmoid(x),
  leakyrelu: (x, _weights, alpha) => tf.leakyRelu(x, alpha),
  prelu: (x, weights) => tf.prelu(x, weights as tf.Tensor),
};

/** Replaces the kernels; called when the wasm engine is opened. */
export function replaceStockKernels(): void {
  replace('BatchMatMul', (inputs, attrs) => matMul(inputs, attrs));
  replace('_FusedMatMul', (inputs, attrs) => {
    const name = (attrs['activation'] as string | undefined) ?? 'linear';
    const activation = ACTIVATIONS[name];
    if (!activation) throw new EngineError(`fused.matMul: activation '${name}' is not supported on the wasm engine.`);
    return tf.tidy(() =>
      activation(matMul(inputs, attrs), inputs['preluActivationWeights'], (attrs['leakyreluAlpha'] as number) || 0),
    );
  });
  replace('UnsortedSegmentSum', (inputs, attrs) => {
    const { x, segmentIds } = inputs as { x: tf.Tensor; segmentIds: tf.Tensor };
    assertFloat('unsortedSegmentSum', x);
    const rows = attrs['numSegments'] as number;
    return runWasmKernel(scatterAdd, { x, indices: segmentIds }, { rows }, 'unsortedSegmentSum').y;
  });
  replace('Identity', (inputs) => sharing(inputs['x'] as tf.Tensor));
  saveByReference();
}

function matMul(inputs: Record<string, tf.Tensor>, attrs: Attrs): tf.Tensor {
  const { transposeA = false, transposeB = false } = attrs as { transposeA?: boolean; transposeB?: boolean };
  const { a, b, bias } = inputs as { a: tf.Tensor; b: tf.Tensor; bias?: tf.Tensor };
  assertFloat('matMul', a, b);
  const columns = b.shape.at(transposeB ? -2 : -1);
  const fits = bias === undefined || (bias.rank === 1 && bias.size === columns); // else it is broadcast
  const given = { a, b, bias: fits ? bias : undefined };
  const { y } = runWasmKernel(matMulKernel, given, { transposeA, transposeB }, 'matMul');
  return fits ? y : tf.add(y, bias);
}

/** Kernels read memory as float32, and would take other numbers for it. */
function assertFloat(where: string, ...tensors: readonly tf.Tensor[]): void {
  for (const { dtype } of tensors) {
    if (dtype !== 'float32')
      throw new ShapeError(`${where}: expected float32 on the wasm engine, got ${dtype}. Convert it with toFloat().`);
  }
}

/** TensorFlow.js saves tensors for gradients by a recorded copy each, half of all kernels of a training step. */
function saveByReference(): void {
  const engine = tf.engine() as unknown as { saveTensorsForBackwardMode(tensors: tf.Tensor[]): tf.Tensor[] };
  engine.saveTensorsForBackwardMode = (tensors) => tensors.map((tensor) => tf.keep(sharing(tensor)));
}

function replace(kernelName: string, kernel: (inputs: Record<string, tf.Tensor>, attrs: Attrs) => tf.Tensor): void {
  if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => kernel(inputs as unknown as Record<string, tf.Tensor>, (attrs ?? {}) as Attrs),
  });
}
