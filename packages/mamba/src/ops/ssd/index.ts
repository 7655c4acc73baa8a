/**
 * State-space duality (SSD), the scan of Mamba-2: per head a state [P, N] with one scalar decay per token.
 *
 *   S_t = exp(dt_t A) S_(t-1) + dt_t x_t B_t^T        y_t = S_t C_t + D x_t
 *
 * Heads share B and C in G groups. The chunk size changes speed and rounding, never the function; any length will do.
 * Gradients are those of the selective scan with a decay per head: see `ops/selective-scan`.
 *
 * Source: Dao and Gu, Transformers are SSMs (arXiv 2405.21060), sections 6 and 7.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { lastChunk } from '../scan/chunk.js';
import { ssdReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link ssd}. */
export const ssdOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'Ssd',
  outputs: ['y', 'states'],
  ...definition(),
});

/** The op behind {@link ssdOutput}: as its states are no result, no gradient of zeros is made for them. */
export const ssdOutputOp = defineOp<Inputs, Attrs, Pick<Outputs, 'y'>, Saved>({
  name: 'SsdOutput',
  outputs: ['y'],
  ...definition(),
});

function definition() {
  return {
    inputs: ['x', 'dt', 'A', 'B', 'C', 'D', 'initialState'] as const,
    saved: ['states'] as const,
    reference: ssdReference,
    kernels: { wasm: wasm.ssd, webgpu: webgpu.ssd },
    gradient: {
      kernels: { wasm: wasm.ssdGradient, webgpu: webgpu.ssdGradient },
    },
  };
}

export interface SsdArguments {
  /** [B, L, H, P] */
  readonly x: tf.Tensor4D;
  /** [B, L, H], positive step sizes. */
  readonly dt: tf.Tensor3D;
  /** [H], negative. */
  readonly A: tf.Tensor1D;
  /** [B, L, G, N], G dividing H. */
  readonly B: tf.Tensor4D;
  /** [B, L, G, N] */
  readonly C: tf.Tensor4D;
  /** [H], the skip connection. */
  readonly D?: tf.Tensor1D;
  /** [B, H, P, N], the state before the first token; zero if absent. */
  readonly initialState?: tf.Tensor4D;
}

/**
 * Scans every head of every sequence; differentiable in all tensors and through both results.
 *
 * @returns y [B, L, H, P] and the state after the last token [B, H, P, N].
 * @throws ShapeError
 */
export function ssd(
  tensors: SsdArguments,
  { chunkSize = 64 }: Partial<Attrs> = {},
): { y: tf.Tensor4D; lastState: tf.Tensor4D } {
  assertShapes(tensors, chunkSize);
  const { x, dt, A, B, C, D, initialState } = tensors;
  return tf.tidy(() => {
    const { y, states } = ssdOp({ x, dt, A, B, C, D, initialState }, { chunkSize });
    return { y, lastState: lastChunk(states) };
  });
}

/** {@link ssd} where nothing is made of the last state: y [B, L, H, P]. */
export function ssdOutput(tensors: SsdArguments, { chunkSize = 64 }: Partial<Attrs> = {}): tf.Tensor4D {
  assertShapes(tensors, chunkSize);
  const { x, dt, A, B, C, D, initialState } = tensors;
  return ssdOutputOp({ x, dt, A, B, C, D, initialState }, { chunkSize }).y;
}

function assertShapes({ x, dt, A, B, C, D, initialState }: SsdArguments, chunkSize: number): void {
  const [batch, length, nHeads, headDim] = x.shape;
  const [, , nGroups, dState] = B.shape;
  if (x.rank !== 4 || x.size === 0) {
    throw new ShapeError(`ssd: expected x [B, L, H, P] with at least one token, got ${formatShape(x.shape)}.`);
  }
  if (!Number.isInteger(chunkSize) || chunkSize < 1)
    throw new ShapeError(`ssd: expected a positive chunkSize, got ${chunkSize}.`);
  const expected: [string, tf.Tensor | undefined, number[]][] = [
    ['dt', dt, [batch, length, nHeads]],
    ['A', A, [nHeads]],
    ['B', B, [batch, length, nGroups, dState]],
    ['C', C, [batch, length, nGroups, dState]],
    ['D', D, [nHeads]],
    ['initialState', initialState, [batch, nHeads, headDim, dState]],
  ];
  for (const [name, tensor, shape] of expected) {
    if (tensor && !tf.util.arraysEqual(tensor.shape, shape)) {
      throw new ShapeError(`ssd: expected ${name} ${formatShape(shape)}, got ${formatShape(tensor.shape)}.`);
    }
  }
  if (nHeads % nGroups !== 0)
    throw new ShapeError(`ssd: expected a number of groups that divides H = ${nHeads}, got ${nGroups}.`);
}
