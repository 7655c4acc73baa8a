/**
 * The scan of mLSTM, by chunks of TILE tokens: products of a chunk's rows within it, and of its rows and the states around it. A unit is one
 * head of one sequence; work is cut into blocks, every `blocks`-th of the units, with scratch of their own. Formulas as in index.ts.
 *
 * Layout: q, k [B, L, H K], v, h [B, L, H V], i, logF [B, L, H]; cells [n + 1, B, H, K, V], norms [n + 1, B, H, K], maxima [n + 1, B, H]: the
 * states before every chunk and after the last. An address of 0 is a tensor that is absent.
 */
import {
  multiplyPacked, packColumns, packedColumnsBytes, packedRowsBytes, packRows,
} from '@mixerzoo/core/assembly/gemm';
import { sumLanes } from '@mixerzoo/core/assembly/simd';
import { addScaled, aligned, dot, scaled } from '@mixerzoo/core/assembly/vector';
import {
  addTo, EMPTY, floorsOf, GATES_BYTES, keptShare, maximumGradient, prepareGates, readingOf, TILE, writingOf,
} from './gates.as';

const ROW: usize = <usize>TILE << 2;
const SQUARE: usize = <usize>TILE * ROW;

/** Bytes of row panels and of column panels, large enough for any product here. */
// @ts-ignore: decorator
@inline
function rowsBytes(headK: i32, headV: i32): usize {
  const most = max(max(headK, headV), TILE);
  return packedRowsBytes(most, TILE) + packedRowsBytes(TILE, most);
}

// @ts-ignore: decorator
@inline
function columnsBytes(headK: i32, headV: i32): usize {
  const most = max(max(headK, headV), TILE);
  return packedColumnsBytes(TILE, most) + packedColumnsBytes(most, TILE) + packedColumnsBytes(headK, headV) + packedColumnsBytes(headV, headK);
}

/** Bytes of scratch a block of `forward` needs. */
export function forwardScratch(headK: i32, headV: i32): i32 {
  return <i32>(GATES_BYTES + SQUARE + ROW + aligned(TILE * headK) + rowsBytes(headK, headV) + columnsBytes(headK, headV));
}

/** Bytes of scratch a block of `backward` needs. */
export function backwardScratch(headK: i32, headV: i32): i32 {
  return <i32>(
    GATES_BYTES + 2 * SQUARE + 2 * ROW + aligned(TILE * headV) + aligned(TILE * headK) + aligned(headK * headV) + aligned(headK) +
    rowsBytes(headK, headV) + columnsBytes(headK, headV)
  );
}

