/**
 * Causal convolution with a sum of exponentials: a diagonal state-space model as a filter of unlimited length.
 *
 *   F_j = sum_n weight[c, n] decay[c, n]^j,   y_t = sum_j F_j x_{t-j},   computed as the recurrence
 *   h_t = decay h_{t-1} + x_t,   y_t = sum_n weight_n h_t,n.
 *
 * Group c of C owns the columns [c d / C, (c + 1) d / C): C = H is a filter per head, C = d one per channel. With N = 1 and
 * weight 1 it is the paper's F_j = rho^j (Theorem 3, Section 5). Gradient, backward in time: lambda_t = weight dy_t + decay lambda_{t+1},
 * dx_t = sum_n lambda_t,n, dWeight = sum_t dy_t h_t, dDecay = sum_t lambda_t h_{t-1}.
 */
import { defineOp, formatShape, type Op, referenceGradient, ShapeError, tf } from '@mixerzoo/core';
import { convolveGradientKernel, convolveKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type Inputs = { x: tf.Tensor; decay: tf.Tensor; weight: tf.Tensor };

/** The op behind {@link exponentialConvolution}. */
export const exponentialConvolutionOp: Op<Inputs, Record<string, never>, { y: tf.Tensor }> = defineOp({
  name: 'ExponentialConvolution',
  inputs: ['x', 'decay', 'weight'],
  outputs: ['y'],
  kernels: { wasm: convolveKernel, webgpu: webgpu.convolveKernel },
  gradient({ dY, ...inputs }) {
    const { dx, dDecay, dWeight } = exponentialConvolutionGradientOp({ ...inputs, dy: dY }, {});
    return { x: dx, decay: dDecay, weight: dWeight };
  },
  reference({ x, decay, weight }) {
    const [batch, length, width] = x.shape as [number, number, number];
    const state = tf.zeros<tf.Rank.R3>([batch, width, decay.shape[1] as number]);
    const [a, w] = [perColumn(width, decay), perColumn(width, weight)];
    const outputs: tf.Tensor[] = [];
    let h: tf.Tensor = state;
    for (let t = 0; t < length; t += 1) {
      h = h.mul(a).add(x.slice([0, t, 0], [batch, 1, width]).reshape([batch, width, 1]));
      outputs.push(h.mul(w).sum(-1));
    }
    return { y: length > 0 ? tf.stack(outputs, 1) : x.clone() };
  },
});

/** Gradients of {@link exponentialConvolutionOp}. */
const exponentialConvolutionGradientOp = defineOp<
  Inputs & { dy: tf.Tensor },
  Record<string, never>,
  { dx: tf.Tensor; dDecay: tf.Tensor; dWeight: tf.Tensor }
>({
  name: 'ExponentialConvolutionGradient',
  inputs: ['x', 'decay', 'weight', 'dy'],
  outputs: ['dx', 'dDecay', 'dWeight'],
  gradient: 'none',
  kernels: { wasm: convolveGradientKernel, webgpu: webgpu.convolveGradientKernel },
  reference({ dy, ...inputs }) {
    const { x, decay, weight } = referenceGradient(exponentialConvolutionOp.definition, inputs, { y: dy }, {});
    return { dx: x as tf.Tensor, dDecay: decay as tf.Tensor, dWeight: weight as tf.Tensor };
  },
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
  return exponentialConvolutionOp({ x, decay, weight }, {}).y as tf.Tensor3D;
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
    const h = state.mul(a).add(x.expandDims(-1)) as tf.Tensor3D;
    return { y: h.mul(w).sum(-1) as tf.Tensor2D, state: h };
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

/** [C, N] -> [d, N]: every column its group's row. */
function perColumn(width: number, table: tf.Tensor): tf.Tensor {
  const [groups, dState] = table.shape as [number, number];
  return tf.tile(table.expandDims(1), [1, width / groups, 1]).reshape([width, dState]);
}
