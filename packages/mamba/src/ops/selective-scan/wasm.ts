/** Kernels of the selective scan on the wasm engine: one head of D channels, decays per channel and state. */
import type { Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { CHUNK_SIZE } from '../scan/chunk.js';
import { code } from '../scan/kernel.generated.js';
import { type ScanSizes, type ScanTensors, scanBackward, scanForward } from '../scan/wasm.js';
import type { Attrs, Backward, Inputs, Outputs } from './types.js';

export const selectiveScan: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, headDim, dState } = sizes;
    return scanForward(wasm, roles(inputs), sizes, [batch, Math.ceil(length / CHUNK_SIZE), headDim, dState]);
  },
};

export const selectiveScanGradient: WasmKernel<Backward, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const {
      skip: D,
      gate: z,
      bias: deltaBias,
      initial: initialState,
      ...rest
    } = scanBackward(wasm, roles(inputs), inputs, sizesOf(inputs, attrs));
    return { ...rest, D, z, deltaBias, initialState };
  },
};

/** The tensors by their role in the scan. */
export function roles({ u, delta, A, B, C, D, z, deltaBias, initialState }: Inputs) {
  return { u, delta, A, B, C, skip: D, gate: z, bias: deltaBias, initial: initialState } satisfies ScanTensors;
}

export function sizesOf({ u, A }: Inputs, { deltaSoftplus }: Attrs): ScanSizes {
  const [batch, length, headDim] = u.shape;
  const dState = A.shape[1];
  return {
    batch,
    length,
    nHeads: 1,
    headDim,
    nGroups: 1,
    dState,
    chunkSize: Math.min(CHUNK_SIZE, length),
    scalar: false,
    softplus: deltaSoftplus,
  };
}
