/**
 * Kernels of SSD on the wasm engine: the recurrence itself, chunk by chunk, with one decay per head and token. It needs
 * no exponents of sums, so nothing to mask or clamp.
 */
import type { Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from '../scan/kernel.generated.js';
import { type ScanSizes, type ScanTensors, scanBackward, scanForward } from '../scan/wasm.js';
import type { Attrs, Backward, Inputs, Outputs } from './types.js';

export const ssd: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, nHeads, headDim, dState, chunkSize } = sizes;
    return scanForward(wasm, roles(inputs), sizes, [batch, Math.ceil(length / chunkSize), nHeads, headDim, dState]);
  },
};

export const ssdGradient: WasmKernel<Backward, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const grads = scanBackward(wasm, roles(inputs), inputs, sizesOf(inputs, attrs));
    const { u: x, delta: dt, A, B, C, skip: D, initial: initialState } = grads;
    return { x, dt, A, B, C, D, initialState };
  },
};

/** The tensors by their role in the scan. */
export function roles({ x, dt, A, B, C, D, initialState }: Inputs) {
  return {
    u: x,
    delta: dt,
    A,
    B,
    C,
    skip: D,
    gate: undefined,
    bias: undefined,
    initial: initialState,
  } satisfies ScanTensors;
}

export function sizesOf({ x, B }: Inputs, { chunkSize }: Attrs): ScanSizes {
  const [batch, length, nHeads, headDim] = x.shape;
  const [, , nGroups, dState] = B.shape;
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