/** h and the states of the blocks [start, end) of the units, B H. */
export function forward(
  q: usize, k: usize, v: usize, input: usize, forget: usize, initialC: usize, initialN: usize, initialM: usize,
  h: usize, lastC: usize, lastN: usize, lastM: usize, cells: usize, norms: usize, maxima: usize,
  length: i32, heads: i32, headK: i32, headV: i32, scale: f32, scratch: usize, units: i32, blocks: i32, start: i32, end: i32,
): void {
  const keyStep = heads * headK;
  const valueStep = heads * headV;
  const cellBytes = <usize>(headK * headV) << 2;
  const normBytes = <usize>headK << 2;
  const nextCell = <usize>units * cellBytes; // from chunk to chunk
  const nextNorm = <usize>units * normBytes;
  const nextMaximum = <usize>units << 2;
  for (let unit = 0; unit < units; unit++) {
    const block = unit % blocks;
    if (block < start || block >= end) continue;
    const gates = scratch + <usize>block * forwardScratch(headK, headV);
    const scores = gates + GATES_BYTES;
    const sums = scores + SQUARE;
    const weighted = sums + ROW;
    const rows = weighted + aligned(TILE * headK);
    const columns = rows + rowsBytes(headK, headV);
    const token = unit / heads * length;
    const head = unit % heads;
    let cell = cells + <usize>unit * cellBytes;
    let norm = norms + <usize>unit * normBytes;
    let maximum = maxima + (<usize>unit << 2);
    if (initialC) {
      memory.copy(cell, initialC + <usize>unit * cellBytes, cellBytes);
      memory.copy(norm, initialN + <usize>unit * normBytes, normBytes);
      store<f32>(maximum, load<f32>(initialM + (<usize>unit << 2)));
    } else {
      memory.fill(cell, 0, cellBytes);
      memory.fill(norm, 0, normBytes);
      store<f32>(maximum, EMPTY);
    }
    for (let t = 0; t < length; t += TILE, cell += nextCell, norm += nextNorm, maximum += nextMaximum) {
      const n = min(length - t, TILE);
      const hasPast = t > 0 || initialC != 0;
      const keyAt = <usize>((token + t) * keyStep + head * headK) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headV) << 2;
      const gateAt = <usize>((token + t) * heads + head) << 2;
      store<f32>(maximum + nextMaximum, prepareGates(gates, input + gateAt, forget + gateAt, heads, n, load<f32>(maximum)));

      multiplyKeys(q + keyAt, k + keyAt, scores, keyStep, n, headK, rows, columns);
      weigh(scores, gates, sums, n, scale);
      packColumns(columns, v + valueAt, valueStep, 1, n, headV);
      packRows(rows, scores, TILE, 1, n, n);
      multiplyPacked(rows, columns, h + valueAt, valueStep, n, n, headV, false);
      const kept = keptShare(gates);
      if (hasPast) {
        scaleRows(weighted, q + keyAt, readingOf(gates), scale, keyStep, n, headK);
        for (let r = 0; r < n; r++) addTo(sums + (<usize>r << 2), dot(weighted + <usize>r * normBytes, norm, headK));
        const states = columns + packedColumnsBytes(TILE, headV);
        packColumns(states, cell, headV, 1, headK, headV);
        packRows(rows, weighted, headK, 1, n, headK);
        multiplyPacked(rows, states, h + valueAt, valueStep, n, headK, headV, true);
        scaled(cell + nextCell, cell, headK * headV, kept);
        scaled(norm + nextNorm, norm, headK, kept);
      } else {
        memory.fill(cell + nextCell, 0, cellBytes);
        memory.fill(norm + nextNorm, 0, normBytes);
      }
      for (let r = 0; r < n; r++) {
        const row = h + valueAt + (<usize>(r * valueStep) << 2);
        scaled(row, row, headV, <f32>1 / denominator(sums, gates, r));
      }

      scaleRows(weighted, k + keyAt, writingOf(gates), 1, keyStep, n, headK);
      for (let s = 0; s < n; s++) addScaled(norm + nextNorm, weighted + <usize>s * normBytes, headK, 1);
      packRows(rows, weighted, 1, headK, headK, n);
      multiplyPacked(rows, columns, cell + nextCell, headV, headK, n, headV, true);
    }
    if (lastC) {
      memory.copy(lastC + <usize>unit * cellBytes, cell, cellBytes);
      memory.copy(lastN + <usize>unit * normBytes, norm, normBytes);
      store<f32>(lastM + (<usize>unit << 2), load<f32>(maximum));
    }
  }
}

/** scores [n, TILE] = q k^T. */
function multiplyKeys(q: usize, k: usize, scores: usize, step: i32, n: i32, headK: i32, rows: usize, columns: usize): void {
  packRows(rows, q, step, 1, n, headK);
  packColumns(columns, k, 1, step, headK, n);
  multiplyPacked(rows, columns, scores, TILE, n, headK, n, false);
}

/** Turns q . k into P, zero above the diagonal; sums are those of its rows. */
function weigh(scores: usize, gates: usize, sums: usize, n: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let r = 0; r < n; r++) {
    const row = scores + <usize>r * ROW;
    const weights = gates + <usize>r * ROW;
    let sum = f32x4.splat(0);
    const whole = n & ~3;
    let s = 0;
    for (; s < whole; s += 4) {
      const at = <usize>s << 2;
      const product = f32x4.mul(factor, f32x4.mul(v128.load(row + at), v128.load(weights + at)));
      v128.store(row + at, product);
      sum = f32x4.add(sum, product);
    }
    let total = sumLanes(sum);
    for (; s < n; s++) {
      const at = <usize>s << 2;
      const product: f32 = scale * load<f32>(row + at) * load<f32>(weights + at);
      store<f32>(row + at, product);
      total += product;
    }
    store<f32>(sums + (<usize>r << 2), total);
  }
}

/** to[r] = factor factors[r] from[r], rows of `width` side by side. */
function scaleRows(to: usize, from: usize, factors: usize, factor: f32, step: i32, n: i32, width: i32): void {
  for (let r = 0; r < n; r++) {
    const at = <usize>r << 2;
    scaled(to + <usize>(r * width << 2), from + <usize>(r * step << 2), width, factor * load<f32>(factors + at));
  }
}

/** max(|n . q'|, e^-M) of a row. */
// @ts-ignore: decorator
@inline
function denominator(sums: usize, gates: usize, r: i32): f32 {
  return max(abs(load<f32>(sums + (<usize>r << 2))), load<f32>(floorsOf(gates) + (<usize>r << 2)));
}

