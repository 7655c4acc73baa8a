/**
 * Kernels of SSD on the wasm engine: the recurrence itself, chunk by chunk, with one decay per head and token. It needs
 * no exponents of sums, so nothing to mask or clamp.
 */
import { tf, type WasmKernel } from '@mixerzoo/core';
import { code } from '../scan/kernel.generated.js';
import { type ScanSizes, type ScanTensors, scanBackward, scanForward } from '../scan/wasm.js';
import type { SsdAttrs, SsdGradientInputs, SsdGradients, SsdInputs, SsdOutputs } from './types.js';

export const ssdKernel: WasmKernel<SsdInputs, SsdAttrs, SsdOutputs> = {
  code,
  run(wasm, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, nHeads, headDim, dState, chunkSize } = sizes;
    return scanForward(wasm, roles(inputs), sizes, [batch, Math.ceil(length / chunkSize), nHeads, headDim, dState]);
  },
};

export const ssdGradientKernel: WasmKernel<SsdGradientInputs, SsdAttrs, SsdGradients> = {
  code,
  run(wasm, inputs, attrs) {
    const grads = scanBackward(wasm, roles(inputs), inputs, sizesOf(inputs, attrs));
    tf.dispose([grads.gate, grads.bias]);
    const { u: x, delta: dt, A, B, C, skip: D, initial: initialState } = grads;
    return { x, dt, A, B, C, D, initialState };
  },
};

/** The tensors by their role in the scan. */
export function roles({ x, dt, A, B, C, D, initialState }: SsdInputs): ScanTensors {
  return { u: x, delta: dt, A, B, C, skip: D, gate: undefined, bias: undefined, initial: initialState };
}

export function sizesOf({ x, B }: SsdInputs, { chunkSize }: SsdAttrs): ScanSizes {
  const [batch, length, nHeads, headDim] = x.shape as [number, number, number, number];
  const [, , nGroups, dState] = B.shape as [number, number, number, number];
  return {
    batch,
    length,
    nHeads,
    headDim,
    nGroups,
    dState,
    chunkSize: Math.min(chunkSize, length),
    scalar: true,
    softplus: false,
  };
}
