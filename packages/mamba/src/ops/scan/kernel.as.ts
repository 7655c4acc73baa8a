/**
 * The scans of Mamba and Mamba-2, forward and backward, on four lanes of N.
 *
 *   h_t = a_t h_(t-1) + w_t B_t        y_t = (C_t h_t + D u_t) silu(z_t)        w_t = Delta_t u_t
 *
 * Both are one algorithm over H heads of P channels with B and C shared in G groups of heads:
 *   selective scan: H = G = 1, P = D; Delta [B, L, D] (bias, softplus), a_t = exp(Delta_t A[d, n]);
 *   SSD (`scalar` = 1): Delta [B, L, H], a_t = exp(Delta_t A[h]); no bias, softplus or gate.
 *
 * A unit is one sequence and a block of up to 32 channels of one head. It walks chunk by chunk; for a channel and four
 * states it first fills the decays a_t of the chunk, then scans with h in a register. States after every chunk are
 * kept; the backward pass starts each chunk from them, recomputes h and a, and walks back:
 *
 *   lambda_t = C_t g_t + a_(t+1) lambda_(t+1)          q_t = a_t h_(t-1)
 *   p = sum_n lambda B     r = sum_n lambda q A (S6), sum_n lambda q (SSD)
 *   du = D g + Delta p     dDelta = u p + r            dB += lambda w       dC += g h       dA += lambda q Delta
 *
 * N is a multiple of 4 here (`nPadded`): the host pads with zeros, whose states and gradients stay 0. Sums over
 * channels and sequences go to partial sums per unit, added in a fixed order: results do not depend on the division.
 */
import { exp, sigmoid } from '@mixerzoo/core/assembly/math';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

/** Channels of a unit; also the row length of its buffers. The same number is in wasm.ts. */
const BLOCK: i32 = 32;
const ROW: usize = 128;
const LOG2_E: f32 = 1.4426950408889634;

/** 2^x; 0 below -100. Cephes exp2f. */
// @ts-ignore: decorator
@inline
function exp2(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(-100));
  const clamped = f32x4.min(x, f32x4.splat(127));
  const n = f32x4.nearest(clamped);
  const f = f32x4.sub(clamped, n);
  let p = f32x4.splat(1.535336188319500e-4);
  p = madd(p, f, f32x4.splat(1.339887440266574e-3));
  p = madd(p, f, f32x4.splat(9.618437357674640e-3));
  p = madd(p, f, f32x4.splat(5.550332471162809e-2));
  p = madd(p, f, f32x4.splat(2.402264791363012e-1));
  p = madd(p, f, f32x4.splat(6.931472028550421e-1));
  p = madd(p, f, f32x4.splat(1));
  return v128.andnot(i32x4.add(p, i32x4.shl(i32x4.trunc_sat_f32x4_s(n), 23)), tiny);
}

/** ln(1 + e^x) = max(x, 0) + 2 atanh(e / (2 + e)), e = e^-|x|: exact for small results. */
// @ts-ignore: decorator
@inline
function softplus(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const s = f32x4.div(e, f32x4.add(e, f32x4.splat(2)));
  const square = f32x4.mul(s, s); // at most 1 / 9
  let p = f32x4.splat(2.0 / 15.0);
  p = madd(p, square, f32x4.splat(2.0 / 13.0));
  p = madd(p, square, f32x4.splat(2.0 / 11.0));
  p = madd(p, square, f32x4.splat(2.0 / 9.0));
  p = madd(p, square, f32x4.splat(2.0 / 7.0));
  p = madd(p, square, f32x4.splat(2.0 / 5.0));
  p = madd(p, square, f32x4.splat(2.0 / 3.0));
  p = madd(p, square, f32x4.splat(2));
  return madd(s, p, f32x4.max(x, f32x4.splat(0)));
}

/** Copies `rows` rows of `width` floats, `stride` apart, into rows of BLOCK; fills up to a multiple of 4 with zeros. */
function stage(from: usize, stride: i32, to: usize, rows: i32, width: i32): void {
  const whole = width & ~3;
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < whole; i += 4) v128.store(to + (i << 2), v128.load(from + (i << 2)));
    if (whole < width) {
      v128.store(to + (whole << 2), f32x4.splat(0));
      for (let i = whole; i < width; i++) store<f32>(to + (i << 2), load<f32>(from + (i << 2)));
    }
    from += stride << 2;
    to += ROW;
  }
}

