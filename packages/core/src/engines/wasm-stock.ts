/**
 * Kernels of the stock wasm backend that training cannot use, replaced by ours: `BatchMatMul` (wrong when batches are
 * broadcast, slow when anything is transposed) and `UnsortedSegmentSum` (missing, the gradient of every gather).
 */
import { scatterAddKernel } from '../ops/embedding/wasm.js';
import { matMulKernel } from '../ops/mat-mul/wasm.js';
import * as tf from '../tf.js';
import { runWasmKernel } from './wasm-kernel.js';

/** Replaces the kernels; called when the wasm engine is opened. */
export function replaceStockKernels(): void {
  replace('BatchMatMul', (inputs, attrs) => {
    const { transposeA = false, transposeB = false } = attrs as { transposeA?: boolean; transposeB?: boolean };
    const { a, b } = inputs as { a: tf.Tensor; b: tf.Tensor };
    return runWasmKernel(matMulKernel, { a, b }, { transposeA, transposeB }).y;
  });
  replace('UnsortedSegmentSum', (inputs, attrs) => {
    const { x, segmentIds } = inputs as { x: tf.Tensor; segmentIds: tf.Tensor };
    return runWasmKernel(scatterAddKernel, { x, indices: segmentIds }, { rows: attrs['numSegments'] as number }).y;
  });
}

function replace(
  kernelName: string,
  kernel: (inputs: tf.NamedTensorInfoMap, attrs: Record<string, unknown>) => tf.Tensor,
): void {
  if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) =>
      kernel(inputs as tf.NamedTensorInfoMap, (attrs ?? {}) as Record<string, unknown>),
  });
}
