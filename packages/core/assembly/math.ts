/**
 * Elementary functions on four lanes, float32. Polynomials from Cephes (S. Moshier, expf and logf); relative error
 * below 2e-7 for normal results. NaN goes in and comes out.
 */
import { madd } from './simd';

/** e^x; 0 below -87.3, the largest power (2.4e38) above 88.3. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-87.33654)), f32x4.splat(88.37626));
  return v128.andnot(expInside(clamped), f32x4.lt(x, f32x4.splat(-87.33654)));
}

/** e^x of x up to 88.3: the same as `exp` for less, since what is too small need not be clamped to become 0. */
// @ts-ignore: decorator
@inline
export function expBelow(x: v128): v128 {
  return v128.andnot(expInside(x), f32x4.lt(x, f32x4.splat(-87.33654)));
}

/**
 * e^x for a weight among others, as in a softmax, x up to 88.3: 0 below -46, where 1e-20 adds nothing to their sum. Smaller
 * weights have products below the smallest normal number, and with those a processor is several times slower.
 */
// @ts-ignore: decorator
@inline
export function expFlushed(x: v128): v128 {
  return v128.andnot(expInside(x), f32x4.lt(x, f32x4.splat(-46)));
}

/** e^x for x in [-87.3, 88.3], NaN for NaN; of others any number. */
// @ts-ignore: decorator
@inline
function expInside(x: v128): v128 {
  // Adding 1.5 2^23 rounds x / ln 2 to an integer n and leaves it in the low bits, as an exponent to be.
  const shifted = madd(x, f32x4.splat(1.44269504088896341), f32x4.splat(12582912));
  const n = f32x4.sub(shifted, f32x4.splat(12582912));
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23);
  let r = madd(n, f32x4.splat(-0.693359375), x);
  r = madd(n, f32x4.splat(2.12194440e-4), r);
  let p = f32x4.splat(1.9875691500e-4);
  p = madd(p, r, f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, f32x4.splat(1)));
  return f32x4.mul(p, power);
}

/** The natural logarithm of normal, positive x; NaN for NaN and infinity, whose bits say nothing. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)).
  const bits = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const e = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  const m = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const r = f32x4.sub(m, f32x4.splat(1));
  const square = f32x4.mul(r, r);
  let p = f32x4.splat(7.0376836292e-2);
  p = madd(p, r, f32x4.splat(-1.1514610310e-1));
  p = madd(p, r, f32x4.splat(1.1676998740e-1));
  p = madd(p, r, f32x4.splat(-1.2420140846e-1));
  p = madd(p, r, f32x4.splat(1.4249322787e-1));
  p = madd(p, r, f32x4.splat(-1.6668057665e-1));
  p = madd(p, r, f32x4.splat(2.0000714765e-1));
  p = madd(p, r, f32x4.splat(-2.4999993993e-1));
  p = madd(p, r, f32x4.splat(3.3333331174e-1));
  p = f32x4.mul(f32x4.mul(p, r), square);
  p = madd(e, f32x4.splat(-2.12194440e-4), p);
  p = madd(square, f32x4.splat(-0.5), p);
  return madd(e, f32x4.splat(0.693359375), f32x4.add(f32x4.add(r, p), f32x4.sub(x, x)));
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))));
}

/** e^x of one number, by the same polynomial. */
// @ts-ignore: decorator
@inline
export function expScalar(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x)), 0);
}

/** ln x of one number. */
// @ts-ignore: decorator
@inline
export function logScalar(x: f32): f32 {
  return f32x4.extract_lane(log(f32x4.splat(x)), 0);
}
