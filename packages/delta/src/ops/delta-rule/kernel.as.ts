/**
 * The gated delta rule by chunks, forward and backward: reference.ts has the equations of a chunk, index.ts says what dG sums. A unit is a
 * head of a sequence. q, k [B, L, H K], v, o, residual [B, L, H V], beta [B, L, H], g [B, L, H] or [B, L, H K] (`gates` columns a head: 1
 * or K, 0 for none), states [B, H, chunks, K, V], the state before every chunk; initial and last state [B, H, K, V].
 *
 * Decays are products of a = exp(g) over the tokens between: no exponent is positive, and a saturated gate costs other tokens no
 * precision. Rows in both roles stand one after the other, the n keys that are read for, then the n queries: [2 n, K].
 */
import { gemm, gemmScratchBytes } from '@mixerzoo/core/assembly/gemm';
import { aligned, dot, scaled, sum } from '@mixerzoo/core/assembly/vector';
import { decayPairs, decaysOf, pairsByChannel, pairsByChannelGradient, passingPairs, passingState } from './decays.as';
export { backwardByToken, backwardByTokenScratch, forwardByToken, forwardByTokenScratch } from './by-token.as';
import { addTo, addWeighted, loadRows, multiplyRows, productsOfRows, scaleRows, storeRows, subtractFrom, tokenOffset } from './rows.as';

// What `prepare` fills of a chunk of C tokens: offsets of rows [2 n, K]; of them decayed from the start, `reads` [2 n, K]; of the keys decayed to
// the end, `writes` [n, K]; of decays a, from the start and to the end [n, K]; of pairs [2 n, n]: k . D k below the diagonal, then q . D k.

// @ts-ignore: decorator
@inline
function keyRows(headK: i32, chunk: i32): usize {
  return <usize>chunk * aligned(headK);
}

// @ts-ignore: decorator
@inline
function pairRows(chunk: i32): usize {
  return <usize>chunk * aligned(chunk);
}

// @ts-ignore: decorator
@inline
function preparedBytes(headK: i32, chunk: i32): usize {
  return 8 * keyRows(headK, chunk) + 2 * pairRows(chunk);
}

/** Bytes for the panels of the products: the largest are those with a state. */
// @ts-ignore: decorator
@inline
function panelBytes(headK: i32, headV: i32, chunk: i32): usize {
  const most = max(max(headK, headV), 2 * chunk);
  return gemmScratchBytes(most, most, most);
}

/** Bytes of scratch a unit of `forward` needs. */
export function forwardScratch(headK: i32, headV: i32, chunk: i32): i32 {
  return <i32>(preparedBytes(headK, chunk) + 3 * keyRows(headV, chunk) + panelBytes(headK, headV, chunk));
}

/** Bytes of scratch a unit of `backward` needs. */
export function backwardScratch(headK: i32, headV: i32, chunk: i32): i32 {
  const own = aligned(headK * headV) + 4 * keyRows(headV, chunk) + 4 * keyRows(headK, chunk) + 2 * pairRows(chunk);
  return <i32>(preparedBytes(headK, chunk) + own + aligned(headK) + aligned(chunk) + panelBytes(headK, headV, chunk));
}

