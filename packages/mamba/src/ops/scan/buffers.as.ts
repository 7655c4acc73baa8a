/**
 * Parts of the scan kernels: elementary functions, and the buffers of a block of channels (rows of BLOCK floats, one per
 * token of a chunk).
 */
import { exp } from '@mixerzoo/core/assembly/math';
import { madd } from '@mixerzoo/core/assembly/simd';

/** Channels of a unit; also the row length of its buffers. The same number is in wasm.ts. */
export const BLOCK: i32 = 32;
export const ROW: usize = 128;
export const LOG2_E: f32 = 1.4426950408889634;

/**
 * 2^x; 0 below -100. Cephes exp2f. Adding 1.5 2^23 rounds to an integer and leaves it in the low bits; `pmin` is one
 * instruction where `min` is many.
 */
// @ts-ignore: decorator
@inline
export function exp2(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(-100));
  const clamped = f32x4.pmin(x, f32x4.splat(127));
  const shifted = f32x4.add(clamped, f32x4.splat(12582912));
  const f = f32x4.sub(clamped, f32x4.sub(shifted, f32x4.splat(12582912)));
  let p = f32x4.splat(1.535336188319500e-4);
  p = madd(p, f, f32x4.splat(1.339887440266574e-3));
  p = madd(p, f, f32x4.splat(9.618437357674640e-3));
  p = madd(p, f, f32x4.splat(5.550332471162809e-2));
  p = madd(p, f, f32x4.splat(2.402264791363012e-1));
  p = madd(p, f, f32x4.splat(6.931472028550421e-1));
  p = madd(p, f, f32x4.splat(1));
  return v128.andnot(i32x4.add(p, i32x4.shl(shifted, 23)), tiny);
}

/** ln(1 + e^x) = max(x, 0) + 2 atanh(e / (2 + e)), e = e^-|x|: exact for small results. */
// @ts-ignore: decorator
@inline
export function softplus(x: v128): v128 {
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
export function stage(from: usize, stride: i32, to: usize, rows: i32, width: i32): void {
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
export function unstage(from: usize, to: usize, stride: i32, rows: i32, width: i32): void {
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
export function fillRow(to: usize, value: f32): void {
  for (let i: usize = 0; i < ROW; i += 16) v128.store(to + i, f32x4.splat(value));
}

/** Delta and w = Delta u of a chunk, rows of BLOCK; for SSD also the decays a_t, one vector each. */
export function prepareSteps(
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
export function fillDecays(decays: usize, delta: usize, rates: v128, rows: i32): void {
  for (let t = 0; t < rows; t++) {
    v128.store(decays + (t << 4), exp2(f32x4.mul(v128.load32_splat(delta + t * ROW), rates)));
  }
}

/** A row of per-channel values (skip, bias) of a unit: from [P] per channel, or one of a head, or zeros. */
export function stageVector(from: usize, first: i32, head: i32, scalar: i32, to: usize, width: i32): void {
  fillRow(to, 0);
  if (!from) return;
  if (scalar) fillRow(to, load<f32>(from + (head << 2)));
  else stage(from + (first << 2), 0, to, 1, width);
}
