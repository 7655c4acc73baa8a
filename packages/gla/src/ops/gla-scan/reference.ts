/**
 * The gated scan in plain `tf` ops, by chunks of 16 tokens.
 *
 * With D[s, t] = sum_{s < u <= t} gk_u, the log-decay from token s to token t (s <= t in one chunk), c_t the log-decay
 * from the chunk's start through t, and r_s that from s to the chunk's end:
 *
 *   o_t = scale (sum_{s <= t} (q_t o e^{D[s, t]}) . k_s  v_s + (q_t o e^{c_t})^T S)
 *   S'  = e^{c_last} o S + sum_s (k_s o e^{r_s}) v_s^T
 *
 * D, c and r are sums of log-decays, never differences of sums: with gk <= 0 no exponent is positive, and a saturated
 * gate costs later tokens no precision.
 */
import { tf } from '@mixerzoo/core';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Tokens per chunk; the backward pass starts each from the state kept before it. */
export const CHUNK = 16;

/** The reference form of the op; n = B H, c chunks per sequence, m = n c. */
export function glaScanReference({ q, k, gk, v }: Inputs, { nHeads, scale }: Attrs): Outputs & Saved {
  const [batch, length] = q.shape;
  const chunks = Math.ceil(length / CHUNK);
  const n = batch * nHeads;
  const values = chunkColumns(v, nHeads); // [m, V, 16]
  const queries = chunkColumns(q, nHeads).mul<tf.Tensor3D>(scale); // [m, K, 16]
  const keys = chunkColumns(k, nHeads);
  const gates = chunkColumns(gk, nHeads);
  const [m, headK] = queries.shape;
  const headV = values.shape[1];

  const steps = tf.cumsum(gates.expandDims(2).mul(triangle((s, u) => u > s)), 3); // D [m, K, s, t]
  const pairs = tf.exp(steps).mul(queries.expandDims(2)).mul(keys.expandDims(3));
  const weights = pairs.sum<tf.Tensor3D>(1).mul<tf.Tensor3D>(triangle((s, t) => t >= s)); // [m, s, t]
  const within = tf.matMul(values, weights); // [m, V, t]

  const fromStart = tf.cumsum(gates, 2); // c
  const toEnd = tf.cumsum(gates, 2, true, true); // r
  const added = tf.matMul(keys.mul<tf.Tensor3D>(tf.exp(toEnd)), values, false, true).reshape([n, chunks, headK, headV]);
  const kept = tf.exp(gates.sum(2)).reshape([n, chunks, headK, 1]);
  let state: tf.Tensor = tf.zeros([n, 1, headK, headV]);
  const before: tf.Tensor[] = [];
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    before.push(state);
    const at = (x: tf.Tensor) => x.slice([0, chunk, 0, 0], [-1, 1, -1, -1]);
    state = state.mul(at(kept)).add(at(added));
  }
  const states = tf.concat(before, 1);
  const across = tf.matMul(
    states.reshape<tf.Tensor3D>([m, headK, headV]),
    queries.mul<tf.Tensor3D>(tf.exp(fromStart)),
    true,
  ); // [m, V, t]

  const o = within
    .add(across)
    .reshape([batch, nHeads, chunks, headV, CHUNK])
    .transpose([0, 2, 4, 1, 3])
    .reshape<tf.Tensor3D>([batch, chunks * CHUNK, nHeads * headV])
    .slice([0, 0, 0], [-1, length, -1]);
  return {
    o,
    lastState: state.reshape([batch, nHeads, headK, headV]),
    states: states.reshape([batch, nHeads, chunks, headK, headV]),
  };
}

/** [B, L, H c] -> [B H chunks, c, 16], zeros after the last token: they leave the state as it is. */
function chunkColumns(x: tf.Tensor3D, nHeads: number): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  const chunks = Math.ceil(length / CHUNK);
  return x
    .pad([
      [0, 0],
      [0, chunks * CHUNK - length],
      [0, 0],
    ])
    .reshape([batch, chunks, CHUNK, nHeads, width / nHeads])
    .transpose([0, 3, 1, 4, 2])
    .reshape([batch * nHeads * chunks, width / nHeads, CHUNK]);
}

/** [16, 16] with 1 where `inside`, else 0. */
function triangle(inside: (row: number, column: number) => boolean): tf.Tensor2D {
  const mask = Float32Array.from({ length: CHUNK * CHUNK }, (_, at) =>
    inside(Math.floor(at / CHUNK), at % CHUNK) ? 1 : 0,
  );
  return tf.tensor2d(mask, [CHUNK, CHUNK]);
}
