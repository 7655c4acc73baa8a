/** Attention to a cache, and its gradient, as causal attention of one query to the rows it sees. */
import { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients } from '@mixerzoo/core/kernels';
import { repeatHeads } from '../../repeat-heads.js';
import { causalAttentionOp } from '../causal-attention/index.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export function attendCacheReference(inputs: Inputs, attrs: Attrs): Outputs {
  const { seen, options } = asCausalAttention(inputs, attrs);
  return { o: causalAttentionOp(seen, options).o.squeeze<tf.Tensor2D>([1]) };
}

export function attendCacheGradient(
  { dO, ...inputs }: GradientInputs<Inputs, Outputs>,
  attrs: Attrs,
): Gradients<Inputs> {
  const { seen, options, first } = asCausalAttention(inputs, attrs);
  const { o, logSumExp } = causalAttentionOp(seen, options);
  const outputs = { o, logSumExp, dO: dO.expandDims<tf.Tensor3D>(1), dLogSumExp: tf.zerosLike(logSumExp) };
  const differentiate = causalAttentionOp.gradient as NonNullable<typeof causalAttentionOp.gradient>;
  const { q, k, v } = differentiate({ ...seen, ...outputs }, options) as Record<'q' | 'k' | 'v', tf.Tensor3D>;
  /** Of all rows of the cache: those out of sight have no part in the output. */
  const ofAll = (x: tf.Tensor3D, { shape }: tf.Tensor3D) =>
    tf.pad(x, [
      [0, 0],
      [first, shape[1] - attrs.tokens],
      [0, 0],
    ]);
  const { nHeads, mixesAll } = attrs;
  const group = q.shape[2] / inputs.k.shape[2];
  /** Summed over heads that share: `copies` of `width` columns in a row. */
  const summed = (x: tf.Tensor3D, copies: number, width: number) =>
    x.reshape([x.shape[0], x.shape[1], -1, copies, width]).sum(3).reshape<tf.Tensor3D>([x.shape[0], x.shape[1], -1]);
  const values = mixesAll ? summed(v, nHeads, inputs.v.shape[2]) : summed(v, group, v.shape[2] / nHeads);
  const keys = summed(k, group, k.shape[2] / nHeads);
  return { q: q.squeeze<tf.Tensor2D>([1]), k: ofAll(keys, inputs.k), v: ofAll(values, inputs.v), slopes: null };
}

/** The rows in sight, and from which one on; keys and values as often as heads share them, values as often as every head mixes them all. */
function asCausalAttention({ q, k, v, slopes }: Inputs, { nHeads, scale, window, tokens, mixesAll }: Attrs) {
  const first = window > 0 ? Math.max(0, tokens - window) : 0;
  const inSight = (x: tf.Tensor3D) =>
    first === 0 && tokens === x.shape[1] ? x : tf.slice(x, [0, first, 0], [-1, tokens - first, -1]);
  const nKvHeads = (nHeads * k.shape[2]) / q.shape[1];
  const shared = (x: tf.Tensor3D) => repeatHeads(inSight(x), nKvHeads, nHeads / nKvHeads);
  const values = mixesAll ? tf.tile(inSight(v), [1, 1, nHeads]) : shared(v);
  return {
    seen: { q: q.expandDims<tf.Tensor3D>(1), k: shared(k), v: values, slopes },
    options: { nHeads, scale, window: 0, dropoutRate: 0, dropoutSeed: 0 },
    first,
  };
}
