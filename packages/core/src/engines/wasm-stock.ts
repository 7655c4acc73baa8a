/**
 * Kernels of the stock wasm backend that training cannot use, replaced by ours: `BatchMatMul` (wrong when batches are
 * broadcast, slow when anything is transposed) and `UnsortedSegmentSum` (missing, the gradient of every gather).
 */
import { code as embeddingCode } from '../ops/embedding/kernel.generated.js';
import { matMulKernel } from '../ops/mat-mul/wasm.js';
import * as tf from '../tf.js';
import { runWasmKernel } from './wasm-kernel.js';

/** Replaces the kernels; called when the wasm engine is opened. */
export function replaceStockKernels(): void {
  replace('BatchMatMul', (inputs, attrs) => {
    const { transposeA = false, transposeB = false } = attrs as { transposeA?: boolean; transposeB?: boolean };
    return runWasmKernel(matMulKernel, inputs as { a: tf.Tensor; b: tf.Tensor }, { transposeA, transposeB }).y;
  });
  replace('UnsortedSegmentSum', (inputs, attrs) => {
    const { x, segmentIds } = inputs as { x: tf.Tensor; segmentIds: tf.Tensor };
    const numSegments = attrs['numSegments'] as number;
    return segmentSum(x, segmentIds, numSegments);
  });
}

function segmentSum(x: tf.Tensor, segmentIds: tf.Tensor, numSegments: number): tf.Tensor {
  const rest = x.shape.slice(segmentIds.shape.length);
  return runWasmKernel<{ x: tf.Tensor; segmentIds: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>(
    {
      code: embeddingCode,
      run(wasm, inputs) {
        const y = wasm.output([numSegments, ...rest] as never);
        const count = tf.util.sizeFromShape(inputs.segmentIds.shape);
        const width = tf.util.sizeFromShape(rest);
        wasm.parallel('scatterAdd', numSegments, wasm.pointer(inputs.x), wasm.pointer(inputs.segmentIds), wasm.pointer(y), count, width);
        return { y };
      },
    },
    { x, segmentIds },
    {},
  ).y;
}

function replace(kernelName: string, kernel: (inputs: tf.NamedTensorInfoMap, attrs: Record<string, unknown>) => tf.Tensor): void {
  if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => kernel(inputs as tf.NamedTensorInfoMap, (attrs ?? {}) as Record<string, unknown>),
  });
}
