/** Dropout by a hash of the element's index: blocks of 4096 elements; the last block holds the rest. */

const BLOCK: i32 = 4096;

/** y[i] = hash(i, seed) < threshold ? 0 : x[i] scale */
export function dropout(x: usize, y: usize, size: i32, threshold: i32, scale: f32, seed: i32, start: i32, end: i32): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  let counters = i32x4.add(i32x4.splat(i * 0x9e3779b9 + seed), i32x4(0, 0x9e3779b9, 2 * 0x9e3779b9, 3 * 0x9e3779b9));
  const scales = f32x4.splat(scale);
  const thresholds = i32x4.splat(threshold);
  const step = i32x4.splat(4 * 0x9e3779b9);
  for (; i + 4 <= last; i += 4) {
    const dropped = i32x4.lt_s(hash(counters), thresholds);
    v128.store(y + (<usize>i << 2), v128.andnot(f32x4.mul(v128.load(x + (<usize>i << 2)), scales), dropped));
    counters = i32x4.add(counters, step);
  }
  for (; i < last; i++) {
    const bits = i32x4.extract_lane(hash(i32x4.splat(i * 0x9e3779b9 + seed)), 0);
    store<f32>(y + (<usize>i << 2), bits < threshold ? 0 : load<f32>(x + (<usize>i << 2)) * scale);
  }
}

/** 24 bits of each lane's counter. */
// @ts-ignore: decorator
@inline
function hash(counters: v128): v128 {
  let bits = counters;
  bits = i32x4.mul(v128.xor(bits, i32x4.shr_u(bits, 16)), i32x4.splat(0x7feb352d));
  bits = i32x4.mul(v128.xor(bits, i32x4.shr_u(bits, 15)), i32x4.splat(0x846ca68b));
  return i32x4.shr_u(v128.xor(bits, i32x4.shr_u(bits, 16)), 8);
}
