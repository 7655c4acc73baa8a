/**
 * The scan, forward and backward, as a recurrence: index.ts has the equations. A unit of work is a head of a sequence. r, g, k, kappa, a
 * [B, L, H K], v, o, removed [B, L, H V], states [B, H, chunks, K, V], the state before every chunk; initial and last state [B, H, K, V].
 */
import { exp } from '@mixerzoo/core/assembly/math';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

/** Columns of the state that `advance` takes at a time, which lie together: [V / 8, K, 8]. */
const COLUMNS: i32 = 8;
/** Bytes of a row of so many. */
const ROW: usize = 32;

/** Bytes of scratch a unit of `forward` needs: the state, rows of decay and removal, and of v, u and o. */
export function forwardScratch(headK: i32, headV: i32): i32 {
  return blocksOf(headV) * (headK + 3) * <i32>ROW + 2 * <i32>lanes(headK);
}

/**
 * Bytes of scratch a unit of `backward` needs: the gradient of the state, transposed; five rows of inputs and five of gradients for each
 * token of a chunk; a row of the transposed state before the chunk and after each of its tokens.
 */
export function backwardScratch(headK: i32, headV: i32, chunk: i32): i32 {
  return (headV + 11 * chunk + 1) * <i32>lanes(headK);
}

/** o, lastState, removed and states of the heads [start, end) of B H. */
export function forward(
  r: usize, g: usize, k: usize, v: usize, kappa: usize, a: usize, o: usize, lastState: usize, removed: usize, states: usize, initial: usize,
  length: i32, heads: i32, headK: i32, headV: i32, chunk: i32, scratch: usize, start: i32, end: i32,
): void {
  const blocks = blocksOf(headV);
  const blockBytes = <usize>headK * ROW;
  const chunks = (length + chunk - 1) / chunk;
  const keyStep = <usize>(heads * headK) << 2;
  const valueStep = <usize>(heads * headV) << 2;
  const valueBytes = <usize>headV << 2;
  const stateBytes = <usize>headK * valueBytes;
  for (let head = start; head < end; head++) {
    const state = scratch + <usize>head * forwardScratch(headK, headV);
    const values = state + <usize>blocks * blockBytes;
    const held = values + <usize>blocks * ROW; // u of the token
    const result = held + <usize>blocks * ROW;
    const decay = result + <usize>blocks * ROW;
    const removal = decay + lanes(headK);
    memory.fill(state, 0, forwardScratch(headK, headV));
    if (initial != 0) fillBlocks(state, initial + <usize>head * stateBytes, headK, headV);

    let token = tokenOffset(head, length, heads, headK);
    let at = tokenOffset(head, length, heads, headV);
    for (let n = 0; n < blocks; n++) readBlock(state + <usize>n * blockBytes, kappa + token, held + <usize>n * ROW, headK);
    for (let t = 0; t < length; t++, token += keyStep, at += valueStep) {
      if (t % chunk == 0) keepBlocks(states + <usize>(head * chunks + t / chunk) * stateBytes, state, headK, headV);
      expRow(decay, g + token, headK);
      productRow(removal, kappa + token, a + token, headK);
      memory.copy(values, v + at, valueBytes);
      memory.copy(removed + at, held, valueBytes);
      const next = kappa + token + (t + 1 < length ? keyStep : 0); // of the token after, which reads this state
      for (let n = 0; n < blocks; n++) {
        const column = <usize>n * ROW;
        advance(
          state + <usize>n * blockBytes, decay, removal, k + token, r + token, next, values + column, held + column, result + column, headK,
        );
      }
      memory.copy(o + at, result, valueBytes);
    }
    keepBlocks(lastState + <usize>head * stateBytes, state, headK, headV);
  }
}