/** Copies rows of BLOCK back. */
function unstage(from: usize, to: usize, stride: i32, rows: i32, width: i32): void {
  const whole = width & ~3;
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < whole; i += 4) v128.store(to + (i << 2), v128.load(from + (i << 2)));
    for (let i = whole; i < width; i++) store<f32>(to + (i << 2), load<f32>(from + (i << 2)));
    to += stride << 2;
    from += ROW;
  }
}

/** One value in every column of a row of BLOCK. */
// @ts-ignore: decorator
@inline
function fillRow(to: usize, value: f32): void {
  for (let i: usize = 0; i < ROW; i += 16) v128.store(to + i, f32x4.splat(value));
}

/** Delta and w = Delta u of a chunk, rows of BLOCK; for SSD also the decays a_t, one vector each. */
function prepareSteps(
  delta: usize, bias: usize, u: usize, w: usize, decays: usize, // buffers of the unit
  source: usize, stride: i32, // of the chunk's first row
  rows: i32, width: i32, scalar: i32, softplusOn: i32, a: f32,
): void {
  if (scalar) {
    for (let t = 0; t < rows; t++) {
      const step = load<f32>(source + (t * stride << 2));
      fillRow(delta + t * ROW, step);
      v128.store(decays + (t << 4), exp2(f32x4.splat(step * a * LOG2_E)));
    }
  } else {
    stage(source, stride, delta, rows, width);
  }
  const bytes = <usize>((width + 3) & ~3) << 2;
  for (let t = 0; t < rows; t++) {
    const row = t * ROW;
    for (let i: usize = 0; i < bytes; i += 16) {
      let step = v128.load(delta + row + i);
      if (!scalar) {
        step = f32x4.add(step, v128.load(bias + i));
        if (softplusOn) step = softplus(step);
        v128.store(delta + row + i, step);
      }
      v128.store(w + row + i, f32x4.mul(step, v128.load(u + row + i)));
    }
  }
}

/** a_t = exp(Delta_t A) of a chunk for one channel and four states. `rates` is A log2(e). */
// @ts-ignore: decorator
@inline
function fillDecays(decays: usize, delta: usize, rates: v128, rows: i32): void {
  for (let t = 0; t < rows; t++) {
    v128.store(decays + (t << 4), exp2(f32x4.mul(v128.load32_splat(delta + t * ROW), rates)));
  }
}

/** A row of per-channel values (skip, bias) of a unit: from [P] per channel, or one of a head, or zeros. */
function stageVector(from: usize, first: i32, head: i32, scalar: i32, to: usize, width: i32): void {
  fillRow(to, 0);
  if (!from) return;
  if (scalar) fillRow(to, load<f32>(from + (head << 2)));
  else stage(from + (first << 2), 0, to, 1, width);
}

/** Bytes of scratch of one unit of `scanForward`. */
export function forwardScratch(chunk: i32): i32 {
  return 4 * chunk * <i32>ROW + 32 * chunk + 2 * <i32>ROW;
}

/**
 * Units [start, end) of y [B, L, H P] and states [B, chunks, H P, nPadded]. Optional pointers are 0: skip [P] or [H],
 * gate and bias (selective scan), initial [B, H P, nPadded].
 */
