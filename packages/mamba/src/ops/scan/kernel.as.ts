/**
 * The scans of Mamba and Mamba-2, forward and backward, on four lanes of N.
 *
 *   h_t = a_t h_(t-1) + w_t B_t        y_t = (C_t h_t + D u_t) silu(z_t)        w_t = Delta_t u_t
 *
 * Both are one algorithm over H heads of P channels with B and C shared in G groups of heads:
 *   selective scan: H = G = 1, P = D; Delta [B, L, D] (bias, softplus), a_t = exp(Delta_t A[d, n]);
 *   SSD (`scalar` = 1): Delta [B, L, H], a_t = exp(Delta_t A[h]); no bias, softplus or gate.
 *
 * Work is cut into a sequence and a block of up to 32 channels of one head. A block is walked chunk by chunk; for a channel and four
 * states it first fills the decays a_t of the chunk, then scans with h in a register. States after every chunk are
 * kept; the backward pass starts each chunk from them, recomputes h and a, and walks back:
 *
 *   lambda_t = C_t g_t + a_(t+1) lambda_(t+1)          q_t = a_t h_(t-1)
 *   p = sum_n lambda B     r = sum_n lambda q A (S6), sum_n lambda q (SSD)
 *   dU = D g + Delta p     dDelta = u p + r            dB += lambda w       dC += g h       dA += lambda q Delta
 *
 * N is a multiple of 4 here (`nPadded`): the host pads with zeros, whose states and gradients stay 0. Sums over
 * channels and sequences go to partial sums per unit, added in a fixed order: results do not depend on the division.
 */
import { sigmoid } from '@mixerzoo/core/assembly/math';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';
import { BLOCK, exp2, fillDecays, LOG2_E, prepareSteps, ROW, stage, stageVector, unstage } from './buffers.as';

export { resizeRows, sumRows, sumRuns, sumUnits } from './sums.as';

/** Bytes of scratch per unit of `scanForward`. */
export function forwardScratch(chunk: i32): i32 {
  return 4 * chunk * <i32>ROW + 32 * chunk + 2 * <i32>ROW;
}

/**
 * Units [start, end), each an equal share of the B H blocks items, of y [B, L, H P] and states
 * [B, chunks, H P, nPadded]. Optional pointers are 0: skip [P] or [H],
 * gate and bias (selective scan), initial [B, H P, nPadded].
 */