/** u = S^T kappa, 8 columns. */
function readBlock(state: usize, kappa: usize, u: usize, rows: i32): void {
  let u0 = f32x4.splat(0);
  let u1 = f32x4.splat(0);
  for (const end = kappa + (<usize>rows << 2); kappa < end; kappa += 4, state += ROW) {
    const held = v128.load_splat<f32>(kappa);
    u0 = madd(held, v128.load(state), u0);
    u1 = madd(held, v128.load(state, 16), u1);
  }
  v128.store(u, u0);
  v128.store(u, u1, 16);
}

/** One token, 8 columns: S = decay S - removal u^T + k v^T; result = S^T r; u = S^T next. */
function advance(
  state: usize, decay: usize, removal: usize, k: usize, r: usize, next: usize, v: usize, u: usize, result: usize, rows: i32,
): void {
  const v0 = v128.load(v);
  const v1 = v128.load(v, 16);
  const u0 = f32x4.neg(v128.load(u));
  const u1 = f32x4.neg(v128.load(u, 16));
  let o0 = f32x4.splat(0);
  let o1 = f32x4.splat(0);
  let n0 = f32x4.splat(0);
  let n1 = f32x4.splat(0);
  for (const end = k + (<usize>rows << 2); k < end; k += 4, r += 4, next += 4, decay += 4, removal += 4, state += ROW) {
    const wi = v128.load_splat<f32>(decay);
    const bi = v128.load_splat<f32>(removal);
    const ki = v128.load_splat<f32>(k);
    const s0 = madd(ki, v0, madd(bi, u0, f32x4.mul(wi, v128.load(state))));
    const s1 = madd(ki, v1, madd(bi, u1, f32x4.mul(wi, v128.load(state, 16))));
    v128.store(state, s0);
    v128.store(state, s1, 16);
    const ri = v128.load_splat<f32>(r);
    o0 = madd(ri, s0, o0);
    o1 = madd(ri, s1, o1);
    const ni = v128.load_splat<f32>(next);
    n0 = madd(ni, s0, n0);
    n1 = madd(ni, s1, n1);
  }
  v128.store(result, o0);
  v128.store(result, o1, 16);
  v128.store(u, n0);
  v128.store(u, n1, 16);
}

/**
 * Gradients of the heads [start, end) of B H, chunk by chunk from the last. Columns of the state are independent but for sums: each goes
 * through the chunk forwards, from the state kept before it, and backwards, with its key channels in lanes padded by zeros.
 */