/** Gradients of the blocks [start, end) of the units, B H. */
export function backward(
  q: usize, k: usize, v: usize, input: usize, forget: usize, h: usize, cells: usize, norms: usize, maxima: usize,
  dH: usize, dLastC: usize, dLastN: usize, dLastM: usize,
  dQ: usize, dK: usize, dV: usize, dInput: usize, dForget: usize, dInitialC: usize, dInitialN: usize, dInitialM: usize,
  length: i32, heads: i32, headK: i32, headV: i32, scale: f32, scratch: usize, units: i32, blocks: i32, start: i32, end: i32,
): void {
  const keyStep = heads * headK;
  const valueStep = heads * headV;
  const cellSize = headK * headV;
  const cellBytes = <usize>cellSize << 2;
  const normBytes = <usize>headK << 2;
  const chunks = (length + TILE - 1) / TILE;
  for (let unit = 0; unit < units; unit++) {
    const block = unit % blocks;
    if (block < start || block >= end) continue;
    const gates = scratch + <usize>block * backwardScratch(headK, headV);
    const scores = gates + GATES_BYTES; // P
    const slopes = scores + SQUARE; // dP, then A
    const sums = slopes + SQUARE; // n . q', then its gradient e
    const shares = sums + ROW; // x_s or y_s of the products with states
    const given = shares + ROW; // G
    const through = given + aligned(TILE * headV); // rows of K through a state
    const dC = through + aligned(TILE * headK);
    const dN = dC + aligned(cellSize);
    const rows = dN + aligned(headK);
    const columns = rows + rowsBytes(headK, headV);
    const token = unit / heads * length;
    const head = unit % heads;
    let dM: f32 = 0;
    if (dLastC) {
      memory.copy(dC, dLastC + <usize>unit * cellBytes, cellBytes);
      memory.copy(dN, dLastN + <usize>unit * normBytes, normBytes);
      const last = chunks * units + unit;
      dM = load<f32>(dLastM + (<usize>unit << 2)) - dot(dC, cells + <usize>last * cellBytes, cellSize) -
        dot(dN, norms + <usize>last * normBytes, headK);
    } else {
      memory.fill(dC, 0, cellBytes);
      memory.fill(dN, 0, normBytes);
    }

    for (let chunk = chunks - 1; chunk >= 0; chunk--) {
      const t = chunk * TILE;
      const n = min(length - t, TILE);
      const cell = cells + <usize>(chunk * units + unit) * cellBytes;
      const norm = norms + <usize>(chunk * units + unit) * normBytes;
      const hasPast = chunk > 0 || dInitialC != 0;
      const keyAt = <usize>((token + t) * keyStep + head * headK) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headV) << 2;
      const gateAt = <usize>((token + t) * heads + head) << 2;
      const m = prepareGates(gates, input + gateAt, forget + gateAt, heads, n, load<f32>(maxima + (<usize>(chunk * units + unit) << 2)));
      const kept = keptShare(gates);

      multiplyKeys(q + keyAt, k + keyAt, scores, keyStep, n, headK, rows, columns);
      weigh(scores, gates, sums, n, scale);
      for (let r = 0; r < n; r++) {
        const at = <usize>r << 2;
        const reading = scale * load<f32>(readingOf(gates) + at);
        if (hasPast) addTo(sums + at, reading * dot(q + keyAt + <usize>(r * keyStep << 2), norm, headK));
        const slope = dH + valueAt + <usize>(r * valueStep << 2);
        const inverse: f32 = 1 / denominator(sums, gates, r);
        scaled(given + <usize>(r * headV << 2), slope, headV, inverse);
        const total = load<f32>(sums + at);
        const isLarger = abs(total) >= load<f32>(floorsOf(gates) + at);
        const product = inverse * dot(slope, h + valueAt + <usize>(r * valueStep << 2), headV);
        store<f32>(sums + at, isLarger ? (total < 0 ? product : -product) : 0);
      }

      // Within the chunk.
      packRows(rows, given, headV, 1, n, headV);
      packColumns(columns, v + valueAt, 1, valueStep, headV, n);
      multiplyPacked(rows, columns, slopes, TILE, n, headV, n, false);
      weighBackward(scores, slopes, gates, sums, dInput + gateAt, dForget + gateAt, heads, n, scale);
      packColumns(columns, given, headV, 1, n, headV);
      packRows(rows, scores, 1, TILE, n, n);
      multiplyPacked(rows, columns, dV + valueAt, valueStep, n, n, headV, false);
      packRows(rows, slopes, TILE, 1, n, n);
      packColumns(columns, k + keyAt, keyStep, 1, n, headK);
      multiplyPacked(rows, columns, dQ + keyAt, keyStep, n, n, headK, false);
      packRows(rows, slopes, 1, TILE, n, n);
      packColumns(columns, q + keyAt, keyStep, 1, n, headK);
      multiplyPacked(rows, columns, dK + keyAt, keyStep, n, n, headK, false);

      // Through the state after it: dV_s += u_s dC^T k_s, dK_s += u_s (dC v_s + dn).
      scaleRows(through, k + keyAt, writingOf(gates), 1, keyStep, n, headK);
      packRows(rows, through, headK, 1, n, headK);
      packColumns(columns, dC, headV, 1, headK, headV);
      multiplyPacked(rows, columns, dV + valueAt, valueStep, n, headK, headV, true);
      packRows(rows, v + valueAt, valueStep, 1, n, headV);
      packColumns(columns, dC, 1, headV, headV, headK);
      multiplyPacked(rows, columns, through, headK, n, headV, headK, false);
      addThrough(through, dN, 0, writingOf(gates), 1, k + keyAt, dK + keyAt, shares, keyStep, n, headK);
      let before: f32 = 0;
      for (let s = 0; s < n; s++) {
        const at = <usize>(s * heads) << 2;
        const share = load<f32>(shares + (<usize>s << 2));
        addTo(dInput + gateAt + at, share);
        addTo(dForget + gateAt + at, before);
        before += share;
      }

      // Through the state before it: dQ'_r += c_r (C G_r + e_r n); then the gradients of that state.
      if (hasPast) {
        packRows(rows, given, headV, 1, n, headV);
        packColumns(columns, cell, 1, headV, headV, headK);
        multiplyPacked(rows, columns, through, headK, n, headV, headK, false);
        addThrough(through, norm, sums, readingOf(gates), scale, q + keyAt, dQ + keyAt, shares, keyStep, n, headK);
        let later = kept * (dot(dC, cell, cellSize) + dot(dN, norm, headK));
        for (let r = n - 1; r >= 0; r--) {
          later += load<f32>(shares + (<usize>r << 2));
          addTo(dForget + gateAt + (<usize>(r * heads) << 2), later);
        }
        scaled(dC, dC, cellSize, kept);
        scaled(dN, dN, headK, kept);
        scaleRows(through, q + keyAt, readingOf(gates), scale, keyStep, n, headK);
        for (let r = 0; r < n; r++) addScaled(dN, through + <usize>r * normBytes, headK, load<f32>(sums + (<usize>r << 2)));
        packRows(rows, through, 1, headK, headK, n);
        packColumns(columns, given, headV, 1, n, headV);
        multiplyPacked(rows, columns, dC, headV, headK, n, headV, true);
      }
      dM = maximumGradient(gates, m, dM, dInput + gateAt, dForget + gateAt, heads, n);
    }
    if (dInitialC) {
      memory.copy(dInitialC + <usize>unit * cellBytes, dC, cellBytes);
      memory.copy(dInitialN + <usize>unit * normBytes, dN, normBytes);
      const carried = dot(dC, cells + <usize>unit * cellBytes, cellSize) + dot(dN, norms + <usize>unit * normBytes, headK);
      store<f32>(dInitialM + (<usize>unit << 2), dM + carried);
    }
  }
}

