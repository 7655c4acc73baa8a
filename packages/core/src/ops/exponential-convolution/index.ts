/**
 * Causal convolution with a sum of exponentials: a diagonal state-space model as a filter of unlimited length.
 *
 *   F_j = sum_n weight[c, n] decay[c, n]^j,   y_t = sum_j F_j x_{t-j},   computed as the recurrence
 *   h_t = decay h_{t-1} + x_t,   y_t = sum_n weight_n h_t,n.
 *
 * Group c of C owns the columns [c d / C, (c + 1) d / C): C = H is a filter per head, C = d one per channel. With N = 1 and
 * weight 1 it is the paper's F_j = rho^j (Theorem 3, Section 5). Gradient, backward in time: lambda_t = weight dY_t + decay lambda_{t+1},
 * dX_t = sum_n lambda_t,n, dWeight = sum_t dY_t h_t, dDecay = sum_t lambda_t h_{t-1}.
 */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { convolveReference, perColumn } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link exponentialConvolution}. */
export const exponentialConvolutionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'ExponentialConvolution',
  inputs: ['x', 'decay', 'weight'],
  outputs: ['y'],
  reference: convolveReference,
  kernels: { wasm: wasm.convolve, webgpu: webgpu.convolve },
  gradient: { kernels: { wasm: wasm.convolveGradient, webgpu: webgpu.convolveGradient } },
});

/**
 * Convolves every sequence.
 *
 * @param x - [B, L, d]
 * @param decay - [C, N], in [0, 1], C dividing d.
 * @param weight - [C, N]
 * @returns [B, L, d]
 * @throws ShapeError
 */
export function exponentialConvolution(x: tf.Tensor3D, decay: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor3D {
  if (x.shape[2] % decay.shape[0] !== 0 || !tf.util.arraysEqual(decay.shape, weight.shape)) {
    throw new ShapeError(
      `exponentialConvolution: expected x [B, L, d], decay and weight [C, N] with C dividing d, got ${[x, decay, weight].map(({ shape }) => formatShape(shape)).join(', ')}.`,
    );
  }
  return exponentialConvolutionOp({ x, decay, weight }, {}).y;
}

/**
 * One token of {@link exponentialConvolution}.
 *
 * @param x - [B, d]
 * @param state - h before it, [B, d, N]. Consumed.
 */
export function exponentialConvolutionStep(
  x: tf.Tensor2D,
  state: tf.Tensor3D,
  decay: tf.Tensor2D,
  weight: tf.Tensor2D,
): { y: tf.Tensor2D; state: tf.Tensor3D } {
  const next = tf.tidy(() => {
    const [a, w] = [perColumn(x.shape[1], decay), perColumn(x.shape[1], weight)];
    const h = state.mul(a).add<tf.Tensor3D>(x.expandDims(-1));
    return { y: h.mul(w).sum<tf.Tensor2D>(-1), state: h };
  });
  state.dispose();
  return next;
}

/** The state after x [B, L, d]: `h = sum_t decay^(L - 1 - t) x_t`, [B, d, N]. */
export function exponentialConvolutionState(x: tf.Tensor3D, decay: tf.Tensor2D): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  const [groups, dState] = decay.shape;
  return tf.tidy(() => {
    const back = tf.range(length - 1, -1, -1);
    const powers = tf.pow(decay.expandDims(-1), back); // [C, N, L]
    const columns = x
      .reshape([batch, length, groups, width / groups])
      .transpose([2, 1, 0, 3])
      .reshape([groups, length, -1]);
    const h = tf.matMul(powers, columns).reshape([groups, dState, batch, width / groups]);
    return h.transpose([2, 0, 3, 1]).reshape([batch, width, dState]);
  });
}
