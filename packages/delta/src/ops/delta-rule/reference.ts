/**
 * The gated delta rule in plain `tf` ops, by chunks of 16 tokens.
 *
 * With S the state before a chunk, D[t, i] the decay from token i to token t (i <= t), e_t that from before the chunk through t, f_i
 * that from i to the chunk's end, k_t, q_t the chunk's rows, and r_t = v_t - S'_t^T k_t what the memory lacks for a key:
 *
 *   r_t + sum_{i < t} (k_t . D[t, i] k_i) beta_i r_i = v_t - S^T (e_t k_t)     a triangular system, solved for v and k: R = R_v - R_k S
 *   o_t = scale (S^T (e_t q_t) + sum_{i <= t} (q_t . D[t, i] k_i) beta_i r_i)
 *   S'  = e_last S + sum_i (f_i k_i) (beta_i r_i)^T
 *
 * It is solved row by row: for almost equal keys, products of powers of the matrix lose all digits. Logarithms of decays are sums of g,
 * never differences of sums: none is positive, and a saturated gate costs other tokens no precision.
 *
 * Source: Yang et al. 2024 (arXiv 2406.06484), section 3: the UT transform, here of r instead of u = beta r, so that beta = 0 is
 * a number like others; Kimi Team 2025 (arXiv 2510.26692), section 3, for the decays.
 */
import { tf } from '@mixerzoo/core';
import { chunkRows, substituteForward } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Tokens per chunk; the backward pass reads the state before each. */
export const CHUNK = 16;

/** The reference form of the op; n = B H, C tokens in a chunk, c chunks per sequence, m = n c. */
export function deltaRuleReference({ q, k, v, beta, g, initialState }: Inputs, attrs: Attrs): Outputs & Saved {
  const { nHeads, scale } = attrs;
  const [batch, length] = q.shape;
  const chunkSize = Math.min(CHUNK, length);
  const chunks = Math.ceil(length / chunkSize);
  const n = batch * nHeads;
  const rowsOf = (x: tf.Tensor3D) => chunkRows(x, nHeads, chunkSize); // [m, C, w]
  const [queries, keys] = [rowsOf(q).mul<tf.Tensor3D>(scale), rowsOf(k)];
  const [values, rates] = [rowsOf(v), rowsOf(beta)];
  const [headK, headV] = [keys.shape[2], values.shape[2]];
  const decays = g && chunkDecays(rowsOf(g));
  const { pairs, fromStart, toEnd } = decays ?? {
    pairs: (left: tf.Tensor3D, right: tf.Tensor3D) => tf.matMul<tf.Tensor3D>(left, right, false, true),
    fromStart: <T extends tf.Tensor>(x: T) => x,
    toEnd: <T extends tf.Tensor>(x: T) => x,
  };

  const written = pairs(keys, keys.mul<tf.Tensor3D>(rates)); // [m, t, i]
  const solved = substituteForward(written, tf.concat3d([values, fromStart(keys)], 2));
  const read = pairs(queries, keys).mul<tf.Tensor3D>(triangle(chunkSize, (t, i) => i <= t));

  const chunksOf = (x: tf.Tensor3D) => tf.unstack(x.reshape([n, chunks, x.shape[1], -1]), 1) as tf.Tensor3D[];
  const [residualOf, solvedKeys] = tf.split(solved, [headV, headK], 2) as [tf.Tensor3D, tf.Tensor3D];
  const [rows, corrections, reads] = [chunksOf(residualOf), chunksOf(solvedKeys), chunksOf(read)];
  const [queriesOf, keysOf, ratesOf] = [chunksOf(fromStart(queries)), chunksOf(toEnd(keys)), chunksOf(rates)];
  const wholes = decays && chunksOf(decays.whole);
  let state = initialState?.reshape<tf.Tensor3D>([n, headK, headV]) ?? tf.zeros<tf.Rank.R3>([n, headK, headV]);
  const [outputs, residuals, states]: [tf.Tensor3D[], tf.Tensor3D[], tf.Tensor3D[]] = [[], [], []];
  for (const [at, row] of rows.entries()) {
    const of = (each: readonly tf.Tensor3D[]) => each[at] as tf.Tensor3D;
    states.push(state);
    const residual = row.sub<tf.Tensor3D>(tf.matMul(of(corrections), state));
    const update = residual.mul<tf.Tensor3D>(of(ratesOf));
    outputs.push(tf.matMul(of(queriesOf), state).add(tf.matMul(of(reads), update)));
    const kept = wholes ? state.mul<tf.Tensor3D>(of(wholes)) : state;
    state = kept.add(tf.matMul(of(keysOf), update, true));
    residuals.push(residual);
  }

  const tokens = (parts: readonly tf.Tensor3D[]) =>
    tf
      .concat3d([...parts], 1)
      .reshape([batch, nHeads, chunks * chunkSize, headV])
      .transpose([0, 2, 1, 3])
      .reshape<tf.Tensor3D>([batch, chunks * chunkSize, nHeads * headV])
      .slice([0, 0, 0], [-1, length, -1]);
  return {
    o: tokens(outputs),
    lastState: state.reshape([batch, nHeads, headK, headV]),
    residual: tokens(residuals),
    states: tf.stack(states, 1).reshape([batch, nHeads, chunks, headK, headV]),
  };
}

/** What the decays of chunks do to rows; gates [m, C, 1] or [m, C, K], the logarithms of decays. */
function chunkDecays(gates: tf.Tensor3D) {
  const [, size, width] = gates.shape;
  const decayed = (log: tf.Tensor) => {
    const decay = tf.exp(log);
    return <T extends tf.Tensor>(x: T) => x.mul<T>(decay);
  };
  const channels = gates.transpose([0, 2, 1]); // [m, w, u]
  const after = triangle(size, (i, u) => u > i);
  const between = tf.exp(tf.cumsum(channels.expandDims(2).mul(after), 3)); // D [m, w, i, t]; 1 where t < i
  return {
    fromStart: decayed(tf.cumsum(gates, 1)),
    toEnd: decayed(tf.cumsum(gates, 1, true, true)),
    /** The decay of the chunk, [m, w, 1]. */
    whole: tf.exp(gates.sum(1)).expandDims<tf.Tensor3D>(2),
    /** `left_t . D[t, i] right_i`, [m, t, i]. */
    pairs(left: tf.Tensor3D, right: tf.Tensor3D): tf.Tensor3D {
      if (width === 1) {
        return tf
          .matMul<tf.Tensor3D>(left, right, false, true)
          .mul(between.squeeze<tf.Tensor3D>([1]).transpose([0, 2, 1]));
      }
      const [atT, atI] = [left.transpose([0, 2, 1]).expandDims(2), right.transpose([0, 2, 1]).expandDims(3)];
      return between.mul(atT).mul(atI).sum<tf.Tensor3D>(1).transpose([0, 2, 1]);
    },
  };
}

/** [n, n] with 1 where `inside`, else 0. */
function triangle(n: number, inside: (row: number, column: number) => boolean): tf.Tensor2D {
  return tf.tensor2d(
    Float32Array.from({ length: n * n }, (_, at) => (inside(Math.floor(at / n), at % n) ? 1 : 0)),
    [n, n],
  );
}
