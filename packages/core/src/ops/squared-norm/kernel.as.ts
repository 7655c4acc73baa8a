/** Sum of squares: a partial sum per block of 4096 elements, then the partial sums in order, in double precision. */
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

const BLOCK: i32 = 4096;

/** partials[b] = the sum of squares in block b, for b in [start, end). */
export function squareBlocks(x: usize, partials: usize, size: i32, start: i32, end: i32): void {
  for (let block = start; block < end; block++) {
    const last = min(size, (block + 1) * BLOCK);
    let i = block * BLOCK;
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    for (; i + 8 <= last; i += 8) {
      const low = v128.load(x + (<usize>i << 2));
      const high = v128.load(x + (<usize>i << 2), 16);
      a = madd(low, low, a);
      b = madd(high, high, b);
    }
    let sum = sumLanes(f32x4.add(a, b));
    for (; i < last; i++) {
      const value = load<f32>(x + (<usize>i << 2));
      sum += value * value;
    }
    store<f32>(partials + (<usize>block << 2), sum);
  }
}

export function sumBlocks(partials: usize, count: i32, y: usize): void {
  let sum: f64 = 0;
  for (let block = 0; block < count; block++) sum += <f64>load<f32>(partials + (<usize>block << 2));
  store<f32>(y, <f32>sum);
}
