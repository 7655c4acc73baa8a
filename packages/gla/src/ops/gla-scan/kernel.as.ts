/**
 * The gated scan, forward and backward, as a recurrence: a unit of work is one head of one sequence, whose state fits
 * the first cache. At K = 16, V = 32 the recurrence costs 3 K V multiply-adds a token; a chunked form would need
 * 2 K V + 16 (K + V) and more, and exponentials for every pair of tokens. No exponent is positive.
 *
 * "Lanes" are the axis of the state that vectors run along, padded with zeros to a multiple of four; "rows" the other.
 * Layout of q, k, gk [B, L, H K], v, o [B, L, H V], lastState [B, H, K, V], states [B, H, chunks, K, V]: the state before every
 * chunk, from which `backward` recomputes those within.
 */
import { exp } from '@mixerzoo/core/assembly/math';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return (n + 3) & ~3;
}

/** Bytes of scratch a unit of `forward` needs. */
export function forwardScratch(headK: i32, headV: i32): i32 {
  return ((headK + 2) * padded(headV) + padded(headK)) << 2;
}

/** Bytes of scratch a unit of `backward` needs. */
export function backwardScratch(headK: i32, headV: i32, chunk: i32): i32 {
  return (((chunk + 2) * headV + 4) * padded(headK)) << 2;
}

/** Zeros, for the gradient of a last state that nothing was made of. */
export function clear(at: usize, bytes: i32): void {
  memory.fill(at, 0, <usize>bytes);
}

/** o, lastState and states of the heads [start, end) of B H. */
export function forward(
  q: usize, k: usize, gk: usize, v: usize, o: usize, lastState: usize, states: usize,
  length: i32, heads: i32, headK: i32, headV: i32, chunk: i32, scale: f32, scratch: usize, start: i32, end: i32,
): void {
  const lanes = padded(headV);
  const rowBytes = <usize>lanes << 2;
  const keyStep = <usize>(heads * headK) << 2;
  const valueStep = <usize>(heads * headV) << 2;
  const valueBytes = <usize>headV << 2;
  const chunks = (length + chunk - 1) / chunk;
  for (let unit = start; unit < end; unit++) {
    const state = scratch + <usize>unit * forwardScratch(headK, headV);
    const values = state + <usize>headK * rowBytes;
    const sums = values + rowBytes;
    const decay = sums + rowBytes;
    memory.fill(state, 0, <usize>(headK + 2) * rowBytes);
    const keys = tokenOffset(unit, length, heads, headK);
    let at = tokenOffset(unit, length, heads, headV);
    for (let t = 0, token = keys; t < length; t++, token += keyStep, at += valueStep) {
      if (t % chunk == 0) keep(state, states + <usize>((unit * chunks + t / chunk) * headK) * valueBytes, headK, rowBytes, valueBytes);
      expRow(decay, gk + token, headK);
      memory.copy(values, v + at, valueBytes);
      let j: usize = 0;
      for (; j + 64 <= rowBytes; j += 64) advance16(state + j, rowBytes, decay, k + token, q + token, values + j, sums + j, headK);
      for (; j < rowBytes; j += 16) advance4(state + j, rowBytes, decay, k + token, q + token, values + j, sums + j, headK);
      scaleRow(o + at, sums, scale, headV);
    }
    keep(state, lastState + <usize>(unit * headK) * valueBytes, headK, rowBytes, valueBytes);
  }
}

/** Copies a state without its padding. */
function keep(state: usize, to: usize, rows: i32, rowBytes: usize, bytes: usize): void {
  for (let i = 0; i < rows; i++) memory.copy(to + <usize>i * bytes, state + <usize>i * rowBytes, bytes);
}

