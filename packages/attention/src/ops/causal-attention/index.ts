/**
 * Causal softmax attention over heads that own contiguous columns, keeping the log-sum-exp of every row.
 *
 *   S = scale q k^T - slope (t - s),   P = softmax over s in (t - window, t],   o = P v
 *   dP = dO v^T,  dS = P o (dP - rowsum(dO o o) + dLogSumExp),  dQ = scale dS k,  dK = scale dS^T q,  dV = P^T dO
 *
 * With dropout, P is multiplied by its mask in o, dP and dV. The kernel works in tiles with an online softmax
 * (Milakov and Gimelshein 2018; Dao et al. 2022) and keeps no [M, L] tensor; the reference form keeps that of a block of queries.
 *
 * Shapes: q [B, M, H p], k [B, L, H p], v [B, L, H r], M <= L. The queries are the last M of the L positions, so
 * that a step of generation is the case M = 1. o [B, M, H r], logSumExp [B, H, M].
 */
import { InvalidConfigError, ShapeError, type tf } from '@mixerzoo/core';
import { assertSeed, defineOp, formatShape } from '@mixerzoo/core/kernels';
import { byQueryBlocks } from './query-blocks.js';
import { attendGradientReference, attendReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** What {@link causalAttention} can be told. */
export interface CausalAttentionOptions {
  readonly nHeads: number;
  /** Factor of q k^T. Default `p^(-1/2)`. */
  readonly scale?: number;
  /** Tokens a query sees, itself included. Default all. */
  readonly window?: number;
  /** Probability with which an entry of P is dropped. Default 0. */
  readonly dropoutRate?: number;
  /** Seed of the mask; a new one for every call of a step. */
  readonly dropoutSeed?: number;
}

/** The op behind {@link causalAttention}. */
export const causalAttentionOp = defineOp<Inputs, Attrs, Outputs, Outputs>({
  name: 'CausalAttention',
  inputs: ['q', 'k', 'v', 'slopes'],
  outputs: ['o', 'logSumExp'],
  saved: ['o', 'logSumExp'],
  reference: byQueryBlocks(attendReference),
  kernels: { tensorflow: byQueryBlocks(tensorflow.attend), wasm: wasm.attend, webgpu: webgpu.attend },
  gradient: {
    reference: attendGradientReference,
    kernels: {
      tensorflow: tensorflow.attendGradient,
      wasm: wasm.attendGradient,
      webgpu: webgpu.attendGradient,
    },
  },
});

/**
 * Attends causally.
 *
 * @param inputs - q [B, M, H p], k [B, L, H p], v [B, L, H r]; optional ALiBi slopes [H], which get no gradient.
 * @returns o [B, M, H r] and logSumExp [B, H, M], both differentiable.
 * @throws ShapeError, InvalidConfigError
 */
export function causalAttention(
  inputs: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D; slopes?: tf.Tensor1D | undefined },
  options: CausalAttentionOptions,
): Outputs {
  const { q, k, v, slopes } = inputs;
  const { nHeads, window = 0, dropoutRate = 0, dropoutSeed = 0 } = options;
  const where = 'causalAttention';
  const [batch, queries, width] = q.shape;
  const fits =
    [q, k, v].every(({ rank }) => rank === 3) &&
    k.shape[0] === batch &&
    v.shape[0] === batch &&
    k.shape[2] === width &&
    v.shape[1] === k.shape[1] &&
    queries <= k.shape[1];
  if (!fits) {
    throw new ShapeError(
      `${where}: expected q [B, M, d], k [B, L, d], v [B, L, e] with M <= L, got ${[q, k, v].map(({ shape }) => formatShape(shape)).join(', ')}.`,
    );
  }
  if (width % nHeads !== 0 || v.shape[2] % nHeads !== 0) {
    throw new ShapeError(`${where}: expected widths divisible by nHeads ${nHeads}, got ${width} and ${v.shape[2]}.`);
  }
  if (slopes && slopes.size !== nHeads) {
    throw new ShapeError(`${where}: expected slopes [${nHeads}], got ${formatShape(slopes.shape)}.`);
  }
  if (!Number.isInteger(window) || window < 0) {
    throw new InvalidConfigError(`${where}: expected a window of at least 1 token, got ${window}.`);
  }
  if (!(dropoutRate >= 0 && dropoutRate < 1)) {
    throw new InvalidConfigError(`${where}: expected a dropoutRate in [0, 1), got ${dropoutRate}.`);
  }
  assertSeed(where, dropoutSeed);
  const scale = options.scale ?? (width / nHeads) ** -0.5;
  return causalAttentionOp({ q, k, v, slopes }, { nHeads, scale, window, dropoutRate, dropoutSeed });
}
