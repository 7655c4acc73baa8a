/** AdamW in place, and sums of squares; on blocks of 4096 elements, the last of which holds the rest. */
import { madd } from '@mixerzoo/core/assembly/simd';

const BLOCK: i32 = 4096;

/**
 * One step for one parameter of `size` elements.
 *
 * @param rest1 - 1 - beta1, rounded once: in float32 the difference would lose 1e-5 of 1 - 0.999; rest2 likewise
 * @param keep - 1 - learningRate weightDecay
 * @param rate - learningRate / (1 - beta1^t)
 * @param correction - 1 / (1 - beta2^t)
 */
export function adamW(
  p: usize, m: usize, v: usize, grad: usize, size: i32,
  beta1: f32, rest1: f32, beta2: f32, rest2: f32, eps: f32, keep: f32, rate: f32, correction: f32, gradientScale: f32, start: i32, end: i32,
): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) {
    const at = <usize>i << 2;
    const g = f32x4.mul(v128.load(grad + at), f32x4.splat(gradientScale));
    const first = madd(f32x4.splat(beta1), v128.load(m + at), f32x4.mul(f32x4.splat(rest1), g));
    const second = madd(f32x4.splat(beta2), v128.load(v + at), f32x4.mul(f32x4.mul(f32x4.splat(rest2), g), g));
    const deviation = f32x4.add(f32x4.sqrt(f32x4.mul(second, f32x4.splat(correction))), f32x4.splat(eps));
    const change = f32x4.div(f32x4.mul(f32x4.splat(rate), first), deviation);
    v128.store(m + at, first);
    v128.store(v + at, second);
    v128.store(p + at, f32x4.sub(f32x4.mul(v128.load(p + at), f32x4.splat(keep)), change));
  }
  for (; i < last; i++) {
    const at = <usize>i << 2;
    const g = load<f32>(grad + at) * gradientScale;
    const first = beta1 * load<f32>(m + at) + rest1 * g;
    const second = beta2 * load<f32>(v + at) + rest2 * g * g;
    store<f32>(m + at, first);
    store<f32>(v + at, second);
    store<f32>(p + at, load<f32>(p + at) * keep - (rate * first) / (sqrt(second * correction) + eps));
  }
}

/** sums[block] = the sum of squares of a block, in double precision (float64 at sums + 8 block). */
export function squares(x: usize, size: i32, sums: usize, start: i32, end: i32): void {
  for (let block = start; block < end; block++) {
    const last = min(size, (block + 1) * BLOCK);
    let i = block * BLOCK;
    let sums0 = f64x2.splat(0);
    let sums1 = f64x2.splat(0);
    for (; i + 4 <= last; i += 4) {
      const value = v128.load(x + (<usize>i << 2));
      const low = f64x2.promote_low_f32x4(value);
      const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(value, value, 1, 1));
      sums0 = f64x2.add(sums0, f64x2.mul(low, low));
      sums1 = f64x2.add(sums1, f64x2.mul(high, high));
    }
    const pair = f64x2.add(sums0, sums1);
    let sum = f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
    for (; i < last; i++) {
      const value = <f64>load<f32>(x + (<usize>i << 2));
      sum += value * value;
    }
    store<f64>(sums + (<usize>block << 3), sum);
  }
}

/** The square root of the sum of n sums. */
export function norm(sums: usize, n: i32, to: usize): void {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += load<f64>(sums + (<usize>i << 3));
  store<f32>(to, <f32>sqrt(sum));
}