/** One token, 16 lanes: state = decay[row] state + k[row] v, sums = sum over rows of q[row] state. */
function advance16(state: usize, rowBytes: usize, decay: usize, k: usize, q: usize, v: usize, sums: usize, rows: i32): void {
  const v0 = v128.load(v);
  const v1 = v128.load(v, 16);
  const v2 = v128.load(v, 32);
  const v3 = v128.load(v, 48);
  let o0 = f32x4.splat(0);
  let o1 = f32x4.splat(0);
  let o2 = f32x4.splat(0);
  let o3 = f32x4.splat(0);
  for (const end = k + (<usize>rows << 2); k < end; k += 4, q += 4, decay += 4, state += rowBytes) {
    const ai = v128.load_splat<f32>(decay);
    const ki = v128.load_splat<f32>(k);
    const qi = v128.load_splat<f32>(q);
    const s0 = madd(ki, v0, f32x4.mul(ai, v128.load(state)));
    const s1 = madd(ki, v1, f32x4.mul(ai, v128.load(state, 16)));
    const s2 = madd(ki, v2, f32x4.mul(ai, v128.load(state, 32)));
    const s3 = madd(ki, v3, f32x4.mul(ai, v128.load(state, 48)));
    v128.store(state, s0);
    v128.store(state, s1, 16);
    v128.store(state, s2, 32);
    v128.store(state, s3, 48);
    o0 = madd(qi, s0, o0);
    o1 = madd(qi, s1, o1);
    o2 = madd(qi, s2, o2);
    o3 = madd(qi, s3, o3);
  }
  v128.store(sums, o0);
  v128.store(sums, o1, 16);
  v128.store(sums, o2, 32);
  v128.store(sums, o3, 48);
}

/** As `advance16`, four lanes. */
function advance4(state: usize, rowBytes: usize, decay: usize, k: usize, q: usize, v: usize, sums: usize, rows: i32): void {
  const v0 = v128.load(v);
  let o0 = f32x4.splat(0);
  for (const end = k + (<usize>rows << 2); k < end; k += 4, q += 4, decay += 4, state += rowBytes) {
    const s0 = madd(v128.load_splat<f32>(k), v0, f32x4.mul(v128.load_splat<f32>(decay), v128.load(state)));
    v128.store(state, s0);
    o0 = madd(v128.load_splat<f32>(q), s0, o0);
  }
  v128.store(sums, o0);
}

/**
 * Gradients of the heads [start, end) of B H. Lanes are key channels here: the states are transposed, [V, K].
 * Chunk by chunk from the last: the chunk's states again, forwards, for dQ; then dS backwards for dK, dV and, with the states
 * kept, dGk.
 */
export function backward(
  q: usize, k: usize, gk: usize, v: usize, states: usize, dO: usize, dLastState: usize,
  dQ: usize, dK: usize, dGk: usize, dV: usize,
  length: i32, heads: i32, headK: i32, headV: i32, chunk: i32, scale: f32, scratch: usize, start: i32, end: i32,
): void {
  const lanes = padded(headK);
  const rowBytes = <usize>lanes << 2;
  const stateBytes = <usize>headV * rowBytes;
  const keyBytes = <usize>headK << 2;
  const keyStep = <usize>(heads * headK) << 2;
  const valueStep = <usize>(heads * headV) << 2;
  const chunks = (length + chunk - 1) / chunk;
  for (let unit = start; unit < end; unit++) {
    const gradient = scratch + <usize>unit * backwardScratch(headK, headV, chunk); // a dS, the gradient of the state before a token
    const history = gradient + stateBytes; // the states before the chunk and after each of its tokens
    const decay = history + <usize>(chunk + 1) * stateBytes;
    const keys = decay + rowBytes;
    const queries = keys + rowBytes;
    const sums = queries + rowBytes;
    memory.fill(gradient, 0, <usize>backwardScratch(headK, headV, chunk));
    transpose(dLastState + (<usize>(unit * headK * headV) << 2), gradient, headK, headV, rowBytes);

    for (let n = chunks - 1; n >= 0; n--) {
      const rows = min(chunk, length - n * chunk);
      let token = tokenOffset(unit, length, heads, headK) + <usize>(n * chunk) * keyStep;
      let at = tokenOffset(unit, length, heads, headV) + <usize>(n * chunk) * valueStep;
      let state = history;
      transpose(states + (<usize>((unit * chunks + n) * headK * headV) << 2), state, headK, headV, rowBytes);
      for (let t = 0; t < rows; t++, token += keyStep, at += valueStep, state += stateBytes) {
        expRow(decay, gk + token, headK);
        memory.copy(keys, k + token, keyBytes);
        let i: usize = 0;
        for (; i + 64 <= rowBytes; i += 64) recompute16(state + i, stateBytes, rowBytes, decay + i, keys + i, v + at, dO + at, sums + i, headV);
        for (; i < rowBytes; i += 16) recompute4(state + i, stateBytes, rowBytes, decay + i, keys + i, v + at, dO + at, sums + i, headV);
        scaleRow(dQ + token, sums, scale, headK);
      }

      for (let t = 0; t < rows; t++) {
        token -= keyStep;
        at -= valueStep;
        state -= stateBytes;
        expRow(decay, gk + token, headK);
        memory.copy(keys, k + token, keyBytes);
        scaleRow(queries, q + token, scale, headK);
        let i: usize = 0;
        for (; i + 64 <= rowBytes; i += 64) {
          retreat16(gradient + i, rowBytes, decay + i, keys + i, queries + i, v + at, dO + at, sums + i, dV + at, headV, i > 0);
        }
        for (; i < rowBytes; i += 16) {
          retreat4(gradient + i, rowBytes, decay + i, keys + i, queries + i, v + at, dO + at, sums + i, dV + at, headV, i > 0);
        }
        memory.copy(dK + token, sums, keyBytes);
        for (i = 0; i + 64 <= rowBytes; i += 64) products16(state + i, gradient + i, rowBytes, sums + i, headV);
        for (; i < rowBytes; i += 16) products4(state + i, gradient + i, rowBytes, sums + i, headV);
        memory.copy(dGk + token, sums, keyBytes);
      }
    }
  }
}

