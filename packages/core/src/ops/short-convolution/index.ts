/**
 * Causal short convolution along the sequence, the "C" of CAT: `y[t] = sum_w filter[w] x[t - w]`, with x = 0 before
 * the first token. The filter's index is the delay: 0 is the current token.
 *
 * Filters: `perHead` [H, W] one scalar filter per head; `perChannel` [d, W] depthwise; `headMixing` [W, H, H]
 * `y[h] = sum_w sum_g filter[w, g, h] x[t - w, g]` (source head first, as in the paper). Head h owns the columns [h d/H, (h + 1) d/H).
 */
import { ShapeError, UnknownNameError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { filterTaps, shortConvolutionReference, shortConvolutionStepReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, FilterShape, Inputs, Outputs, StepInputs, StepOutputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

export { filterTaps } from './reference.js';
export type { FilterShape } from './types.js';

const FILTER_SHAPES: readonly FilterShape[] = ['perHead', 'perChannel', 'headMixing'];

export interface ShortConvolutionOptions {
  readonly shape: FilterShape;
  /** [d], added to every output. */
  readonly bias?: tf.Tensor;
}

/** The op behind {@link shortConvolution}. */
export const shortConvolutionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'ShortConvolution',
  inputs: ['x', 'filter', 'bias'],
  outputs: ['y'],
  reference: shortConvolutionReference,
  kernels: {
    tensorflow: tensorflow.shortConvolution,
    wasm: wasm.shortConvolution,
    webgpu: webgpu.shortConvolution,
  },
  gradient: {
    kernels: {
      tensorflow: tensorflow.shortConvolutionGradient,
      wasm: wasm.shortConvolutionGradient,
      webgpu: webgpu.shortConvolutionGradient,
    },
  },
});

/** The op behind {@link shortConvolutionStep}; generation only, so without a gradient. */
export const shortConvolutionStepOp = defineOp<StepInputs, Attrs, StepOutputs>({
  name: 'ShortConvolutionStep',
  inputs: ['x', 'cache', 'filter', 'bias'],
  outputs: ['y', 'next'],
  reference: shortConvolutionStepReference,
  gradient: 'none',
  kernels: { wasm: wasm.shortConvolutionStep },
});

/**
 * Convolves every sequence with a causal filter.
 *
 * @param x - [B, L, d]
 * @param filter - by `shape`: `perHead` [H, W], `perChannel` [d, W], `headMixing` [W, H, H].
 * @returns [B, L, d]
 * @throws ShapeError
 */
export function shortConvolution(
  x: tf.Tensor3D,
  filter: tf.Tensor,
  { shape, bias }: ShortConvolutionOptions,
): tf.Tensor3D {
  if (x.rank !== 3) throw new ShapeError(`shortConvolution: expected x [B, L, d], got ${formatShape(x.shape)}.`);
  assertFilter('shortConvolution', x.shape[2], filter, shape, bias);
  return shortConvolutionOp({ x, filter, bias }, { shape }).y;
}

/**
 * One token of {@link shortConvolution}.
 *
 * @param x - [B, d]
 * @param cache - [B, W - 1, d], the inputs before this one, newest last. Consumed.
 * @returns y [B, d] and the cache for the next token.
 * @throws ShapeError
 */
export function shortConvolutionStep(
  x: tf.Tensor2D,
  cache: tf.Tensor3D,
  filter: tf.Tensor,
  { shape, bias }: ShortConvolutionOptions,
): { y: tf.Tensor2D; cache: tf.Tensor3D } {
  const [batch, width] = x.shape;
  assertFilter('shortConvolutionStep', width, filter, shape, bias);
  const taps = filterTaps(filter, shape);
  if (!tf.util.arraysEqual(cache.shape, [batch, taps - 1, width])) {
    throw new ShapeError(
      `shortConvolutionStep: expected cache ${formatShape([batch, taps - 1, width])}, got ${formatShape(cache.shape)}.`,
    );
  }
  const { y, next } = shortConvolutionStepOp({ x, cache, filter, bias }, { shape });
  cache.dispose();
  return { y, cache: next };
}

/**
 * The cache that {@link shortConvolutionStep} goes on with after x: its last `taps - 1` tokens, zeros before the first.
 *
 * @param x - [B, L, d], the inputs of the convolution.
 * @returns [B, taps - 1, d], newest last; a tensor of its own.
 */
export function shortConvolutionCache(x: tf.Tensor3D, taps: number): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  const rows = taps - 1;
  return tf.tidy(() => {
    const known = tf.slice(x, [0, Math.max(0, length - rows), 0], [-1, Math.min(length, rows), -1]);
    return length >= rows ? known : tf.concat([tf.zeros<tf.Rank.R3>([batch, rows - length, width]), known], 1);
  });
}

function assertFilter(where: string, width: number, filter: tf.Tensor, shape: FilterShape, bias?: tf.Tensor): void {
  if (!FILTER_SHAPES.includes(shape)) throw new UnknownNameError(`${where} shape`, shape, FILTER_SHAPES);
  const [first = 0, second = 0, third = 0] = filter.shape;
  const fits = {
    perHead: filter.rank === 2 && second > 0 && width % first === 0,
    perChannel: filter.rank === 2 && second > 0 && first === width,
    headMixing: filter.rank === 3 && first > 0 && second === third && width % second === 0,
  }[shape];
  const expected = {
    perHead: '[H, W] with H dividing d',
    perChannel: '[d, W]',
    headMixing: '[W, H, H] with H dividing d',
  }[shape];
  if (!fits)
    throw new ShapeError(
      `${where}: expected a ${shape} filter ${expected} for d = ${width}, got ${formatShape(filter.shape)}.`,
    );
  if (bias && (bias.rank !== 1 || bias.shape[0] !== width)) {
    throw new ShapeError(`${where}: expected bias [${width}], got ${formatShape(bias.shape)}.`);
  }
}