export function backward(
  r: usize, g: usize, k: usize, v: usize, kappa: usize, a: usize, removed: usize, states: usize, dO: usize, dLastState: usize,
  dR: usize, dG: usize, dK: usize, dV: usize, dKappa: usize, dA: usize, dInitial: usize,
  length: i32, heads: i32, headK: i32, headV: i32, chunk: i32, scratch: usize, start: i32, end: i32,
): void {
  const rowBytes = lanes(headK);
  const chunkBytes = <usize>chunk * rowBytes;
  const chunks = (length + chunk - 1) / chunk;
  const keyStep = <usize>(heads * headK) << 2;
  const valueStep = <usize>(heads * headV) << 2;
  const keyBytes = <usize>headK << 2;
  const valueBytes = <usize>headV << 2;
  const stateBytes = <usize>headK * valueBytes;
  for (let head = start; head < end; head++) {
    const gradient = scratch + <usize>head * backwardScratch(headK, headV, chunk); // dS, [V, K]
    const decay = gradient + <usize>headV * rowBytes;
    const keys = decay + chunkBytes;
    const held = keys + chunkBytes;
    const removal = held + chunkBytes;
    const reads = removal + chunkBytes;
    const dReads = reads + chunkBytes;
    const dKeys = dReads + chunkBytes;
    const dHeld = dKeys + chunkBytes;
    const dRemoval = dHeld + chunkBytes;
    const dDecay = dRemoval + chunkBytes;
    const history = dDecay + chunkBytes;
    memory.fill(gradient, 0, <usize>backwardScratch(headK, headV, chunk));
    if (dLastState != 0) {
      for (let j: usize = 0; j < valueBytes; j += 4) {
        gather(gradient + (j >> 2) * rowBytes, dLastState + <usize>head * stateBytes + j, valueBytes, headK);
      }
    }

    for (let n = chunks - 1; n >= 0; n--) {
      const rows = min(chunk, length - n * chunk);
      const first = tokenOffset(head, length, heads, headK) + <usize>(n * chunk) * keyStep;
      const at = tokenOffset(head, length, heads, headV) + <usize>(n * chunk) * valueStep;
      for (let t = 0, token = first, to: usize = 0; t < rows; t++, token += keyStep, to += rowBytes) {
        expRow(decay + to, g + token, headK);
        memory.copy(keys + to, k + token, keyBytes);
        memory.copy(held + to, kappa + token, keyBytes);
        productRow(removal + to, kappa + token, a + token, headK);
        memory.copy(reads + to, r + token, keyBytes);
      }
      memory.fill(dReads, 0, 5 * chunkBytes);
      const before = states + <usize>(head * chunks + n) * stateBytes;
      for (let j: usize = 0; j < valueBytes; j += 4) {
        gather(history, before + j, valueBytes, headK);
        let cell = at + j; // of v, removed, dO, dV
        let row: usize = 0;
        for (let t = 0; t < rows; t++, cell += valueStep, row += rowBytes) {
          recompute(history + row, rowBytes, decay + row, keys + row, removal + row, load<f32>(v + cell), load<f32>(removed + cell));
        }
        const slope = gradient + (j >> 2) * rowBytes;
        for (let t = 0; t < rows; t++) {
          cell -= valueStep;
          row -= rowBytes;
          retreat(
            slope, history + row, rowBytes, row, reads, keys, held, removal, decay, dReads, dKeys, dHeld, dRemoval, dDecay,
            load<f32>(dO + cell), load<f32>(v + cell), load<f32>(removed + cell), dV + cell,
          );
        }
      }
      for (let t = 0, token = first, row: usize = 0; t < rows; t++, token += keyStep, row += rowBytes) {
        memory.copy(dR + token, dReads + row, keyBytes);
        memory.copy(dK + token, dKeys + row, keyBytes);
        productRow(dG + token, decay + row, dDecay + row, headK);
        productRow(dA + token, kappa + token, dRemoval + row, headK);
        for (let i: usize = 0; i < keyBytes; i += 4) {
          store<f32>(dKappa + token + i, load<f32>(dHeld + row + i) + load<f32>(a + token + i) * load<f32>(dRemoval + row + i));
        }
      }
    }
    if (dInitial != 0) {
      for (let j: usize = 0; j < valueBytes; j += 4) {
        scatter(dInitial + <usize>head * stateBytes + j, valueBytes, gradient + (j >> 2) * rowBytes, headK);
      }
    }
  }
}

/** A token of a column, forwards: the row after `state` is decay state - removal u + k v. */
function recompute(state: usize, rowBytes: usize, decay: usize, k: usize, removal: usize, value: f32, held: f32): void {
  const v0 = f32x4.splat(value);
  const u0 = f32x4.splat(-held);
  for (let i: usize = 0; i < rowBytes; i += 16) {
    const kept = f32x4.mul(v128.load(decay + i), v128.load(state + i));
    v128.store(state + rowBytes + i, madd(v128.load(k + i), v0, madd(v128.load(removal + i), u0, kept)));
  }
}

/**
 * A token of a column, backwards: dS += r dO; the sums over columns of dR, dK, db and the gradient of the decay; dV, du; then dKappa and
 * dS = decay dS + kappa du. `state` is the row before the token, the one after it follows; inputs and sums lie `row` bytes from their start.
 */