/** [K, V] without padding to [V, K] with it. */
function transpose(from: usize, to: usize, headK: i32, headV: i32, rowBytes: usize): void {
  for (let i = 0; i < headK; i++) {
    for (let j = 0; j < headV; j++, from += 4) store<f32>(to + <usize>j * rowBytes + (<usize>i << 2), load<f32>(from));
  }
}

/** sums = sum over rows of a b, 16 lanes. */
function products16(a: usize, b: usize, rowBytes: usize, sums: usize, rows: i32): void {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  for (const end = a + <usize>rows * rowBytes; a < end; a += rowBytes, b += rowBytes) {
    s0 = madd(v128.load(a), v128.load(b), s0);
    s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
    s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
    s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
}

/** As `products16`, four lanes. */
function products4(a: usize, b: usize, rowBytes: usize, sums: usize, rows: i32): void {
  let s0 = f32x4.splat(0);
  for (const end = a + <usize>rows * rowBytes; a < end; a += rowBytes, b += rowBytes) s0 = madd(v128.load(a), v128.load(b), s0);
  v128.store(sums, s0);
}

/** One token, 16 lanes: the state `next` bytes further = decay state + v[row] k, sums = sum over rows of dO[row] times it. */
function recompute16(state: usize, next: usize, rowBytes: usize, decay: usize, k: usize, v: usize, dO: usize, sums: usize, rows: i32): void {
  const a0 = v128.load(decay);
  const a1 = v128.load(decay, 16);
  const a2 = v128.load(decay, 32);
  const a3 = v128.load(decay, 48);
  const k0 = v128.load(k);
  const k1 = v128.load(k, 16);
  const k2 = v128.load(k, 32);
  const k3 = v128.load(k, 48);
  let q0 = f32x4.splat(0);
  let q1 = f32x4.splat(0);
  let q2 = f32x4.splat(0);
  let q3 = f32x4.splat(0);
  for (const end = v + (<usize>rows << 2); v < end; v += 4, dO += 4, state += rowBytes) {
    const vj = v128.load_splat<f32>(v);
    const gj = v128.load_splat<f32>(dO);
    const s0 = madd(vj, k0, f32x4.mul(a0, v128.load(state)));
    v128.store(state + next, s0);
    q0 = madd(gj, s0, q0);
    const s1 = madd(vj, k1, f32x4.mul(a1, v128.load(state, 16)));
    v128.store(state + next, s1, 16);
    q1 = madd(gj, s1, q1);
    const s2 = madd(vj, k2, f32x4.mul(a2, v128.load(state, 32)));
    v128.store(state + next, s2, 32);
    q2 = madd(gj, s2, q2);
    const s3 = madd(vj, k3, f32x4.mul(a3, v128.load(state, 48)));
    v128.store(state + next, s3, 48);
    q3 = madd(gj, s3, q3);
  }
  v128.store(sums, q0);
  v128.store(sums, q1, 16);
  v128.store(sums, q2, 32);
  v128.store(sums, q3, 48);
}

/** As `recompute16`, four lanes. */
function recompute4(state: usize, next: usize, rowBytes: usize, decay: usize, k: usize, v: usize, dO: usize, sums: usize, rows: i32): void {
  const a0 = v128.load(decay);
  const k0 = v128.load(k);
  let q0 = f32x4.splat(0);
  for (const end = v + (<usize>rows << 2); v < end; v += 4, dO += 4, state += rowBytes) {
    const s0 = madd(v128.load_splat<f32>(v), k0, f32x4.mul(a0, v128.load(state)));
    v128.store(state + next, s0);
    q0 = madd(v128.load_splat<f32>(dO), s0, q0);
  }
  v128.store(sums, q0);
}

/**
 * One token backwards, 16 lanes: g = state + dO[row] q; sums = sum over rows of v[row] g; dV[row] = (or +=) g . k;
 * state = decay g.
 */
function retreat16(
  state: usize, rowBytes: usize, decay: usize, k: usize, q: usize, v: usize, dO: usize, sums: usize, dV: usize,
  rows: i32, accumulate: bool,
): void {
  const k0 = v128.load(k);
  const k1 = v128.load(k, 16);
  const k2 = v128.load(k, 32);
  const k3 = v128.load(k, 48);
  let d0 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  let d2 = f32x4.splat(0);
  let d3 = f32x4.splat(0);
  for (const end = v + (<usize>rows << 2); v < end; v += 4, dO += 4, dV += 4, state += rowBytes) {
    const vj = v128.load_splat<f32>(v);
    const gj = v128.load_splat<f32>(dO);
    const g0 = madd(gj, v128.load(q), v128.load(state));
    const g1 = madd(gj, v128.load(q, 16), v128.load(state, 16));
    const g2 = madd(gj, v128.load(q, 32), v128.load(state, 32));
    const g3 = madd(gj, v128.load(q, 48), v128.load(state, 48));
    d0 = madd(vj, g0, d0);
    d1 = madd(vj, g1, d1);
    d2 = madd(vj, g2, d2);
    d3 = madd(vj, g3, d3);
    v128.store(state, f32x4.mul(g0, v128.load(decay)));
    v128.store(state, f32x4.mul(g1, v128.load(decay, 16)), 16);
    v128.store(state, f32x4.mul(g2, v128.load(decay, 32)), 32);
    v128.store(state, f32x4.mul(g3, v128.load(decay, 48)), 48);
    const product = sumLanes(f32x4.add(madd(g0, k0, f32x4.mul(g1, k1)), madd(g2, k2, f32x4.mul(g3, k3))));
    store<f32>(dV, accumulate ? load<f32>(dV) + product : product);
  }
  v128.store(sums, d0);
  v128.store(sums, d1, 16);
  v128.store(sums, d2, 32);
  v128.store(sums, d3, 48);
}

/** As `retreat16`, four lanes. */
function retreat4(
  state: usize, rowBytes: usize, decay: usize, k: usize, q: usize, v: usize, dO: usize, sums: usize, dV: usize,
  rows: i32, accumulate: bool,
): void {
  const a0 = v128.load(decay);
  const k0 = v128.load(k);
  const q0 = v128.load(q);
  let d0 = f32x4.splat(0);
  for (const end = v + (<usize>rows << 2); v < end; v += 4, dO += 4, dV += 4, state += rowBytes) {
    const g0 = madd(v128.load_splat<f32>(dO), q0, v128.load(state));
    d0 = madd(v128.load_splat<f32>(v), g0, d0);
    v128.store(state, f32x4.mul(g0, a0));
    const product = sumLanes(f32x4.mul(g0, k0));
    store<f32>(dV, accumulate ? load<f32>(dV) + product : product);
  }
  v128.store(sums, d0);
}

/** Bytes from the start of a tensor [B, L, H width] to the first token of head `unit` of B H. */
// @ts-ignore: decorator
@inline
function tokenOffset(unit: i32, length: i32, heads: i32, width: i32): usize {
  return (<usize>(unit / heads) * length * heads + (unit % heads)) * width << 2;
}

/** exp of n numbers; `to` has room for whole vectors, its padding becomes arbitrary but finite. */
function expRow(to: usize, from: usize, n: i32): void {
  const whole = n & ~3;
  let i = 0;
  for (; i < whole; i += 4) v128.store(to + (<usize>i << 2), exp(v128.load(from + (<usize>i << 2))));
  if (i == n) return;
  memory.copy(to + (<usize>i << 2), from + (<usize>i << 2), <usize>(n - i) << 2);
  v128.store(to + (<usize>i << 2), exp(v128.load(to + (<usize>i << 2))));
}

/** to = factor from, n numbers. */
function scaleRow(to: usize, from: usize, factor: f32, n: i32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(to + (<usize>i << 2), f32x4.mul(f, v128.load(from + (<usize>i << 2))));
  for (; i < n; i++) store<f32>(to + (<usize>i << 2), factor * load<f32>(from + (<usize>i << 2)));
}