export function scanForward(
  u: usize, delta: usize, a: usize, b: usize, c: usize, skip: usize, gate: usize, bias: usize, initial: usize,
  y: usize, states: usize, scratch: usize,
  length: i32, heads: i32, headDim: i32, groups: i32, nPadded: i32, chunk: i32, scalar: i32, softplusOn: i32,
  items: i32, units: i32, start: i32, end: i32,
): void {
  const width = heads * headDim;
  const blocks = (headDim + BLOCK - 1) / BLOCK;
  const perSequence = heads * blocks;
  const chunks = (length + chunk - 1) / chunk;
  const bcRow = <usize>(groups * nPadded) << 2;
  const stateRow = <usize>nPadded << 2;
  for (let item = (start * items) / units; item < (end * items) / units; item++) {
    const sequence = item / perSequence;
    const head = (item % perSequence) / blocks;
    const within = (item % blocks) * BLOCK;
    const first = head * headDim + within;
    const count = min(BLOCK, headDim - within);
    const group = head / (heads / groups);

    const uBuf = scratch + <usize>start * <usize>forwardScratch(chunk);
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

/** Bytes of scratch per unit of `scanBackward`. */
export function backwardScratch(chunk: i32, nPadded: i32): i32 {
  return 8 * chunk * <i32>ROW + 80 * chunk + 16 + 2 * <i32>ROW + BLOCK * nPadded * 4;
}

/**
 * Units [start, end), each an equal share of the items, of the gradients. An item is one of `parts` parts of the blocks
 * of a sequence and group: it has partial sums of dB and dC. Beside what `scanForward` has: states, dY in, dStates in or 0; dU, dGate out;
 * dDelta out [B, L, D] (selective scan) or partial [B, L, H blocks] (SSD); dInitial out or 0; partial sums
 * dB, dC [items, L, nPadded]; dA [B, D, nPadded] (selective scan) or [B, H blocks] (SSD); dSkip, dBias [B, H P].
 */
export function scanBackward(
  u: usize, delta: usize, a: usize, b: usize, c: usize, skip: usize, gate: usize, bias: usize, initial: usize,
  states: usize, dY: usize, dStates: usize,
  dU: usize, dDelta: usize, dGate: usize, dInitial: usize,
  dB: usize, dC: usize, dA: usize, dSkip: usize, dBias: usize, scratch: usize,
  length: i32, heads: i32, headDim: i32, groups: i32, nPadded: i32, chunk: i32, scalar: i32, softplusOn: i32, parts: i32,
  items: i32, units: i32, start: i32, end: i32,
): void {
  const width = heads * headDim;
  const blocks = (headDim + BLOCK - 1) / BLOCK;
  const perSequence = heads * blocks;
  const chunks = (length + chunk - 1) / chunk;
  const bcRow = <usize>(groups * nPadded) << 2;
  const stateRow = <usize>nPadded << 2;
  const zero = f32x4.splat(0);
  const perGroup = perSequence / groups;
  for (let item = (start * items) / units; item < (end * items) / units; item++) {
    const sequence = item / (groups * parts);
    const group = (item / parts) % groups;
    const part = item % parts;
    const dBItem = dB + <usize>(item * length) * stateRow;
    const dCItem = dC + <usize>(item * length) * stateRow;
    memory.fill(dBItem, 0, length * stateRow);
    memory.fill(dCItem, 0, length * stateRow);

    for (let block = (part * perGroup) / parts; block < ((part + 1) * perGroup) / parts; block++) {
      const index = group * perGroup + block; // of this block among those of the sequence
      const head = index / blocks;
      const within = (index % blocks) * BLOCK;
      const first = head * headDim + within;
      const count = min(BLOCK, headDim - within);
      const bytes = <usize>((count + 3) & ~3) << 2;

      const uBuf = scratch + <usize>start * <usize>backwardScratch(chunk, nPadded);
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
      const dABlock = scalar ? dA + (<usize>(sequence * perSequence + index) << 2) : dA + (<usize>sequence * width + first) * stateRow;
      memory.fill(dABlock, 0, scalar ? 4 : count * stateRow);
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
        stage(dY + at, width, gBuf, rows, count);
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
        const dBAt = dBItem + from * stateRow;
        const dCAt = dCItem + from * stateRow;
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
            let lambda = v128.load(lambdaAt);
            if (dStates != 0) lambda = f32x4.add(lambda, v128.load(dStates + stateAt + i * stateRow + j));
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
            if (!scalar) v128.store(dABlock + i * stateRow + j, f32x4.add(v128.load(dABlock + i * stateRow + j), dRate));
          }
          for (let t = 0; t < rows; t++) {
            store<f32>(pBuf + t * ROW + column, sumLanes(v128.load(pSums + (t << 4))));
            store<f32>(rBuf + t * ROW + column, sumLanes(v128.load(rSums + (t << 4))));
            if (gate) store<f32>(yBuf + t * ROW + column, sumLanes(v128.load(ySums + (t << 4))));
          }
        }

        // On lanes of channels: the gate, the skip connection, the step sizes. g and yBuf are overwritten by results.
        if (gate) {
          stage(dY + at, width, wBuf, rows, count);
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
        unstage(gBuf, dU + at, width, rows, count);
        if (scalar) {
          let dRate = load<f32>(dABlock);
          for (let t = rows - 1; t >= 0; t--) {
            let inputs: f32 = 0;
            let flows: f32 = 0;
            for (let i = 0; i < count; i++) {
              const cell = t * ROW + (<usize>i << 2);
              inputs += load<f32>(uBuf + cell) * load<f32>(pBuf + cell);
              flows += load<f32>(rBuf + cell);
            }
            dRate += load<f32>(deltaBuf + t * ROW) * flows;
            store<f32>(dDelta + (<usize>((token + t) * perSequence + index) << 2), inputs + rate * flows);
          }
          store<f32>(dABlock, dRate);
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
}