/** o, lastState, residual and states of the heads [start, end) of B H. */
export function forward(
  q: usize, k: usize, v: usize, beta: usize, g: usize, initial: usize, o: usize, lastState: usize, residual: usize, states: usize,
  length: i32, heads: i32, headK: i32, headV: i32, gates: i32, chunk: i32, scale: f32, scratch: usize, start: i32, end: i32,
): void {
  const keyRow = aligned(headK);
  const valueRow = aligned(headV);
  const pairRow = aligned(chunk);
  const keyWidth = <i32>(keyRow >> 2);
  const width = <i32>(valueRow >> 2);
  const pairWidth = <i32>(pairRow >> 2);
  const valueStep = <usize>(heads * headV) << 2;
  const stateBytes = <usize>(headK * headV) << 2;
  const chunks = (length + chunk - 1) / chunk;
  for (let head = start; head < end; head++) {
    const rows = scratch + <usize>head * forwardScratch(headK, headV, chunk);
    const reads = rows + 2 * keyRows(headK, chunk);
    const writes = reads + 2 * keyRows(headK, chunk);
    const fromStart = writes + 2 * keyRows(headK, chunk);
    const pairs = rows + 8 * keyRows(headK, chunk);
    const results = rows + preparedBytes(headK, chunk); // [2 n, V]: what the memory lacks, then o
    const updates = results + 2 * keyRows(headV, chunk);
    const panels = updates + keyRows(headV, chunk);
    const state = lastState + <usize>head * stateBytes;
    if (initial != 0) memory.copy(state, initial + <usize>head * stateBytes, stateBytes);
    else memory.fill(state, 0, stateBytes);

    for (let c = 0; c < chunks; c++) {
      const first = c * chunk;
      const n = min(chunk, length - first);
      const outputs = results + <usize>n * valueRow;
      memory.copy(states + <usize>(head * chunks + c) * stateBytes, state, stateBytes);
      prepare(q, k, g, head, first, n, length, heads, headK, gates, chunk, scale, rows, panels);
      gemm(reads, keyWidth, 1, state, headV, 1, results, width, 2 * n, headK, headV, false, panels);

      let at = tokenOffset(head, first, length, heads, headV);
      let rate = beta + tokenOffset(head, first, length, heads, 1);
      for (let t = 0; t < n; t++) {
        const missing = results + <usize>t * valueRow;
        subtractFrom(v + at, missing, headV);
        addWeighted(missing, pairs + <usize>t * pairRow, 4, updates, valueRow, t, -1);
        memory.copy(residual + at, missing, <usize>headV << 2);
        scaled(updates + <usize>t * valueRow, missing, headV, load<f32>(rate));
        at += valueStep;
        rate += <usize>heads << 2;
      }
      gemm(pairs + <usize>n * pairRow, pairWidth, 1, updates, width, 1, outputs, width, n, n, headV, true, panels);
      storeRows(o + tokenOffset(head, first, length, heads, headV), valueStep, outputs, valueRow, n, headV, 1);

      if (gates > 0) scaleRows(state, headV, fromStart + <usize>(n - 1) * keyRow, headK);
      gemm(writes, 1, keyWidth, updates, width, 1, state, headV, headK, n, headV, true, panels);
    }
  }
}

/**
 * Gradients of the heads [start, end) of B H, chunk by chunk from the last. dLastState is 0 where nothing was made of it, dG and dInitial where
 * there is no g or initial state.
 */
