/**
 * The selective scan of Mamba (S6): a linear recurrence with N states per channel, whose step size, input and output
 * vectors depend on the token.
 *
 *   Delta_t = softplus(delta_t + deltaBias)                                    (softplus where asked for)
 *   h_t = exp(Delta_t A) h_(t-1) + Delta_t u_t B_t        y_t = (C_t h_t + D u_t) silu(z_t)
 *
 * Backward, with a_t = exp(Delta_t A) and g_t the gradient of the bracket:
 *
 *   lambda_t = C_t g_t + a_(t+1) lambda_(t+1)             q_t = a_t h_(t-1)
 *   dU = D g + Delta sum_n lambda B      dDelta = sum_n lambda (u B + A q)      dA = sum_t lambda Delta q
 *   dB = sum_d lambda Delta u            dC = sum_d g h
 *
 * The forward pass keeps the state once per chunk of 32 tokens, from which the backward pass recomputes the others:
 * memory is O(B L D), nothing of size [B, L, D, N] exists outside the reference form, and nothing is divided by a_t,
 * which underflows.
 *
 * Source: Gu and Dao, Mamba (arXiv 2312.00752), section 3.3 and algorithm 2.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { lastChunk } from '../scan/chunk.js';
import { selectiveScanReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link selectiveScan}. */
export const selectiveScanOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'SelectiveScan',
  outputs: ['y', 'states'],
  ...definition(),
});

/** The op behind {@link selectiveScanOutput}: as its states are no result, no gradient of zeros is made for them. */
export const selectiveScanOutputOp = defineOp<Inputs, Attrs, Pick<Outputs, 'y'>, Saved>({
  name: 'SelectiveScanOutput',
  outputs: ['y'],
  ...definition(),
});

function definition() {
  return {
    inputs: ['u', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias', 'initialState'] as const,
    saved: ['states'] as const,
    reference: selectiveScanReference,
    kernels: { tensorflow: tensorflow.selectiveScan, wasm: wasm.selectiveScan, webgpu: webgpu.selectiveScan },
    gradient: {
      kernels: {
        tensorflow: tensorflow.selectiveScanGradient,
        wasm: wasm.selectiveScanGradient,
        webgpu: webgpu.selectiveScanGradient,
      },
    },
  };
}

export interface SelectiveScanArguments {
  /** [B, L, D] */
  readonly u: tf.Tensor3D;
  /** [B, L, D], step sizes before bias and softplus. */
  readonly delta: tf.Tensor3D;
  /** [D, N], negative for a state that decays. */
  readonly A: tf.Tensor2D;
  /** [B, L, N] */
  readonly B: tf.Tensor3D;
  /** [B, L, N] */
  readonly C: tf.Tensor3D;
  /** [D], the skip connection. */
  readonly D?: tf.Tensor1D;
  /** [B, L, D], the gate. */
  readonly z?: tf.Tensor3D;
  /** [D] */
  readonly deltaBias?: tf.Tensor1D;
  /** [B, D, N], the state before the first token; zero if absent. */
  readonly initialState?: tf.Tensor3D;
}

/**
 * Scans every channel of every sequence; differentiable in all tensors and through both results.
 *
 * @returns y [B, L, D] and the state after the last token [B, D, N].
 * @throws ShapeError
 */
export function selectiveScan(
  tensors: SelectiveScanArguments,
  { deltaSoftplus = false }: Partial<Attrs> = {},
): { y: tf.Tensor3D; lastState: tf.Tensor3D } {
  assertShapes(tensors);
  const { u, delta, A, B, C, D, z, deltaBias, initialState } = tensors;
  return tf.tidy(() => {
    const { y, states } = selectiveScanOp({ u, delta, A, B, C, D, z, deltaBias, initialState }, { deltaSoftplus });
    return { y, lastState: lastChunk(states) };
  });
}

/** {@link selectiveScan} where nothing is made of the last state: y [B, L, D]. */
export function selectiveScanOutput(
  tensors: SelectiveScanArguments,
  { deltaSoftplus = false }: Partial<Attrs> = {},
): tf.Tensor3D {
  assertShapes(tensors);
  const { u, delta, A, B, C, D, z, deltaBias, initialState } = tensors;
  return selectiveScanOutputOp({ u, delta, A, B, C, D, z, deltaBias, initialState }, { deltaSoftplus }).y;
}

function assertShapes({ u, delta, A, B, C, D, z, deltaBias, initialState }: SelectiveScanArguments): void {
  const [batch, length, width] = u.shape;
  const dState = A.shape[1];
  if (u.rank !== 3 || u.size === 0) {
    throw new ShapeError(`selectiveScan: expected u [B, L, D] with at least one token, got ${formatShape(u.shape)}.`);
  }
  const expected: [string, tf.Tensor | undefined, number[]][] = [
    ['delta', delta, [batch, length, width]],
    ['A', A, [width, dState]],
    ['B', B, [batch, length, dState]],
    ['C', C, [batch, length, dState]],
    ['D', D, [width]],
    ['z', z, [batch, length, width]],
    ['deltaBias', deltaBias, [width]],
    ['initialState', initialState, [batch, width, dState]],
  ];
  for (const [name, tensor, shape] of expected) {
    if (tensor && !tf.util.arraysEqual(tensor.shape, shape)) {
      throw new ShapeError(`selectiveScan: expected ${name} ${formatShape(shape)}, got ${formatShape(tensor.shape)}.`);
    }
  }
}
