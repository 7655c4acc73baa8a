/**
 * The delta rule without decays token by token, for narrow heads: there the recurrence costs less than a chunk's products, whose
 * panels hold little. index.ts has the equations; tensors as in kernel.as.ts.
 */
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';
import { addScaled, aligned, dot, scaled } from '@mixerzoo/core/assembly/vector';
import { tokenOffset } from './rows.as';

/** Columns of the state that `forwardByToken` has, those behind the head's being 0, and bytes of a row of them. */
const COLUMNS: i32 = 16;
const ROW: usize = 64;

/** Bytes of scratch a unit of `forwardByToken` needs: the state, and four rows. */
export function forwardByTokenScratch(headK: i32): i32 {
  return (headK + 4) * <i32>ROW;
}

/** Bytes of scratch a unit of `backwardByToken` needs: the state and its gradient, a row each of k, q, dK, dQ, and of u and du. */
export function backwardByTokenScratch(headK: i32, headV: i32): i32 {
  return (2 * headV + 4) * <i32>pairedRow(headK) + 2 * <i32>aligned(headV);
}

/** o, lastState, residual and states of the heads [start, end) of B H, of up to 16 columns of values each. */
export function forwardByToken(
  q: usize, k: usize, v: usize, beta: usize, initial: usize, o: usize, lastState: usize, residual: usize, states: usize,
  length: i32, heads: i32, headK: i32, headV: i32, chunk: i32, scale: f32, scratch: usize, start: i32, end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk;
  const keyStep = <usize>(heads * headK) << 2;
  const valueStep = <usize>(heads * headV) << 2;
  const bytes = <usize>headV << 2;
  const stateBytes = <usize>headK * bytes;
  for (let head = start; head < end; head++) {
    const state = scratch + <usize>head * forwardByTokenScratch(headK);
    const update = state + <usize>headK * ROW; // u of the token before, not yet in the state
    const values = update + ROW;
    const missing = values + ROW;
    const result = missing + ROW;
    memory.fill(state, 0, <usize>(headK + 4) * ROW);
    if (initial != 0) copyRows(state, ROW, initial + <usize>head * stateBytes, bytes, headK, bytes);

    let token = tokenOffset(head, 0, length, heads, headK);
    let at = tokenOffset(head, 0, length, heads, headV);
    let rate = beta + tokenOffset(head, 0, length, heads, 1);
    let last = k + token; // the key of the token before
    for (let t = 0; t < length; t++) {
      if (t % chunk == 0) {
        addUpdate(state, last, update, headK);
        memory.fill(update, 0, ROW);
        copyRows(states + <usize>(head * chunks + t / chunk) * stateBytes, bytes, state, ROW, headK, bytes);
      }
      memory.copy(values, v + at, bytes);
      advance(state, last, update, k + token, q + token, values, load<f32>(rate), scale, missing, result, headK);
      memory.copy(o + at, result, bytes);
      memory.copy(residual + at, missing, bytes);
      last = k + token;
      token += keyStep;
      at += valueStep;
      rate += <usize>heads << 2;
    }
    addUpdate(state, last, update, headK);
    copyRows(lastState + <usize>head * stateBytes, bytes, state, ROW, headK, bytes);
  }
}

/**
 * One token, 16 columns. The update of the token before is added on the way, so that the state is read and written once:
 * S += last update^T; missing = v - S^T k; update = beta missing; result = scale (S^T q + (k . q) update).
 */
function advance(
  state: usize, last: usize, update: usize, k: usize, q: usize, v: usize, beta: f32, scale: f32, missing: usize, result: usize, rows: i32,
): void {
  const u0 = v128.load(update);
  const u1 = v128.load(update, 16);
  const u2 = v128.load(update, 32);
  const u3 = v128.load(update, 48);
  let k0 = f32x4.splat(0);
  let k1 = f32x4.splat(0);
  let k2 = f32x4.splat(0);
  let k3 = f32x4.splat(0);
  let q0 = f32x4.splat(0);
  let q1 = f32x4.splat(0);
  let q2 = f32x4.splat(0);
  let q3 = f32x4.splat(0);
  const overlap = f32x4.splat(dot(k, q, rows));
  for (const end = k + (<usize>rows << 2); k < end; k += 4, q += 4, last += 4, state += ROW) {
    const li = v128.load_splat<f32>(last);
    const ki = v128.load_splat<f32>(k);
    const qi = v128.load_splat<f32>(q);
    const s0 = madd(li, u0, v128.load(state));
    v128.store(state, s0);
    k0 = madd(ki, s0, k0);
    q0 = madd(qi, s0, q0);
    const s1 = madd(li, u1, v128.load(state, 16));
    v128.store(state, s1, 16);
    k1 = madd(ki, s1, k1);
    q1 = madd(qi, s1, q1);
    const s2 = madd(li, u2, v128.load(state, 32));
    v128.store(state, s2, 32);
    k2 = madd(ki, s2, k2);
    q2 = madd(qi, s2, q2);
    const s3 = madd(li, u3, v128.load(state, 48));
    v128.store(state, s3, 48);
    k3 = madd(ki, s3, k3);
    q3 = madd(qi, s3, q3);
  }
  const rate = f32x4.splat(beta);
  const factor = f32x4.splat(scale);
  finish(v, k0, q0, rate, overlap, factor, missing, update, result);
  finish(v + 16, k1, q1, rate, overlap, factor, missing + 16, update + 16, result + 16);
  finish(v + 32, k2, q2, rate, overlap, factor, missing + 32, update + 32, result + 32);
  finish(v + 48, k3, q3, rate, overlap, factor, missing + 48, update + 48, result + 48);
}