export function backward(
  q: usize, k: usize, beta: usize, g: usize, residual: usize, states: usize, dO: usize, dLastState: usize,
  dQ: usize, dK: usize, dV: usize, dBeta: usize, dG: usize, dInitial: usize,
  length: i32, heads: i32, headK: i32, headV: i32, gates: i32, chunk: i32, scale: f32, scratch: usize, start: i32, end: i32,
): void {
  const keyRow = aligned(headK);
  const valueRow = aligned(headV);
  const pairRow = aligned(chunk);
  const keyWidth = <i32>(keyRow >> 2);
  const width = <i32>(valueRow >> 2);
  const pairWidth = <i32>(pairRow >> 2);
  const keyStep = <usize>(heads * headK) << 2;
  const valueStep = <usize>(heads * headV) << 2;
  const rateStep = <usize>heads << 2;
  const stateBytes = <usize>(headK * headV) << 2;
  const chunks = (length + chunk - 1) / chunk;
  for (let head = start; head < end; head++) {
    const rows = scratch + <usize>head * backwardScratch(headK, headV, chunk);
    const reads = rows + 2 * keyRows(headK, chunk);
    const writes = reads + 2 * keyRows(headK, chunk);
    const decays = writes + keyRows(headK, chunk);
    const fromStart = decays + keyRows(headK, chunk);
    const toEnd = fromStart + keyRows(headK, chunk);
    const pairs = toEnd + keyRows(headK, chunk);
    const dState = rows + preparedBytes(headK, chunk); // of the state after the chunk, then of that before it
    const updates = dState + aligned(headK * headV);
    const given = updates + keyRows(headV, chunk); // [2 n, V]: -dV, then dO
    const dUpdates = given + 2 * keyRows(headV, chunk);
    const dRows = dUpdates + keyRows(headV, chunk); // [2 n, K]: of keys that are read for, then of queries
    const dKeys = dRows + 2 * keyRows(headK, chunk); // of keys that are written
    const dGates = dKeys + keyRows(headK, chunk);
    const dPairs = dGates + keyRows(headK, chunk);
    const whole = dPairs + 2 * pairRows(chunk);
    const passed = whole + keyRow; // [n]: what pairs add to dG of a head
    const panels = passed + pairRow;
    if (dLastState != 0) memory.copy(dState, dLastState + <usize>head * stateBytes, stateBytes);
    else memory.fill(dState, 0, stateBytes);

    for (let c = chunks - 1; c >= 0; c--) {
      const first = c * chunk;
      const n = min(chunk, length - first);
      const keysAt = tokenOffset(head, first, length, heads, headK);
      const valuesAt = tokenOffset(head, first, length, heads, headV);
      const ratesAt = tokenOffset(head, first, length, heads, 1);
      const state = states + <usize>(head * chunks + c) * stateBytes;
      const gradients = given + <usize>n * valueRow;
      prepare(q, k, g, head, first, n, length, heads, headK, gates, chunk, scale, rows, panels);
      loadRows(gradients, valueRow, dO + valuesAt, valueStep, n, headV, 1);
      for (let t = 0; t < n; t++) {
        scaled(updates + <usize>t * valueRow, residual + valuesAt + <usize>t * valueStep, headV, load<f32>(beta + ratesAt + <usize>t * rateStep));
      }

      gemm(pairs + <usize>n * pairRow, 1, pairWidth, gradients, width, 1, dUpdates, width, n, n, headV, false, panels);
      gemm(writes, keyWidth, 1, dState, headV, 1, dUpdates, width, n, headK, headV, true, panels);
      for (let t = n - 1; t >= 0; t--) {
        const dUpdate = dUpdates + <usize>t * valueRow;
        const later = <usize>(t + 1);
        addWeighted(dUpdate, pairs + later * pairRow + (<usize>t << 2), pairRow, given + later * valueRow, valueRow, n - t - 1, 1);
        const rate = load<f32>(beta + ratesAt + <usize>t * rateStep);
        store<f32>(dBeta + ratesAt + <usize>t * rateStep, dot(dUpdate, residual + valuesAt + <usize>t * valueStep, headV));
        scaled(dV + valuesAt + <usize>t * valueStep, dUpdate, headV, rate);
        scaled(given + <usize>t * valueRow, dUpdate, headV, -rate);
      }

      gemm(given, width, 1, updates, 1, width, dPairs, pairWidth, 2 * n, headV, n, false, panels);
      gemm(given, width, 1, state, 1, headV, dRows, keyWidth, 2 * n, headV, headK, false, panels);
      gemm(updates, width, 1, dState, 1, headV, dKeys, keyWidth, n, headV, headK, false, panels);
      if (gates > 0) {
        const wholeDecay = fromStart + <usize>(n - 1) * keyRow;
        productsOfRows(whole, state, dState, wholeDecay, headK, headV);
        passingState(dGates, reads, dRows, writes, dKeys, whole, keyRow, n);
        multiplyRows(dRows, fromStart, keyRow, n);
        multiplyRows(dRows + <usize>n * keyRow, fromStart, keyRow, n);
        multiplyRows(dKeys, toEnd, keyRow, n);
        scaleRows(dState, headV, wholeDecay, headK);
      }
      gemm(reads, 1, keyWidth, given, width, 1, dState, headV, headK, 2 * n, headV, true, panels);

      if (gates > 1) {
        pairsByChannelGradient(dRows, dKeys, dGates, dPairs, rows, decays, keyRow, pairRow, n, panels);
      } else {
        if (gates > 0) passingPairs(passed, dPairs, pairs, pairRow, n);
        decayPairs(dPairs, decays, keyRow, pairRow, n, gates, panels);
        gemm(dPairs, pairWidth, 1, rows, keyWidth, 1, dRows, keyWidth, 2 * n, n, headK, true, panels);
        gemm(dPairs, 1, pairWidth, rows, keyWidth, 1, dKeys, keyWidth, n, 2 * n, headK, true, panels);
      }
      for (let t = 0; t < n; t++) addTo(dKeys + <usize>t * keyRow, dRows + <usize>t * keyRow, headK);
      storeRows(dK + keysAt, keyStep, dKeys, keyRow, n, headK, 1);
      storeRows(dQ + keysAt, keyStep, dRows + <usize>n * keyRow, keyRow, n, headK, scale);
      if (gates > 1) storeRows(dG + keysAt, keyStep, dGates, keyRow, n, headK, 1);
      else if (gates > 0) {
        for (let t: usize = 0; t < <usize>n; t++) {
          store<f32>(dG + ratesAt + t * rateStep, load<f32>(passed + (t << 2)) + sum(dGates + t * keyRow, headK));
        }
      }
    }
    if (dInitial != 0) memory.copy(dInitial + <usize>head * stateBytes, dState, stateBytes);
  }
}