export function scanForward(
  u: usize, delta: usize, a: usize, b: usize, c: usize, skip: usize, gate: usize, bias: usize, initial: usize,
  y: usize, states: usize, scratch: usize,
  length: i32, heads: i32, headDim: i32, groups: i32, nPadded: i32, chunk: i32, scalar: i32, softplusOn: i32,
  start: i32, end: i32,
): void {
  const width = heads * headDim;
  const blocks = (headDim + BLOCK - 1) / BLOCK;
  const perSequence = heads * blocks;
  const chunks = (length + chunk - 1) / chunk;
  const bcRow = <usize>(groups * nPadded) << 2;
  const stateRow = <usize>nPadded << 2;
  for (let unit = start; unit < end; unit++) {
    const sequence = unit / perSequence;
    const head = (unit % perSequence) / blocks;
    const within = (unit % blocks) * BLOCK;
    const first = head * headDim + within;
    const count = min(BLOCK, headDim - within);
    const group = head / (heads / groups);

    const uBuf = scratch + <usize>unit * <usize>forwardScratch(chunk);
    const deltaBuf = uBuf + chunk * ROW;
    const wBuf = deltaBuf + chunk * ROW;
    const yBuf = wBuf + chunk * ROW;
    const decays = yBuf + chunk * ROW;
    const sums = decays + (chunk << 4);
    const skipBuf = sums + (chunk << 4);
    const biasBuf = skipBuf + ROW;
    stageVector(skip, first, head, scalar, skipBuf, count);
    stageVector(bias, first, head, 0, biasBuf, count);

    for (let k = 0; k < chunks; k++) {
      const from = k * chunk;
      const rows = min(chunk, length - from);
      const token = sequence * length + from;
      const at = (<usize>token * width + first) << 2;
      stage(u + at, width, uBuf, rows, count);
      const steps = scalar ? delta + (<usize>(token * heads + head) << 2) : delta + at;
      const rate = scalar ? load<f32>(a + (head << 2)) : 0;
      prepareSteps(deltaBuf, biasBuf, uBuf, wBuf, decays, steps, scalar ? heads : width, rows, count, scalar, softplusOn, rate);
      const bAt = b + <usize>token * bcRow + (<usize>(group * nPadded) << 2);
      const cAt = c + <usize>token * bcRow + (<usize>(group * nPadded) << 2);
      const after = states + (<usize>(sequence * chunks + k) * width + first) * stateRow;
      const before = k > 0 ? after - <usize>width * stateRow : initial ? initial + (<usize>sequence * width + first) * stateRow : 0;

      for (let i = 0; i < count; i++) {
        for (let t = 0; t < rows; t++) v128.store(sums + (t << 4), f32x4.splat(0));
        const column = <usize>i << 2;
        for (let j: usize = 0; j < stateRow; j += 16) {
          if (!scalar) {
            const rates = f32x4.mul(v128.load(a + <usize>(first + i) * stateRow + j), f32x4.splat(LOG2_E));
            fillDecays(decays, deltaBuf + column, rates, rows);
          }
          let h = before ? v128.load(before + i * stateRow + j) : f32x4.splat(0);
          for (let t = 0; t < rows; t++) {
            const addition = f32x4.mul(v128.load32_splat(wBuf + t * ROW + column), v128.load(bAt + t * bcRow + j));
            h = madd(v128.load(decays + (t << 4)), h, addition);
            v128.store(sums + (t << 4), madd(v128.load(cAt + t * bcRow + j), h, v128.load(sums + (t << 4))));
          }
          v128.store(after + i * stateRow + j, h);
        }
        for (let t = 0; t < rows; t++) store<f32>(yBuf + t * ROW + column, sumLanes(v128.load(sums + (t << 4))));
      }

      // The skip connection and the gate, on lanes of channels. Columns beyond `count` hold anything; nobody reads them.
      if (gate) stage(gate + at, width, deltaBuf, rows, count);
      const bytes = <usize>((count + 3) & ~3) << 2;
      for (let t = 0; t < rows; t++) {
        for (let i: usize = 0; i < bytes; i += 16) {
          const cell = t * ROW + i;
          let value = madd(v128.load(skipBuf + i), v128.load(uBuf + cell), v128.load(yBuf + cell));
          if (gate) {
            const z = v128.load(deltaBuf + cell);
            value = f32x4.mul(value, f32x4.mul(z, sigmoid(z)));
          }
          v128.store(yBuf + cell, value);
        }
      }
      unstage(yBuf, y + at, width, rows, count);
    }
  }
}

/** Bytes of scratch of one unit of `scanBackward`. */
export function backwardScratch(chunk: i32, nPadded: i32): i32 {
  return 8 * chunk * <i32>ROW + 80 * chunk + 16 + 2 * <i32>ROW + BLOCK * nPadded * 4;
}

/**
 * Units [start, end) of the gradients. Beside those of `scanForward`: states, dy, dStates in; du, dGate out; dDelta out
 * [B, L, D] (selective scan) or partial [B, L, H blocks] (SSD); dInitial out or 0; partial sums, per unit
 * dB, dC [units, L, nPadded]; dA [B, D, nPadded] (selective scan) or [units] (SSD); dSkip, dBias [B, H P].
 */
