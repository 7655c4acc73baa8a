/**
 * logsigmoid(x) / normalizer and its gradient, elementwise; every element is computed by the same vector code, so the
 * division into pieces does not show in the result.
 */
import { exp, log } from '@mixerzoo/core/assembly/math';

/** y = min(x, 0) - ln(1 + e^-|x|), over the normaliser: no large exponential. */
export function forward(x: usize, y: usize, normalizer: f32, start: i32, end: i32): void {
  const inverse = f32x4.splat(1 / normalizer);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    v128.store(y + (<usize>i << 2), f32x4.mul(logSigmoid(v128.load(x + (<usize>i << 2))), inverse));
  }
  for (; i < end; i++) {
    const value = f32x4.mul(logSigmoid(v128.load_splat<f32>(x + (<usize>i << 2))), inverse);
    store<f32>(y + (<usize>i << 2), f32x4.extract_lane(value, 0));
  }
}

/** dX = dY sigmoid(-x) over the normaliser. */
export function backward(x: usize, dY: usize, dX: usize, normalizer: f32, start: i32, end: i32): void {
  const inverse = f32x4.splat(1 / normalizer);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const slope = f32x4.mul(complement(v128.load(x + (<usize>i << 2))), inverse);
    v128.store(dX + (<usize>i << 2), f32x4.mul(v128.load(dY + (<usize>i << 2)), slope));
  }
  for (; i < end; i++) {
    const slope = f32x4.mul(complement(v128.load_splat<f32>(x + (<usize>i << 2))), inverse);
    store<f32>(dX + (<usize>i << 2), load<f32>(dY + (<usize>i << 2)) * f32x4.extract_lane(slope, 0));
  }
}

// @ts-ignore: decorator
@inline
function logSigmoid(x: v128): v128 {
  const small = exp(f32x4.neg(f32x4.abs(x)));
  const sum = f32x4.add(f32x4.splat(1), small);
  // ln(1 + e) = ln(u) + (e - (u - 1)) / u with u = 1 + e rounded.
  const lost = f32x4.sub(small, f32x4.sub(sum, f32x4.splat(1)));
  const tail = f32x4.add(log(sum), f32x4.div(lost, sum));
  return f32x4.sub(f32x4.min(x, f32x4.splat(0)), tail);
}

/** sigmoid(-x). */
// @ts-ignore: decorator
@inline
function complement(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(x)));
}