// @ts-ignore: decorator
@inline
function finish(v: usize, held: v128, read: v128, beta: v128, overlap: v128, scale: v128, missing: usize, update: usize, result: usize): void {
  const r = f32x4.sub(v128.load(v), held);
  const u = f32x4.mul(beta, r);
  v128.store(missing, r);
  v128.store(update, u);
  v128.store(result, f32x4.mul(scale, madd(overlap, u, read)));
}

/** S += k update^T, 16 columns. */
function addUpdate(state: usize, k: usize, update: usize, rows: i32): void {
  for (let i = 0; i < rows; i++, k += 4, state += ROW) addScaled(state, update, COLUMNS, load<f32>(k));
}

/**
 * Gradients of the heads [start, end) of B H. The state and its gradient are transposed here, [V, K], with keys padded by zeros to
 * whole pairs of vectors: dQ and dK are then sums over rows. A chunk goes back from the state after it, that before the next one, by
 * taking its updates out again. dLastState and dInitial are 0 where there is none.
 */
export function backwardByToken(
  q: usize, k: usize, beta: usize, residual: usize, states: usize, dO: usize, dLastState: usize,
  dQ: usize, dK: usize, dV: usize, dBeta: usize, dInitial: usize,
  length: i32, heads: i32, headK: i32, headV: i32, chunk: i32, scale: f32, scratch: usize, start: i32, end: i32,
): void {
  const row = pairedRow(headK);
  const valueBytes = <usize>headV << 2;
  const stateBytes = <usize>headK * valueBytes;
  const keyBytes = <usize>headK << 2;
  const chunks = (length + chunk - 1) / chunk;
  for (let head = start; head < end; head++) {
    const gradient = scratch + <usize>head * backwardByTokenScratch(headK, headV);
    const state = gradient + <usize>headV * row;
    const key = state + <usize>headV * row;
    const query = key + row;
    const dKey = query + row;
    const dQuery = dKey + row;
    const update = dQuery + row;
    const dUpdate = update + aligned(headV);
    memory.fill(gradient, 0, backwardByTokenScratch(headK, headV));
    if (dLastState != 0) transpose(dLastState + <usize>head * stateBytes, 4, valueBytes, gradient, row, 4, headV, headK);
    const lastChunk = chunks - 1;
    transpose(states + <usize>(head * chunks + lastChunk) * stateBytes, 4, valueBytes, state, row, 4, headV, headK);
    for (let t = lastChunk * chunk; t < length; t++) {
      const rate = load<f32>(beta + tokenOffset(head, t, length, heads, 1));
      const missing = residual + tokenOffset(head, t, length, heads, headV);
      const from = k + tokenOffset(head, t, length, heads, headK);
      for (let j: usize = 0; j < <usize>headV; j++) addScaled(state + j * row, from, headK, rate * load<f32>(missing + (j << 2)));
    }

    for (let t = length - 1; t >= 0; t--) {
      const next = t + 1;
      if (next < length && next % chunk == 0) {
        transpose(states + <usize>(head * chunks + next / chunk) * stateBytes, 4, valueBytes, state, row, 4, headV, headK);
      }
      const token = tokenOffset(head, t, length, heads, headK);
      const at = tokenOffset(head, t, length, heads, headV);
      const rateAt = tokenOffset(head, t, length, heads, 1);
      const rate = load<f32>(beta + rateAt);
      memory.copy(key, k + token, keyBytes);
      scaled(query, q + token, headK, scale);
      scaled(update, residual + at, headV, rate);
      for (let i: usize = 0; i < row; i += 32) {
        retreat(state + i, gradient + i, row, key + i, query + i, dO + at, update, dUpdate, dQuery + i, dKey + i, headV, i > 0);
      }
      store<f32>(dBeta + rateAt, dot(dUpdate, residual + at, headV));
      scaled(dV + at, dUpdate, headV, rate);
      for (let i: usize = 0; i < row; i += 32) correct(state + i, gradient + i, row, key + i, dV + at, dKey + i, headV);
      scaled(dQ + token, dQuery, headK, scale);
      memory.copy(dK + token, dKey, keyBytes);
    }
    if (dInitial != 0) transpose(gradient, row, 4, dInitial + <usize>head * stateBytes, 4, valueBytes, headV, headK);
  }
}