function retreat(
  gradient: usize, state: usize, rowBytes: usize, row: usize,
  reads: usize, keys: usize, held: usize, removal: usize, decay: usize,
  dReads: usize, dKeys: usize, dHeld: usize, dRemoval: usize, dDecay: usize,
  slope: f32, value: f32, held0: f32, dV: usize,
): void {
  const given = f32x4.splat(slope);
  const v0 = f32x4.splat(value);
  const u0 = f32x4.splat(-held0);
  let toValue = f32x4.splat(0);
  let toHeld = f32x4.splat(0);
  for (let i: usize = 0, c = row; i < rowBytes; i += 16, c += 16) {
    const g0 = madd(given, v128.load(reads + c), v128.load(gradient + i));
    v128.store(gradient + i, g0);
    toValue = madd(g0, v128.load(keys + c), toValue);
    toHeld = madd(g0, v128.load(removal + c), toHeld);
    v128.store(dReads + c, madd(given, v128.load(state + rowBytes + i), v128.load(dReads + c)));
    v128.store(dKeys + c, madd(v0, g0, v128.load(dKeys + c)));
    v128.store(dRemoval + c, madd(u0, g0, v128.load(dRemoval + c)));
    v128.store(dDecay + c, madd(v128.load(state + i), g0, v128.load(dDecay + c)));
  }
  store<f32>(dV, sumLanes(toValue));
  const du = f32x4.splat(-sumLanes(toHeld));
  for (let i: usize = 0, c = row; i < rowBytes; i += 16, c += 16) {
    v128.store(dHeld + c, madd(du, v128.load(state + i), v128.load(dHeld + c)));
    v128.store(gradient + i, madd(du, v128.load(held + c), f32x4.mul(v128.load(decay + c), v128.load(gradient + i))));
  }
}

/** Blocks of columns. */
// @ts-ignore: decorator
@inline
function blocksOf(headV: i32): i32 {
  return (headV + COLUMNS - 1) / COLUMNS;
}

/** Bytes of a row of n keys, whole vectors. */
// @ts-ignore: decorator
@inline
function lanes(n: i32): usize {
  return <usize>((n + 3) & ~3) << 2;
}

/** Bytes from the start of a tensor [B, L, H width] to the first token of head `head` of B H. */
// @ts-ignore: decorator
@inline
function tokenOffset(head: i32, length: i32, heads: i32, width: i32): usize {
  return (<usize>(head / heads) * length * heads + (head % heads)) * width << 2;
}

/** [K, V] to [V / 8, K, 8]. */
function fillBlocks(blocks: usize, from: usize, headK: i32, headV: i32): void {
  for (let column = 0; column < headV; column += COLUMNS) {
    const bytes = <usize>min(COLUMNS, headV - column) << 2;
    for (let i = 0; i < headK; i++, blocks += ROW) memory.copy(blocks, from + (<usize>(i * headV + column) << 2), bytes);
  }
}

/** [V / 8, K, 8] to [K, V]. */
function keepBlocks(to: usize, blocks: usize, headK: i32, headV: i32): void {
  for (let column = 0; column < headV; column += COLUMNS) {
    const bytes = <usize>min(COLUMNS, headV - column) << 2;
    for (let i = 0; i < headK; i++, blocks += ROW) memory.copy(to + (<usize>(i * headV + column) << 2), blocks, bytes);
  }
}

/** n numbers that lie `step` bytes apart, one after another. */
function gather(to: usize, from: usize, step: usize, n: i32): void {
  for (let i = 0; i < n; i++, to += 4, from += step) store<f32>(to, load<f32>(from));
}

function scatter(to: usize, step: usize, from: usize, n: i32): void {
  for (let i = 0; i < n; i++, to += step, from += 4) store<f32>(to, load<f32>(from));
}

/** to = e^from; a row with room for whole vectors. */
function expRow(to: usize, from: usize, n: i32): void {
  const bytes = <usize>n << 2;
  memory.copy(to, from, bytes);
  for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, exp(v128.load(to + i)));
}

/** to = x o y, n numbers. */
function productRow(to: usize, x: usize, y: usize, n: i32): void {
  const bytes = <usize>n << 2;
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, f32x4.mul(v128.load(x + i), v128.load(y + i)));
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(x + i) * load<f32>(y + i));
}
