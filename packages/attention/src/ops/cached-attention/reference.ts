/** Attention to a cache as causal attention of one query to the rows it sees. */
import { tf } from '@mixerzoo/core';
import { causalAttention } from '../causal-attention/index.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export function attendCacheReference({ q, k, v, slopes }: Inputs, attrs: Attrs): Outputs {
  const { nHeads, scale, window, tokens, mixesAll } = attrs;
  const first = window > 0 ? Math.max(0, tokens - window) : 0;
  const seen = (x: tf.Tensor3D) =>
    first === 0 && tokens === x.shape[1] ? x : tf.slice(x, [0, first, 0], [-1, tokens - first, -1]);
  const values = mixesAll ? tf.tile(seen(v), [1, 1, nHeads]) : seen(v);
  const { o } = causalAttention({ q: q.expandDims<tf.Tensor3D>(1), k: seen(k), v: values, slopes }, { nHeads, scale });
  return { o: o.squeeze<tf.Tensor2D>([1]) };
}