/**
 * One token backwards, 8 keys: dS += q dO^T; dQ = S dO; dK = dS u; du = (or +=) dS^T k; then S -= k u^T.
 */
function retreat(
  state: usize, gradient: usize, row: usize, k: usize, q: usize, dO: usize, u: usize, du: usize, dQ: usize, dK: usize,
  rows: i32, accumulate: bool,
): void {
  const k0 = v128.load(k);
  const k1 = v128.load(k, 16);
  const q0 = v128.load(q);
  const q1 = v128.load(q, 16);
  let dq0 = f32x4.splat(0);
  let dq1 = f32x4.splat(0);
  let dk0 = f32x4.splat(0);
  let dk1 = f32x4.splat(0);
  for (const end = u + (<usize>rows << 2); u < end; u += 4, dO += 4, du += 4, state += row, gradient += row) {
    const dOj = v128.load_splat<f32>(dO);
    const uj = v128.load_splat<f32>(u);
    const g0 = madd(dOj, q0, v128.load(gradient));
    const g1 = madd(dOj, q1, v128.load(gradient, 16));
    v128.store(gradient, g0);
    v128.store(gradient, g1, 16);
    dk0 = madd(uj, g0, dk0);
    dk1 = madd(uj, g1, dk1);
    const s0 = v128.load(state);
    const s1 = v128.load(state, 16);
    dq0 = madd(dOj, s0, dq0);
    dq1 = madd(dOj, s1, dq1);
    const back = f32x4.neg(uj);
    v128.store(state, madd(back, k0, s0));
    v128.store(state, madd(back, k1, s1), 16);
    const product = sumLanes(madd(g0, k0, f32x4.mul(g1, k1)));
    store<f32>(du, accumulate ? load<f32>(du) + product : product);
  }
  v128.store(dQ, dq0);
  v128.store(dQ, dq1, 16);
  v128.store(dK, dk0);
  v128.store(dK, dk1, 16);
}

/** The rest of that token, with the state before it: dK -= S dV; dS -= k dV^T. */
function correct(state: usize, gradient: usize, row: usize, k: usize, dV: usize, dK: usize, rows: i32): void {
  const k0 = v128.load(k);
  const k1 = v128.load(k, 16);
  let dk0 = v128.load(dK);
  let dk1 = v128.load(dK, 16);
  for (const end = dV + (<usize>rows << 2); dV < end; dV += 4, state += row, gradient += row) {
    const back = f32x4.neg(v128.load_splat<f32>(dV));
    dk0 = madd(back, v128.load(state), dk0);
    dk1 = madd(back, v128.load(state, 16), dk1);
    v128.store(gradient, madd(back, k0, v128.load(gradient)));
    v128.store(gradient, madd(back, k1, v128.load(gradient, 16)), 16);
  }
  v128.store(dK, dk0);
  v128.store(dK, dk1, 16);
}

/** Bytes of a row of n keys, whole pairs of vectors. */
// @ts-ignore: decorator
@inline
function pairedRow(n: i32): usize {
  return <usize>((n + 7) & ~7) << 2;
}

/** `rows` runs of `bytes`, that lie `toStep` and `fromStep` bytes apart. */
function copyRows(to: usize, toStep: usize, from: usize, fromStep: usize, rows: i32, bytes: usize): void {
  for (let i = 0; i < rows; i++, to += toStep, from += fromStep) memory.copy(to, from, bytes);
}

/** to[i, j] = from[i, j]: elements lie so many bytes apart, by i < rows and by j < columns. */
function transpose(from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++, from += fromRow, to += toRow) {
    for (let j: usize = 0; j < <usize>columns; j++) store<f32>(to + j * toColumn, load<f32>(from + j * fromColumn));
  }
}