/**
 * Turns G . v into A, zero above the diagonal. Of X = P o dP, dInput_s is the sum over r, and dForget_t that of all s < t <= r, `step`
 * elements from token to token.
 */
function weighBackward(
  scores: usize, slopes: usize, gates: usize, terms: usize, dInput: usize, dForget: usize, step: i32, n: i32, scale: f32,
): void {
  const stepBytes = <usize>step << 2;
  for (let s = 0; s < n; s++) {
    store<f32>(dInput + <usize>s * stepBytes, 0);
    store<f32>(dForget + <usize>s * stepBytes, 0);
  }
  for (let r = 0; r < n; r++) {
    const row = <usize>r * ROW;
    const term = load<f32>(terms + (<usize>r << 2));
    let before: f32 = 0;
    for (let s = 0; s < n; s++) {
      const at = row + (<usize>s << 2);
      if (s > r) {
        store<f32>(slopes + at, 0);
        continue;
      }
      const slope = load<f32>(slopes + at) + term;
      const product = load<f32>(scores + at) * slope;
      store<f32>(slopes + at, scale * load<f32>(gates + at) * slope);
      addTo(dForget + <usize>s * stepBytes, before);
      addTo(dInput + <usize>s * stepBytes, product);
      before += product;
    }
  }
}

/**
 * Of rows through a state, [n, K]: row = factor factors[r] (row + terms[r] norm), terms of 1 where absent; gradient[r] += row, and
 * shares[r] = row . x[r].
 */
function addThrough(
  through: usize, norm: usize, terms: usize, factors: usize, factor: f32, x: usize, gradient: usize, shares: usize,
  step: i32, n: i32, headK: i32,
): void {
  for (let r = 0; r < n; r++) {
    const at = <usize>r << 2;
    const row = through + <usize>(r * headK << 2);
    const token = <usize>(r * step) << 2;
    addScaled(row, norm, headK, terms ? load<f32>(terms + at) : 1);
    scaled(row, row, headK, factor * load<f32>(factors + at));
    addScaled(gradient + token, row, headK, 1);
    store<f32>(shares + at, dot(row, x + token, headK));
  }
}
