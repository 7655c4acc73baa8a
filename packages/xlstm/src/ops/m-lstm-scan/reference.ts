/**
 * The scan of mLSTM in plain `tf` ops, by chunks of 64 tokens.
 *
 * With D[r, s] = i_s + sum_{s < u <= r} logF_u in a chunk (s <= r), b_r the sum from the chunk's start through r, and (C, n, m) the
 * state before it:
 *
 *   M_r = max(0, max_s D[r, s], b_r + m)
 *   h_r = (sum_s P[r, s] v_s + e^{b_r + m - M_r} C^T q'_r) / max(|sum_s P[r, s] + e^{b_r + m - M_r} n . q'_r|, e^{-M_r})
 *         P[r, s] = e^{D[r, s] - M_r} q'_r . k_s,   q' = scale q
 *   m'  = max(max_s D[last, s], b_last + m);   C' = e^{b_last + m - m'} C + sum_s e^{D[last, s] - m'} k_s v_s^T,   n' likewise
 *
 * h does not depend on M, so that any upper bound will do: with one of at least 0 the last exponent is not positive either, as no other
 * is. D and b are sums of logarithms, never differences of sums: a saturated gate costs other tokens no precision.
 */
import { tf } from '@mixerzoo/core';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Tokens per chunk. */
export const CHUNK = 64;

/** The m of a state that holds nothing, and the input gate of a token that is none: e^ of it is 0, and of sums with it. */
export const EMPTY = -1e30;

/** The reference form of the op; n = B H, c chunks of C tokens, m = n c. */
export function mLstmScanReference(
  { q, k, v, i, logF, initialC, initialN, initialM }: Inputs,
  { nHeads, scale }: Attrs,
): Outputs & Saved {
  const [batch, length] = q.shape;
  const size = Math.min(CHUNK, length);
  const chunks = Math.ceil(length / size);
  const n = batch * nHeads;
  const rows = n * chunks;
  /** [B, L, H w] -> [m, C, w], filled up with `fill` after the last token. */
  const chunked = (x: tf.Tensor3D, fill = 0) =>
    tf
      .pad(
        x,
        [
          [0, 0],
          [0, chunks * size - length],
          [0, 0],
        ],
        fill,
      )
      .reshape([batch, chunks, size, nHeads, x.shape[2] / nHeads])
      .transpose([0, 3, 1, 2, 4])
      .reshape<tf.Tensor3D>([rows, size, x.shape[2] / nHeads]);
  const [queries, keys, values] = [chunked(q).mul<tf.Tensor3D>(scale), chunked(k), chunked(v)];
  const [headK, headV] = [queries.shape[2], values.shape[2]];
  const forget = chunked(logF); // [m, C, 1]
  const input = chunked(i, EMPTY).reshape([rows, 1, size]);

  const past = tf.linalg.bandPart(tf.ones([size, size]), -1, 0); // 1 where s (column) <= r (row)
  const after = past.sub(tf.eye(size)); // 1 where s < r
  const outside = tf.sub(1, past).mul(EMPTY);
  const logD = tf.cumsum(forget.mul(after), 1).add(input).mul(past).add<tf.Tensor3D>(outside); // [m, r, s]
  const fromStart = tf.cumsum(forget, 1); // b [m, C, 1]
  const largest = logD.max(2, true); // [m, C, 1]

  const perChunk = (x: tf.Tensor, shape: number[]) => x.reshape([n, chunks, ...shape]);
  const at = (x: tf.Tensor, chunk: number) =>
    x.slice([0, chunk, ...x.shape.slice(2).map(() => 0)], [-1, 1, ...x.shape.slice(2).map(() => -1)]);
  const last = (x: tf.Tensor) => x.slice([0, size - 1, 0], [-1, 1, -1]);
  const lastD = perChunk(last(logD), [size, 1]); // [n, c, C, 1]
  const [total, most] = [perChunk(last(fromStart), [1, 1]), perChunk(last(largest), [1, 1])];
  const [keysOf, valuesOf] = [perChunk(keys, [size, headK]), perChunk(values, [size, headV])];
  const states = [
    {
      cell: initialC?.reshape([n, 1, headK, headV]) ?? tf.zeros([n, 1, headK, headV]),
      norm: initialN?.reshape([n, 1, headK, 1]) ?? tf.zeros([n, 1, headK, 1]),
      maximum: initialM?.reshape([n, 1, 1, 1]) ?? tf.fill([n, 1, 1, 1], EMPTY),
    },
  ];
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const { cell, norm, maximum: before } = states[chunk] as (typeof states)[number];
    const carried = before.add(at(total, chunk));
    const maximum = tf.maximum(at(most, chunk), carried);
    const kept = tf.exp(carried.sub(maximum));
    const weighted = at(keysOf, chunk).mul<tf.Tensor4D>(tf.exp(at(lastD, chunk).sub(maximum)));
    states.push({
      cell: cell.mul(kept).add(tf.matMul(weighted, at(valuesOf, chunk) as tf.Tensor4D, true)),
      norm: norm.mul(kept).add(weighted.sum(2).expandDims(3)),
      maximum,
    });
  }
  const joined = (part: 'cell' | 'norm' | 'maximum') =>
    tf.concat(
      states.map((state) => state[part]),
      1,
    );
  const [cells, norms, maxima] = [joined('cell'), joined('norm'), joined('maximum')];
  const before = (x: tf.Tensor, shape: [number, number, number]) =>
    x.slice([0, 0, 0, 0], [-1, chunks, -1, -1]).reshape<tf.Tensor3D>(shape);

  const carried = fromStart.add(before(maxima, [rows, 1, 1])); // b + m
  const bound = tf.maximum(tf.maximum(largest, carried), 0); // M
  const weights = tf.matMul(queries, keys, false, true).mul<tf.Tensor3D>(tf.exp(logD.sub(bound))); // P
  const reading = queries.mul<tf.Tensor3D>(tf.exp(carried.sub(bound)));
  const sums = tf.matMul(weights, values).add(tf.matMul(reading, before(cells, [rows, headK, headV])));
  const norm = weights.sum(2, true).add(tf.matMul(reading, before(norms, [rows, headK, 1])));
  const h = sums
    .div(tf.maximum(norm.abs(), tf.exp(bound.neg())))
    .reshape([batch, nHeads, chunks, size, headV])
    .transpose([0, 2, 3, 1, 4])
    .reshape<tf.Tensor3D>([batch, chunks * size, nHeads * headV])
    .slice([0, 0, 0], [-1, length, -1]);
  const final = states[chunks] as (typeof states)[number];
  return {
    h,
    lastC: final.cell.reshape([batch, nHeads, headK, headV]),
    lastN: final.norm.reshape([batch, nHeads, headK]),
    lastM: final.maximum.reshape([batch, nHeads]),
    cells: cells.transpose([1, 0, 2, 3]).reshape([chunks + 1, batch, nHeads, headK, headV]),
    norms: norms.transpose([1, 0, 2, 3]).reshape([chunks + 1, batch, nHeads, headK]),
    maxima: maxima.transpose([1, 0, 2, 3]).reshape([chunks + 1, batch, nHeads]),
  };
}