export function scanBackward(
  u: usize, delta: usize, a: usize, b: usize, c: usize, skip: usize, gate: usize, bias: usize, initial: usize,
  states: usize, dy: usize, dStates: usize,
  du: usize, dDelta: usize, dGate: usize, dInitial: usize,
  dB: usize, dC: usize, dA: usize, dSkip: usize, dBias: usize, scratch: usize,
  length: i32, heads: i32, headDim: i32, groups: i32, nPadded: i32, chunk: i32, scalar: i32, softplusOn: i32,
  start: i32, end: i32,
): void {
  const width = heads * headDim;
  const blocks = (headDim + BLOCK - 1) / BLOCK;
  const perSequence = heads * blocks;
  const chunks = (length + chunk - 1) / chunk;
  const bcRow = <usize>(groups * nPadded) << 2;
  const stateRow = <usize>nPadded << 2;
  const zero = f32x4.splat(0);
  for (let unit = start; unit < end; unit++) {
    const sequence = unit / perSequence;
    const head = (unit % perSequence) / blocks;
    const within = (unit % blocks) * BLOCK;
    const first = head * headDim + within;
    const count = min(BLOCK, headDim - within);
    const group = head / (heads / groups);
    const bytes = <usize>((count + 3) & ~3) << 2;

    const uBuf = scratch + <usize>unit * <usize>backwardScratch(chunk, nPadded);
    const deltaBuf = uBuf + chunk * ROW;
    const wBuf = deltaBuf + chunk * ROW;
    const gBuf = wBuf + chunk * ROW;
    const pBuf = gBuf + chunk * ROW;
    const rBuf = pBuf + chunk * ROW;
    const yBuf = rBuf + chunk * ROW;
    const rawBuf = yBuf + chunk * ROW; // delta and gate as they came
    const decays = rawBuf + chunk * ROW;
    const history = decays + (chunk << 4); // h before every token and after the last
    const pSums = history + (chunk << 4) + 16;
    const rSums = pSums + (chunk << 4);
    const ySums = rSums + (chunk << 4);
    const skipBuf = ySums + (chunk << 4);
    const biasBuf = skipBuf + ROW;
    const lambdas = biasBuf + ROW; // [BLOCK, nPadded]
    stageVector(skip, first, head, scalar, skipBuf, count);
    stageVector(bias, first, head, 0, biasBuf, count);
    memory.fill(lambdas, 0, BLOCK * stateRow);
    const dBUnit = dB + <usize>(unit * length) * stateRow;
    const dCUnit = dC + <usize>(unit * length) * stateRow;
    memory.fill(dBUnit, 0, length * stateRow);
    memory.fill(dCUnit, 0, length * stateRow);
    const dAUnit = scalar ? dA + (unit << 2) : dA + (<usize>sequence * width + first) * stateRow;
    memory.fill(dAUnit, 0, scalar ? 4 : count * stateRow);
    const vectorAt = (<usize>sequence * width + first) << 2;
    memory.fill(dSkip + vectorAt, 0, count << 2);
    memory.fill(dBias + vectorAt, 0, count << 2);

    for (let k = chunks - 1; k >= 0; k--) {
      const from = k * chunk;
      const rows = min(chunk, length - from);
      const token = sequence * length + from;
      const at = (<usize>token * width + first) << 2;
      stage(u + at, width, uBuf, rows, count);
      const steps = scalar ? delta + (<usize>(token * heads + head) << 2) : delta + at;
      const rate = scalar ? load<f32>(a + (head << 2)) : 0;
      prepareSteps(deltaBuf, biasBuf, uBuf, wBuf, decays, steps, scalar ? heads : width, rows, count, scalar, softplusOn, rate);
      stage(dy + at, width, gBuf, rows, count);
      if (gate) {
        stage(gate + at, width, rawBuf, rows, count);
        for (let t = 0; t < rows; t++) {
          for (let i: usize = 0; i < bytes; i += 16) {
            const cell = t * ROW + i;
            const z = v128.load(rawBuf + cell);
            v128.store(gBuf + cell, f32x4.mul(v128.load(gBuf + cell), f32x4.mul(z, sigmoid(z))));
          }
        }
      }
      const groupAt = <usize>(group * nPadded) << 2;
      const bAt = b + <usize>token * bcRow + groupAt;
      const cAt = c + <usize>token * bcRow + groupAt;
      const dBAt = dBUnit + from * stateRow;
      const dCAt = dCUnit + from * stateRow;
      const stateAt = (<usize>(sequence * chunks + k) * width + first) * stateRow;
      const before = k > 0 ? states + stateAt - <usize>width * stateRow : initial ? initial + (<usize>sequence * width + first) * stateRow : 0;

      for (let i = 0; i < count; i++) {
        const column = <usize>i << 2;
        memory.fill(pSums, 0, rows << 4);
        memory.fill(rSums, 0, rows << 4);
        if (gate) memory.fill(ySums, 0, rows << 4);
        for (let j: usize = 0; j < stateRow; j += 16) {
          let rates = f32x4.splat(1);
          if (!scalar) {
            rates = v128.load(a + <usize>(first + i) * stateRow + j);
            fillDecays(decays, deltaBuf + column, f32x4.mul(rates, f32x4.splat(LOG2_E)), rows);
          }
          let h = before ? v128.load(before + i * stateRow + j) : zero;
          v128.store(history, h);
          for (let t = 0; t < rows; t++) {
            const addition = f32x4.mul(v128.load32_splat(wBuf + t * ROW + column), v128.load(bAt + t * bcRow + j));
            h = madd(v128.load(decays + (t << 4)), h, addition);
            v128.store(history + (t << 4), h, 16);
          }
          if (gate) {
            for (let t = 0; t < rows; t++) {
              const sum = v128.load(ySums + (t << 4));
              v128.store(ySums + (t << 4), madd(v128.load(cAt + t * bcRow + j), v128.load(history + (t << 4), 16), sum));
            }
          }

          const lambdaAt = lambdas + i * stateRow + j;
          let lambda = f32x4.add(v128.load(lambdaAt), v128.load(dStates + stateAt + i * stateRow + j));
          let dRate = zero;
          for (let t = rows - 1; t >= 0; t--) {
            const g = v128.load32_splat(gBuf + t * ROW + column);
            const w = v128.load32_splat(wBuf + t * ROW + column);
            const decay = v128.load(decays + (t << 4));
            lambda = madd(v128.load(cAt + t * bcRow + j), g, lambda);
            v128.store(pSums + (t << 4), madd(lambda, v128.load(bAt + t * bcRow + j), v128.load(pSums + (t << 4))));
            v128.store(dBAt + t * stateRow + j, madd(lambda, w, v128.load(dBAt + t * stateRow + j)));
            v128.store(dCAt + t * stateRow + j, madd(g, v128.load(history + (t << 4), 16), v128.load(dCAt + t * stateRow + j)));
            lambda = f32x4.mul(lambda, decay);
            const flow = f32x4.mul(lambda, v128.load(history + (t << 4)));
            v128.store(rSums + (t << 4), madd(flow, rates, v128.load(rSums + (t << 4))));
            dRate = madd(flow, v128.load32_splat(deltaBuf + t * ROW + column), dRate);
          }
          v128.store(lambdaAt, lambda);
          if (!scalar) v128.store(dAUnit + i * stateRow + j, f32x4.add(v128.load(dAUnit + i * stateRow + j), dRate));
        }
        for (let t = 0; t < rows; t++) {
          store<f32>(pBuf + t * ROW + column, sumLanes(v128.load(pSums + (t << 4))));
          store<f32>(rBuf + t * ROW + column, sumLanes(v128.load(rSums + (t << 4))));
          if (gate) store<f32>(yBuf + t * ROW + column, sumLanes(v128.load(ySums + (t << 4))));
        }
      }

      // On lanes of channels: the gate, the skip connection, the step sizes. g and yBuf are overwritten by results.
      if (gate) {
        stage(dy + at, width, wBuf, rows, count);
        for (let t = 0; t < rows; t++) {
          for (let i: usize = 0; i < bytes; i += 16) {
            const cell = t * ROW + i;
            const z = v128.load(rawBuf + cell);
            const s = sigmoid(z);
            // d silu = s (1 + z (1 - s))
            const slope = f32x4.mul(s, madd(z, f32x4.sub(f32x4.splat(1), s), f32x4.splat(1)));
            const value = madd(v128.load(skipBuf + i), v128.load(uBuf + cell), v128.load(yBuf + cell));
            v128.store(yBuf + cell, f32x4.mul(f32x4.mul(v128.load(wBuf + cell), slope), value));
          }
        }
        unstage(yBuf, dGate + at, width, rows, count);
      }
      for (let t = 0; t < rows; t++) {
        for (let i = 0; i < count; i++) {
          const cell = t * ROW + (<usize>i << 2);
          const sum = dSkip + vectorAt + (<usize>i << 2);
          store<f32>(sum, load<f32>(sum) + load<f32>(gBuf + cell) * load<f32>(uBuf + cell));
        }
      }
      if (!scalar && softplusOn) stage(delta + at, width, rawBuf, rows, count);
      for (let t = 0; t < rows; t++) {
        for (let i: usize = 0; i < bytes; i += 16) {
          const cell = t * ROW + i;
          const p = v128.load(pBuf + cell);
          const step = v128.load(deltaBuf + cell);
          v128.store(gBuf + cell, madd(v128.load(skipBuf + i), v128.load(gBuf + cell), f32x4.mul(step, p)));
          if (!scalar) {
            let dStep = madd(v128.load(uBuf + cell), p, v128.load(rBuf + cell));
            if (softplusOn) dStep = f32x4.mul(dStep, sigmoid(f32x4.add(v128.load(rawBuf + cell), v128.load(biasBuf + i))));
            v128.store(pBuf + cell, dStep);
          }
        }
      }
      unstage(gBuf, du + at, width, rows, count);
      if (scalar) {
        let dRate = load<f32>(dAUnit);
        for (let t = rows - 1; t >= 0; t--) {
          let inputs: f32 = 0;
          let flows: f32 = 0;
          for (let i = 0; i < count; i++) {
            const cell = t * ROW + (<usize>i << 2);
            inputs += load<f32>(uBuf + cell) * load<f32>(pBuf + cell);
            flows += load<f32>(rBuf + cell);
          }
          dRate += load<f32>(deltaBuf + t * ROW) * flows;
          store<f32>(dDelta + (<usize>((token + t) * perSequence + unit % perSequence) << 2), inputs + rate * flows);
        }
        store<f32>(dAUnit, dRate);
      } else {
        unstage(pBuf, dDelta + at, width, rows, count);
        for (let t = 0; t < rows; t++) {
          for (let i = 0; i < count; i++) {
            const sum = dBias + vectorAt + (<usize>i << 2);
            store<f32>(sum, load<f32>(sum) + load<f32>(pBuf + t * ROW + (<usize>i << 2)));
          }
        }
      }
    }
    if (dInitial) {
      for (let i = 0; i < count; i++) {
        memory.copy(dInitial + (<usize>sequence * width + first + i) * stateRow, lambdas + i * stateRow, stateRow);
      }
    }
  }
}

