/** Operations on runs of floats at byte offsets; any count, vectors where they fit. */
import { madd, sumLanes } from './simd';

/** <a, b> */
// @ts-ignore: decorator
@inline
export function dot(a: usize, b: usize, count: i32): f32 {
  let sums = f32x4.splat(0);
  let c = 0;
  for (; c + 4 <= count; c += 4) sums = madd(v128.load(a + (<usize>c << 2)), v128.load(b + (<usize>c << 2)), sums);
  let total = sumLanes(sums);
  for (; c < count; c++) total += load<f32>(a + (<usize>c << 2)) * load<f32>(b + (<usize>c << 2));
  return total;
}

/** The sum of the elements. */
export function sum(at: usize, count: i32): f32 {
  let sums = f32x4.splat(0);
  let c = 0;
  for (; c + 4 <= count; c += 4) sums = f32x4.add(sums, v128.load(at + (<usize>c << 2)));
  let total = sumLanes(sums);
  for (; c < count; c++) total += load<f32>(at + (<usize>c << 2));
  return total;
}

/** to[c] = factor from[c] */
export function scaled(to: usize, from: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  let c = 0;
  for (; c + 4 <= count; c += 4) v128.store(to + (<usize>c << 2), f32x4.mul(v128.load(from + (<usize>c << 2)), factors));
  for (; c < count; c++) store<f32>(to + (<usize>c << 2), load<f32>(from + (<usize>c << 2)) * factor);
}

/** to[c] += factor from[c] */
export function addScaled(to: usize, from: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  let c = 0;
  for (; c + 4 <= count; c += 4) {
    v128.store(to + (<usize>c << 2), madd(v128.load(from + (<usize>c << 2)), factors, v128.load(to + (<usize>c << 2))));
  }
  for (; c < count; c++) {
    store<f32>(to + (<usize>c << 2), load<f32>(to + (<usize>c << 2)) + load<f32>(from + (<usize>c << 2)) * factor);
  }
}

/** Bytes of n floats, a multiple of 16. */
// @ts-ignore: decorator
@inline
export function aligned(n: i32): usize {
  return <usize>((n + 3) & ~3) << 2;
}
