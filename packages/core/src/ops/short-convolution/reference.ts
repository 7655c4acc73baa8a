/** The short convolution in plain `tf` ops: a product per tap. */
import * as tf from '../../tf.js';
import type { Attrs, FilterShape, Inputs, Outputs, StepInputs, StepOutputs } from './types.js';

export function shortConvolutionReference({ x, filter, bias }: Inputs, { shape }: Attrs): Outputs {
  const [batch, length, width] = x.shape;
  const taps = filterTaps(filter, shape);
  const padded = taps > 1 ? tf.concat([tf.zeros<tf.Rank.R3>([batch, taps - 1, width]), x], 1) : x;
  const terms = Array.from({ length: taps }, (_, delay) =>
    tapProduct(padded.slice([0, taps - 1 - delay, 0], [batch, length, width]), filter, shape, delay),
  );
  const y = tf.addN(terms);
  return { y: bias ? y.add(bias) : y };
}

export function shortConvolutionStepReference({ x, cache, filter, bias }: StepInputs, { shape }: Attrs): StepOutputs {
  const [batch, width] = x.shape;
  const taps = filterTaps(filter, shape);
  const token = x.expandDims<tf.Tensor3D>(1);
  const window = taps > 1 ? tf.concat([cache, token], 1) : token;
  const terms = Array.from({ length: taps }, (_, delay) =>
    tapProduct(window.slice([0, taps - 1 - delay, 0], [batch, 1, width]), filter, shape, delay),
  );
  const sum = tf.addN(terms).reshape<tf.Tensor2D>([batch, width]);
  const next = taps > 1 ? window.slice([0, 1, 0], [batch, taps - 1, width]) : cache.clone();
  return { y: bias ? sum.add(bias) : sum, next };
}

/** W of a filter, and of how many heads it is: of d where every channel has its own. */
export function filterSizes(filter: tf.Tensor, shape: FilterShape): { taps: number; heads: number } {
  const [first = 0, second = 0] = filter.shape;
  return shape === 'headMixing' ? { taps: first, heads: second } : { taps: second, heads: first };
}

/** W of a filter. */
export function filterTaps(filter: tf.Tensor, shape: FilterShape): number {
  return filterSizes(filter, shape).taps;
}

/** x [B, T, d] times the filter's tap of one delay. */
function tapProduct(x: tf.Tensor3D, filter: tf.Tensor, shape: FilterShape, delay: number): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  if (shape === 'perChannel') return x.mul(filter.slice([0, delay], [-1, 1]).reshape([width]));
  const nHeads = filterSizes(filter, shape).heads;
  const headDim = width / nHeads;
  const heads = x.reshape([batch * length, nHeads, headDim]);
  if (shape === 'perHead') return heads.mul(filter.slice([0, delay], [-1, 1])).reshape(x.shape);
  // Heads first, so that mixing them is one matrix product: [H, H] x [H, B T headDim].
  const columns = heads.transpose([1, 0, 2]).reshape([nHeads, -1]);
  const mixed = tf.matMul(filter.slice([delay, 0, 0], [1, -1, -1]).reshape([nHeads, nHeads]), columns, true);
  return mixed
    .reshape([nHeads, batch * length, headDim])
    .transpose([1, 0, 2])
    .reshape(x.shape);
}