/** The rows, decays and pairs of the `n` tokens of a head from `first` on. */
function prepare(
  q: usize, k: usize, g: usize, head: i32, first: i32, n: i32, length: i32, heads: i32, headK: i32, gates: i32, chunk: i32, scale: f32,
  rows: usize, panels: usize,
): void {
  const keyRow = aligned(headK);
  const keyWidth = <i32>(keyRow >> 2);
  const pairRow = aligned(chunk);
  const step = <usize>(heads * headK) << 2;
  const at = tokenOffset(head, first, length, heads, headK);
  const queries = rows + <usize>n * keyRow;
  const reads = rows + 2 * keyRows(headK, chunk);
  const writes = reads + 2 * keyRows(headK, chunk);
  const decays = writes + keyRows(headK, chunk);
  const fromStart = decays + keyRows(headK, chunk);
  const toEnd = fromStart + keyRows(headK, chunk);
  const pairs = toEnd + keyRows(headK, chunk);
  loadRows(rows, keyRow, k + at, step, n, headK, 1);
  loadRows(queries, keyRow, q + at, step, n, headK, scale);
  memory.copy(reads, rows, 2 * <usize>n * keyRow);
  memory.copy(writes, rows, <usize>n * keyRow);
  if (gates > 0) {
    const gate = g + tokenOffset(head, first, length, heads, gates);
    decaysOf(decays, fromStart, toEnd, gate, <usize>(heads * gates) << 2, keyRow, n, headK, gates);
    multiplyRows(reads, fromStart, keyRow, n);
    multiplyRows(reads + <usize>n * keyRow, fromStart, keyRow, n);
    multiplyRows(writes, toEnd, keyRow, n);
  }
  if (gates > 1) {
    pairsByChannel(pairs, rows, decays, keyRow, pairRow, n, panels);
    return;
  }
  gemm(rows, keyWidth, 1, rows, 1, keyWidth, pairs, <i32>(pairRow >> 2), 2 * n, headK, n, false, panels);
  decayPairs(pairs, decays, keyRow, pairRow, n, gates, panels);
}
