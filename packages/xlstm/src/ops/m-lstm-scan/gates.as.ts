/**
 * What the gates of a chunk make of it: the weights between its tokens and those of the states before and after it, every exponent at
 * most 0. Letters as in reference.ts; logarithms are summed row by row, from s on, never as differences.
 *
 * Layout of a chunk's gates, in rows of TILE floats: the weights e^{D - M} [TILE, TILE], with zeros where s > r; then
 * c_r = e^{b_r + m - M_r}; e^{-M_r}; u_s = e^{D[last, s] - m'}; D of the last row, its two
 * parts, the sums of forget gates and the input gates; e^{b_last + m - m'}.
 */
import { expBelow, expScalar } from '@mixerzoo/core/assembly/math';
import { maxLanes } from '@mixerzoo/core/assembly/simd';

export const TILE: i32 = 64;
const ROW: usize = <usize>TILE << 2;

/** The m of a state that holds nothing. */
export const EMPTY: f32 = -1e30;

export const GATES_BYTES: usize = <usize>(TILE + 6) * ROW + 16;

// @ts-ignore: decorator
@inline
export function readingOf(gates: usize): usize {
  return gates + <usize>TILE * ROW;
}

// @ts-ignore: decorator
@inline
export function floorsOf(gates: usize): usize {
  return gates + <usize>(TILE + 1) * ROW;
}

// @ts-ignore: decorator
@inline
export function writingOf(gates: usize): usize {
  return gates + <usize>(TILE + 2) * ROW;
}

// @ts-ignore: decorator
@inline
export function lastLogarithms(gates: usize): usize {
  return gates + <usize>(TILE + 3) * ROW;
}

/** e^{b_last + m - m'}: what is kept of the state before. */
// @ts-ignore: decorator
@inline
export function keptShare(gates: usize): f32 {
  return load<f32>(gates + <usize>(TILE + 6) * ROW);
}

/**
 * The gates of a chunk of n tokens, `step` elements from token to token, after a state of logarithm m.
 * @returns the logarithm m' of the state after it.
 */
export function prepareGates(gates: usize, input: usize, forget: usize, step: i32, n: i32, m: f32): f32 {
  const logarithms = lastLogarithms(gates);
  const decays = logarithms + ROW;
  const inputs = decays + ROW;
  const stepBytes = <usize>step << 2;
  for (let at: usize = 0; at < ROW; at += 16) {
    v128.store(logarithms + at, f32x4.splat(EMPTY));
    v128.store(decays + at, f32x4.splat(0));
    v128.store(inputs + at, f32x4.splat(EMPTY));
  }
  let total: f32 = 0;
  let carried = m;
  let largest = EMPTY;
  for (let r = 0; r < n; r++, input += stepBytes, forget += stepBytes) {
    const end = <usize>(r + 4 >> 2) << 4; // whole vectors up to s = r
    const decay = load<f32>(forget);
    total += decay;
    carried = m + total;
    for (let at: usize = 0; at < end; at += 16) {
      v128.store(decays + at, f32x4.add(v128.load(decays + at), f32x4.splat(decay)));
    }
    store<f32>(decays + (<usize>r << 2), 0);
    store<f32>(inputs + (<usize>r << 2), load<f32>(input));
    let most = f32x4.splat(EMPTY);
    for (let at: usize = 0; at < end; at += 16) {
      const exponents = f32x4.add(v128.load(decays + at), v128.load(inputs + at));
      v128.store(logarithms + at, exponents);
      most = f32x4.max(most, exponents);
    }
    largest = max(maxLanes(most), carried);
    const bound = max<f32>(largest, 0);
    const row = gates + <usize>r * ROW;
    for (let at: usize = 0; at < end; at += 16) {
      v128.store(row + at, expBelow(f32x4.sub(v128.load(logarithms + at), f32x4.splat(bound))));
    }
    if (end < ROW) memory.fill(row + end, 0, ROW - end);
    store<f32>(readingOf(gates) + (<usize>r << 2), expScalar(carried - bound));
    store<f32>(floorsOf(gates) + (<usize>r << 2), expScalar(-bound));
  }
  for (let at: usize = 0; at < ROW; at += 16) {
    v128.store(writingOf(gates) + at, expBelow(f32x4.sub(v128.load(logarithms + at), f32x4.splat(largest))));
  }
  store<f32>(gates + <usize>(TILE + 6) * ROW, expScalar(carried - largest));
  return largest;
}

/**
 * The gradient of m' goes where the maximum is: to a token's exponent, its input gate and the forget gates after it, or to the state's,
 * all forget gates and m. dInput and dForget are added to, `step` elements from token to token.
 * @returns the gradient of m.
 */
export function maximumGradient(gates: usize, largest: f32, dLargest: f32, dInput: usize, dForget: usize, step: i32, n: i32): f32 {
  if (dLargest == 0) return 0;
  let winner = n - 1;
  while (winner >= 0 && load<f32>(lastLogarithms(gates) + (<usize>winner << 2)) < largest) winner--;
  for (let t = winner + 1; t < n; t++) addTo(dForget + (<usize>(t * step) << 2), dLargest);
  if (winner < 0) return dLargest;
  addTo(dInput + (<usize>(winner * step) << 2), dLargest);
  return 0;
}

// @ts-ignore: decorator
@inline
export function addTo(at: usize, value: f32): void {
  store<f32>(at, load<f32>(at) + value);
}
