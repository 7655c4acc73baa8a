/**
 * The scan in plain `tf` ops, by chunks of C = 16 tokens; its gradient is that of these ops, by chunks too.
 *
 * With S the state before a chunk, G_t = sum_{u <= t} g_u from its start, G-_t = G_t - g_t, b = a o kappa, and
 * M(x, y)_ti = sum_c x_tc y_ic e^(E_t - G_i), where E is G- for x = kappa and G for x = r:
 *
 *   u_t + sum_{i < t} M(kappa, b)_ti u_i = (kappa_t o e^(G-_t))^T S + sum_{i < t} M(kappa, k)_ti v_i        a triangular system: U = U_v + U_S S
 *   o_t = (r_t o e^(G_t))^T S + sum_{i <= t} M(r, k)_ti v_i - M(r, b)_ti u_i
 *   S'  = diag(e^(G_C)) S + sum_i (k_i o e^(G_C - G_i)) v_i^T - (b_i o e^(G_C - G_i)) u_i^T
 *
 * M is a product of x e^E and y e^-G, both counted from the middle of the chunk, so that no exponent is above 8 |g|: decays of e^-10 a
 * token are in range (where a gradient with respect to g is mostly rounding), RWKV-7's are e^-0.607 at least. The system is solved row by row.
 *
 * Source: flash-linear-attention `ops/generalized_delta_rule/dplr`; Yang et al. 2024 (arXiv 2406.06484), section 3, for the system.
 */
import { tf } from '@mixerzoo/core';
import { chunkRows, substituteForward } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Tokens per chunk; the backward pass starts each from the state kept before it. */
export const CHUNK = 16;

/** The reference form of the op; n = B H, C tokens in a chunk, c chunks per sequence, m = n c. */
export function rwkv7ScanReference({ r, g, k, v, kappa, a, initialState }: Inputs, { nHeads }: Attrs): Outputs & Saved {
  const [batch, length] = r.shape;
  const chunkSize = Math.min(CHUNK, length);
  const chunks = Math.ceil(length / chunkSize);
  const n = batch * nHeads;
  const rowsOf = (x: tf.Tensor3D) => chunkRows(x, nHeads, chunkSize); // [m, C, w]
  const [gates, values] = [rowsOf(g), rowsOf(v)];
  const decays = decaysOf(gates, chunkSize);
  const [reads, keys, held] = [rowsOf(r), rowsOf(k), rowsOf(kappa)];
  const removals = held.mul<tf.Tensor3D>(rowsOf(a)); // b
  const [headK, headV] = [keys.shape[2], values.shape[2]];

  const [heldAt, readsAt] = [held.mul<tf.Tensor3D>(decays.before), reads.mul<tf.Tensor3D>(decays.at)];
  const [keysFrom, removalsFrom] = [keys.mul<tf.Tensor3D>(decays.from), removals.mul<tf.Tensor3D>(decays.from)];
  // M [m, t, i]. What is masked may be infinite.
  const pairs = (x: tf.Tensor3D, y: tf.Tensor3D, mask: tf.Tensor3D) =>
    tf.where<tf.Tensor3D>(mask, tf.matMul(x, y, false, true), 0);
  const [before, upTo] = [triangle(chunkSize, (t, i) => i < t), triangle(chunkSize, (t, i) => i <= t)];
  const added = tf.matMul<tf.Tensor3D>(pairs(heldAt, keysFrom, before), values);
  const fromStart = held.mul<tf.Tensor3D>(decays.startBefore);
  const solved = substituteForward(pairs(heldAt, removalsFrom, before), tf.concat3d([added, fromStart], 2));
  const within = tf.matMul<tf.Tensor3D>(pairs(readsAt, keysFrom, upTo), values);

  const chunksOf = (x: tf.Tensor3D) => tf.unstack(x.reshape([n, chunks, -1, x.shape[2]]), 1) as tf.Tensor3D[];
  const parts = {
    own: chunksOf(solved.slice([0, 0, 0], [-1, -1, headV])),
    ofState: chunksOf(solved.slice([0, 0, headV])),
    within: chunksOf(within),
    readRemovals: chunksOf(pairs(readsAt, removalsFrom, upTo)),
    reads: chunksOf(reads.mul(decays.start)),
    written: chunksOf(tf.matMul(keys.mul<tf.Tensor3D>(decays.toEnd), values, true)),
    removals: chunksOf(removals.mul(decays.toEnd)),
    kept: chunksOf(tf.exp(gates.sum(1)).reshape([-1, headK, 1])),
  };
  let state = initialState?.reshape<tf.Tensor3D>([n, headK, headV]) ?? tf.zeros<tf.Rank.R3>([n, headK, headV]);
  const [outputs, removed, states]: [tf.Tensor3D[], tf.Tensor3D[], tf.Tensor3D[]] = [[], [], []];
  for (let at = 0; at < chunks; at += 1) {
    const of = (part: keyof typeof parts) => parts[part][at] as tf.Tensor3D;
    const u = of('own').add<tf.Tensor3D>(tf.matMul(of('ofState'), state));
    const o = of('within').sub<tf.Tensor3D>(tf.matMul(of('readRemovals'), u));
    states.push(state);
    removed.push(u);
    outputs.push(o.add(tf.matMul(of('reads'), state)));
    state = state
      .mul<tf.Tensor3D>(of('kept'))
      .add<tf.Tensor3D>(of('written'))
      .sub(tf.matMul(of('removals'), u, true));
  }

  const tokens = (chunked: readonly tf.Tensor3D[]) =>
    tf
      .concat3d([...chunked], 1)
      .reshape([batch, nHeads, chunks * chunkSize, headV])
      .transpose([0, 2, 1, 3])
      .reshape<tf.Tensor3D>([batch, chunks * chunkSize, nHeads * headV])
      .slice([0, 0, 0], [-1, length, -1]);
  return {
    o: tokens(outputs),
    lastState: state.reshape([batch, nHeads, headK, headV]),
    removed: tokens(removed),
    states: tf.stack(states, 1).reshape([batch, nHeads, chunks, headK, headV]),
  };
}