/** Rows [start, end) of to[rows, toWidth] from[rows, fromWidth]: cut off, or filled with zeros. */
export function resizeRows(from: usize, fromWidth: i32, to: usize, toWidth: i32, start: i32, end: i32): void {
  const shared = min(fromWidth, toWidth);
  for (let row = start; row < end; row++) {
    for (let i = 0; i < toWidth; i++) {
      const value: f32 = i < shared ? load<f32>(from + (<usize>row * fromWidth + i << 2)) : 0;
      store<f32>(to + (<usize>row * toWidth + i << 2), value);
    }
  }
}

/** Columns [start, end) of to[columns] = the sum over rows of from[rows, columns]. */
export function sumRows(from: usize, to: usize, rows: i32, columns: i32, start: i32, end: i32): void {
  for (let column = start; column < end; column++) store<f32>(to + (column << 2), 0);
  for (let row = 0; row < rows; row++) {
    for (let column = start; column < end; column++) {
      const sum = to + (column << 2);
      store<f32>(sum, load<f32>(sum) + load<f32>(from + ((<usize>row * columns + column) << 2)));
    }
  }
}

/** Elements [start, end) of to = the sums of runs of `run` elements. */
export function sumRuns(from: usize, to: usize, run: i32, start: i32, end: i32): void {
  for (let i = start; i < end; i++) {
    let sum: f32 = 0;
    for (let k = 0; k < run; k++) sum += load<f32>(from + ((<usize>i * run + k) << 2));
    store<f32>(to + (i << 2), sum);
  }
}

/**
 * Tokens [start, end) of all sequences: to[B, L, G, n] = the sum of partials[B, G, perGroup, L, nPadded] over the
 * `perGroup` units of a group, without the padding.
 */
export function sumUnits(
  partials: usize, to: usize, length: i32, groups: i32, perGroup: i32, n: i32, nPadded: i32, start: i32, end: i32,
): void {
  for (let token = start; token < end; token++) {
    const sequence = token / length;
    const t = token % length;
    for (let group = 0; group < groups; group++) {
      const target = to + (<usize>((token * groups + group) * n) << 2);
      const unit = (sequence * groups + group) * perGroup;
      for (let i = 0; i < n; i++) {
        let sum: f32 = 0;
        for (let k = 0; k < perGroup; k++) {
          sum += load<f32>(partials + ((<usize>((unit + k) * length + t) * nPadded + i) << 2));
        }
        store<f32>(target + (i << 2), sum);
      }
    }
  }
}
