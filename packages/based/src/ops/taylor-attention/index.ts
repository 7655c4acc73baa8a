/**
 * Causal linear attention with the second-order Taylor feature map, as an op in two forms that compute the same:
 * quadratic in L for short sequences, chunkwise for long ones.
 *
 *   o_t = sum_{s <= t} A[t, s] v_s / z_t,   z_t = sum_{s <= t} A[t, s] + eps,   A = 1 + s + s^2 / 2,   s = q_t . k_s / sqrt(f)
 *
 * A = ((s + 1)^2 + 1) / 2 >= 1/2, so the normaliser z cannot vanish. Gradient: dA[t, s] = (dO_t . v_s - dO_t . o_t) / z_t,
 * dS = dA (1 + s), dQ = dS K / sqrt(f), dK = dS^T Q / sqrt(f), dV = (A / z)^T dO; a gradient of z adds to dA.
 *
 * Sources: Arora et al. 2024, "Simple linear attention language models balance the recall-throughput tradeoff"
 * (arXiv 2402.18668), section 4; HazyResearch/zoology `mixers/based.py`.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape, type WasmCode } from '@mixerzoo/core/kernels';
import { code as chunkwiseCode } from './chunkwise/kernel.generated.js';
import { code as quadraticCode } from './kernel.generated.js';
import {
  chunkwiseSums,
  QUADRATIC_LIMIT,
  quadraticCrossover,
  quadraticSums,
  type TaylorSums,
  taylorReference,
} from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

function defineTaylorOp(name: string, form: TaylorSums, code: WasmCode, onWebgpu: typeof webgpu.quadratic) {
  return defineOp<Inputs, Attrs, Outputs, Outputs>({
    name,
    inputs: ['q', 'k', 'v'],
    outputs: ['o', 'normaliser'],
    saved: ['o', 'normaliser'],
    reference: (tensors, attrs) => taylorReference(tensors, attrs, form),
    kernels: { wasm: wasm.attend(code), webgpu: onWebgpu.attend },
    gradient: { kernels: { wasm: wasm.attendGradient(code), webgpu: onWebgpu.attendGradient } },
  });
}

/** Cost O(L^2 (f + p)). */
export const taylorQuadraticOp = defineTaylorOp('TaylorQuadratic', quadraticSums, quadraticCode, webgpu.quadratic);

/** Cost O(L D_phi p). */
export const taylorChunkwiseOp = defineTaylorOp('TaylorChunkwise', chunkwiseSums, chunkwiseCode, webgpu.chunkwise);

export interface TaylorAttentionOptions {
  /** Heads own contiguous columns. */
  readonly nHeads: number;
  /** Added to the normaliser. Default 1e-12. */
  readonly eps?: number;
  /** Longest sequence for the quadratic form. Default: where the forms cost the same on the wasm engine, else 1024. */
  readonly quadraticLimit?: number;
}

/**
 * Causal Taylor attention.
 *
 * @param inputs - q, k [B, L, H f], v [B, L, H p].
 * @returns [B, L, H p]
 * @throws ShapeError
 */
export function taylorAttention(
  { q, k, v }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D },
  { nHeads, eps = 1e-12, quadraticLimit }: TaylorAttentionOptions,
): tf.Tensor3D {
  const [batch, length, width] = q.shape;
  const all = [q, k, v];
  const fits =
    all.every((x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0) &&
    k.shape[2] === width;
  if (!fits) {
    throw new ShapeError(
      `taylorAttention: expected q, k [B, L, H f] and v [B, L, H p] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  const crossing = quadraticCrossover(width / nHeads, v.shape[2] / nHeads);
  const limit = quadraticLimit ?? (tf.getBackend() === 'wasm' ? crossing : QUADRATIC_LIMIT);
  const op = length <= limit ? taylorQuadraticOp : taylorChunkwiseOp;
  return op({ q, k, v }, { nHeads, eps }).o;
}