/**
 * Decays between the tokens of a chunk, [m, C, K] each, of sums of gates, never differences of sums. From the chunk's middle: `at` a
 * token (e^G), `before` it (e^G-), and `from` it (e^-G); from its start `start`, `startBefore`; from a token `toEnd`.
 */
function decaysOf(gates: tf.Tensor3D, chunkSize: number) {
  const middle = Math.floor(chunkSize / 2);
  const half = (inside: (t: number) => boolean) =>
    gates.mul<tf.Tensor3D>(
      tf.tensor3d(
        Array.from({ length: chunkSize }, (_, t) => (inside(t) ? 1 : 0)),
        [1, chunkSize, 1],
      ),
    );
  const [first, second] = [half((t) => t < middle), half((t) => t >= middle)];
  const sums = (x: tf.Tensor3D, exclusive: boolean, reverse = false) =>
    tf.cumsum<tf.Tensor3D>(x, 1, exclusive, reverse);
  const at = sums(second, false).sub<tf.Tensor3D>(sums(first, true, true));
  const before = sums(second, true).sub<tf.Tensor3D>(sums(first, false, true));
  return {
    at: tf.exp(at),
    before: tf.exp(before),
    from: tf.exp(at.neg()),
    start: tf.exp(sums(gates, false)),
    startBefore: tf.exp(sums(gates, true)),
    toEnd: tf.exp(sums(gates, true, true)),
  };
}

/** [1, n, n], true where `inside`. */
function triangle(n: number, inside: (row: number, column: number) => boolean): tf.Tensor3D {
  const mask = Array.from({ length: n * n }, (_, at) => inside(Math.floor(at / n), at % n));
  return tf.tensor3d(mask, [1, n, n], 'bool');
}
