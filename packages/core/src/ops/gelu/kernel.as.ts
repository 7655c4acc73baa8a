/**
 * GELU and its gradient, on blocks of 4096 elements; the last block holds the rest. Phi by Abramowitz and Stegun 7.1.26, absolute
 * error below 8e-8, whose exponential is the density's.
 */
import { exp, sigmoid } from '@mixerzoo/core/assembly/math';
import { madd } from '@mixerzoo/core/assembly/simd';

const BLOCK: i32 = 4096;
/** sqrt(2 / pi), doubled, and that times 0.044715. */
const LINEAR: f32 = 1.5957691216057308;
const CUBIC: f32 = 0.07135481627260025;

/** e^(-x^2 / 2) */
// @ts-ignore: decorator
@inline
function bell(x: v128): v128 {
  return exp(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
}

/** Phi(x), given e^(-x^2 / 2). */
// @ts-ignore: decorator
@inline
function below(x: v128, density: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, madd(f32x4.abs(x), f32x4.splat(0.3275911 * 0.7071067811865476), one));
  let p = f32x4.splat(0.5 * 1.061405429);
  p = madd(p, t, f32x4.splat(0.5 * -1.453152027));
  p = madd(p, t, f32x4.splat(0.5 * 1.421413741));
  p = madd(p, t, f32x4.splat(0.5 * -0.284496736));
  p = madd(p, t, f32x4.splat(0.5 * 0.254829592));
  const tail = f32x4.mul(f32x4.mul(p, t), density);
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}

/** sigmoid(2 u) */
// @ts-ignore: decorator
@inline
function gate(x: v128): v128 {
  return sigmoid(f32x4.mul(x, madd(f32x4.mul(x, x), f32x4.splat(CUBIC), f32x4.splat(LINEAR))));
}

// @ts-ignore: decorator
@inline
function value(x: v128, approximate: i32): v128 {
  return f32x4.mul(x, approximate ? gate(x) : below(x, bell(x)));
}

/** Phi + x phi; or s + x s (1 - s) (2 u)'. */
// @ts-ignore: decorator
@inline
function slope(x: v128, approximate: i32): v128 {
  if (approximate) {
    const s = gate(x);
    const inner = madd(f32x4.mul(x, x), f32x4.splat(3 * CUBIC), f32x4.splat(LINEAR));
    const rest = f32x4.mul(f32x4.mul(s, f32x4.sub(f32x4.splat(1), s)), inner);
    return madd(x, rest, s);
  }
  const density = bell(x);
  return madd(f32x4.mul(x, f32x4.splat(0.3989422804014327)), density, below(x, density));
}

export function gelu(x: usize, y: usize, size: i32, approximate: i32, start: i32, end: i32): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) {
    v128.store(y + (<usize>i << 2), value(v128.load(x + (<usize>i << 2)), approximate));
  }
  for (; i < last; i++) {
    const rest = value(v128.load_splat<f32>(x + (<usize>i << 2)), approximate);
    store<f32>(y + (<usize>i << 2), f32x4.extract_lane(rest, 0));
  }
}

export function geluGradient(
  x: usize, dY: usize, dX: usize, size: i32, approximate: i32, start: i32, end: i32,
): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) {
    const rise = slope(v128.load(x + (<usize>i << 2)), approximate);
    v128.store(dX + (<usize>i << 2), f32x4.mul(v128.load(dY + (<usize>i << 2)), rise));
  }
  for (; i < last; i++) {
    const rise = f32x4.extract_lane(slope(v128.load_splat<f32>(x + (<usize>i << 2)), approximate), 0);
    store<f32>(dX + (<usize>i << 2), load<f32>(dY + (<usize>i << 2)) * rise);
  }
}
