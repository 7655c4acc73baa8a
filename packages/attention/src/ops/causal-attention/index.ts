/**
 * Causal softmax attention over heads that own contiguous columns, keeping the log-sum-exp of every row.
 *
 *   S = scale q k^T - slope (t - s),   P = softmax over s in (t - window, t],   o = P v
 *   dP = do v^T,  dS = P o (dP - rowsum(do o o) + dLogSumExp),  dq = scale dS k,  dk = scale dS^T q,  dv = P^T do
 *
 * With dropout, P is multiplied by its mask in o, dP and dv. The kernel works in tiles with an online softmax
 * (Milakov and Gimelshein 2018; Dao et al. 2022) and keeps no [M, L] tensor; the reference form keeps one.
 *
 * Shapes: q [B, M, H p], k [B, L, H p], v [B, L, H r], M <= L. The queries are the last M of the L positions, so
 * that a step of generation is the case M = 1. o [B, M, H r], logSumExp [B, H, M].
 */
import { assertSeed, defineOp, dropout, formatShape, InvalidConfigError, ShapeError, tf } from '@mixerzoo/core';
import { joinHeads, splitHeads } from '../../heads.js';
import { attendGradientOnTensorflow, attendOnTensorflow } from './tensorflow.js';
import {
  type Attrs,
  attendGradientKernel,
  attendKernel,
  type GradientInputs,
  type Gradients,
  type Inputs,
  type Outputs,
} from './wasm.js';
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

/** The op behind {@link causalAttention}. `window` 0 is no window. */
export const causalAttentionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'CausalAttention',
  inputs: ['q', 'k', 'v', 'slopes'],
  outputs: ['o', 'logSumExp'],
  savedOutputs: ['o', 'logSumExp'],
  kernels: { tensorflow: attendOnTensorflow, wasm: attendKernel, webgpu: webgpu.attendKernel },
  reference(inputs, attrs) {
    const { nHeads, dropoutRate, dropoutSeed } = attrs;
    const logits = maskedLogits(inputs, attrs);
    const largest = logits.max(-1, true);
    const weights = logits.sub(largest).exp();
    const total = weights.sum(-1, true);
    const probabilities = dropout(weights.div(total), dropoutRate, dropoutSeed);
    return {
      o: joinHeads(tf.matMul(probabilities, splitHeads(inputs.v, nHeads)) as tf.Tensor4D),
      logSumExp: total.log().add(largest).squeeze([-1]),
    };
  },
  gradient({ inputs, outputs, grads, attrs }) {
    const { dq, dk, dv } = causalAttentionGradientOp(
      { ...inputs, ...outputs, dO: grads.o, dLogSumExp: grads.logSumExp },
      attrs,
    );
    return { q: dq, k: dk, v: dv };
  },
});

/** Gradients of {@link causalAttentionOp} with respect to q, k and v. */
const causalAttentionGradientOp = defineOp<GradientInputs, Attrs, Gradients>({
  name: 'CausalAttentionGradient',
  inputs: ['q', 'k', 'v', 'slopes', 'o', 'logSumExp', 'dO', 'dLogSumExp'],
  outputs: ['dq', 'dk', 'dv'],
  gradient: 'none',
  kernels: {
    tensorflow: attendGradientOnTensorflow,
    wasm: attendGradientKernel,
    webgpu: webgpu.attendGradientKernel,
  },
  reference(inputs, attrs) {
    const { nHeads, scale, dropoutRate, dropoutSeed } = attrs;
    const [q, k, v, o, dO] = [inputs.q, inputs.k, inputs.v, inputs.o, inputs.dO].map((x) => splitHeads(x, nHeads)) as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const probabilities = maskedLogits(inputs, attrs).sub(inputs.logSumExp.expandDims(-1)).exp();
    const kept = dropout(probabilities, dropoutRate, dropoutSeed);
    const dKept = tf.matMul(dO, v, false, true);
    const dProbabilities = dropout(dKept, dropoutRate, dropoutSeed);
    const rowTerm = dO.mul(o).sum(-1, true).sub(inputs.dLogSumExp.expandDims(-1));
    const dLogits = probabilities.mul(dProbabilities.sub(rowTerm)).mul(scale);
    return {
      dq: joinHeads(tf.matMul(dLogits, k) as tf.Tensor4D),
      dk: joinHeads(tf.matMul(dLogits, q, true, false) as tf.Tensor4D),
      dv: joinHeads(tf.matMul(kept, dO, true, false) as tf.Tensor4D),
    };
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
): { o: tf.Tensor3D; logSumExp: tf.Tensor3D } {
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
  const outputs = causalAttentionOp({ q, k, v, slopes }, { nHeads, scale, window, dropoutRate, dropoutSeed });
  return outputs as { o: tf.Tensor3D; logSumExp: tf.Tensor3D };
}

/** S with -Infinity where a query must not look, [B, H, M, L]. */
function maskedLogits(
  { q, k, slopes }: Pick<Inputs, 'q' | 'k' | 'slopes'>,
  { nHeads, scale, window }: Attrs,
): tf.Tensor {
  const [queries, keys] = [q.shape[1] as number, k.shape[1] as number];
  const mask = new Float32Array(queries * keys);
  const distance = new Float32Array(queries * keys);
  for (let row = 0; row < queries; row += 1) {
    for (let key = 0; key < keys; key += 1) {
      const back = keys - queries + row - key;
      distance[row * keys + key] = back;
      if (back < 0 || (window > 0 && back >= window)) mask[row * keys + key] = -Infinity;
    }
  }
  const logits = tf.matMul(splitHeads(q, nHeads), splitHeads(k, nHeads), false, true).mul(scale);
  const biased = slopes
    ? logits.sub(slopes.reshape([nHeads, 1, 1]).mul(tf.tensor2d(distance, [queries, keys])))
    : logits;
  return biased.add(tf.tensor2d(mask, [queries, keys]));
}
