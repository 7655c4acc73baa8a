/**
 * Causal convolution with a filter as long as the sequence, per channel:
 *
 *   y_t = sum_{j <= t} filter_j x_{t-j}                                                    x, y [B, L, d], filter [L, d] by delay
 *
 * Direct sums cost L^2 / 2 products a channel. By Fourier transforms of n >= 2 L points, zeros behind the sequence so that nothing comes
 * round, it is n log n: y = F^-1(F x . F filter). The gradients are correlations, by the same transforms:
 *
 *   dX_s = sum_t filter_{t-s} dY_t = F^-1(conj F filter . F dY),   dFilter_j = sum_{b,t} x_{t-j} dY_t = F^-1(sum_b conj F x . F dY)
 *
 * Rounding of the transforms is that of the largest value: about 1e-7 of it stands where zeros should, before an impulse too.
 *
 * Source: Poli et al. 2023 (arXiv 2302.10866), section 2.1 and equation 2; Cooley and Tukey 1965.
 */
import { ShapeError, type tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { longConvolutionReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** Tokens from which Fourier transforms are faster than direct sums, on the wasm engine. */
const FFT_FROM = 160;

/** The op behind {@link longConvolution}. */
export const longConvolutionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'LongConvolution',
  inputs: ['x', 'filter'],
  outputs: ['y'],
  reference: longConvolutionReference,
  kernels: { wasm: wasm.longConvolution, webgpu: webgpu.longConvolution },
  gradient: { kernels: { wasm: wasm.longConvolutionGradient, webgpu: webgpu.longConvolutionGradient } },
});

/** How {@link longConvolution} works. */
export interface LongConvolutionOptions {
  /** Of the kernel for wasm, the one that has both; default: what is faster at the length. */
  readonly method?: 'direct' | 'fft';
}

/**
 * Convolves every sequence with a causal filter as long as itself.
 *
 * @param x - [B, L, d]
 * @param filter - [L, d]; row j is for the token j steps back.
 * @returns [B, L, d]
 * @throws ShapeError
 */
export function longConvolution(
  x: tf.Tensor3D,
  filter: tf.Tensor2D,
  { method }: LongConvolutionOptions = {},
): tf.Tensor3D {
  const [, length, width] = x.shape;
  if (x.rank !== 3 || filter.rank !== 2 || filter.shape[0] !== length || filter.shape[1] !== width) {
    throw new ShapeError(
      `longConvolution: expected x [B, L, d] and filter [L, d], got ${formatShape(x.shape)} and ${formatShape(filter.shape)}. ` +
        'Cut the filter to the length of the sequences, or pad it with zeros.',
    );
  }
  return longConvolutionOp({ x, filter }, { method: method ?? (length < FFT_FROM ? 'direct' : 'fft') }).y;
}

/** FLOP of {@link longConvolution} per sequence, the transform of the filter with it; a multiply-add is 2. */
export function longConvolutionFlops(length: number, width: number): number {
  if (length < FFT_FROM) return 2 * length ** 2 * width;
  const log = 1 + Math.ceil(Math.log2(length));
  // Three transforms of n real numbers, of 5/2 n log n each, and a product of n / 2 complex numbers.
  return width * 2 ** log * (7.5 * log + 3);
}
