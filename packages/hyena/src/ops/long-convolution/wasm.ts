/** The long convolution on the wasm engine: direct, or by Fourier transforms. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Columns that are convolved at once, and units of work at most: each has its own scratch. */
const [COLUMNS, MOST_BLOCKS] = [8, 16];

export const longConvolution: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, filter }, attrs) {
    const y = wasm.output(x.shape);
    run(wasm, 'convolve', x, attrs, [x, filter, y]);
    return { y };
  },
};

export const longConvolutionGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, filter, dY }, attrs) {
    const [dX, dFilter] = [wasm.output(x.shape), wasm.output(filter.shape)];
    run(wasm, 'convolveGradient', x, attrs, [x, filter, dY, dX, dFilter]);
    return { x: dX, filter: dFilter };
  },
};

function run(
  wasm: WasmCall,
  name: 'convolve' | 'convolveGradient',
  { shape: [batch, length, width] }: tf.Tensor3D,
  { method }: Attrs,
  tensors: readonly tf.Tensor[],
): void {
  const blocks = Math.min(MOST_BLOCKS, Math.ceil(width / COLUMNS));
  const n = method === 'fft' ? 2 ** (1 + Math.ceil(Math.log2(length))) : 0;
  const twiddles = n > 0 ? wasm.scratch(wasm.call('twiddleBytes', n)) : 0;
  if (n > 0) wasm.call('fillTwiddles', twiddles, n);
  const rows = wasm.call('scratchRows', length, n, Number(name === 'convolveGradient'));
  const scratch = wasm.scratch(4 * COLUMNS * rows * blocks);
  const pointers = tensors.map((tensor) => wasm.pointer(tensor));
  wasm.parallel(name, blocks, ...pointers, batch, length, width, n, twiddles, scratch, blocks);
}
