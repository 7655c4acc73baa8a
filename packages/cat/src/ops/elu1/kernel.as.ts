/** elu(x) + 1 and its gradient; a unit of work is a block of 4096 elements, the last block holds the rest. */
import { expFlushed } from '@mixerzoo/core/assembly/math';

const BLOCK: i32 = 4096;

/** y = max(x, 0) + exp(min(x, 0)). */
export function elu1(x: usize, y: usize, size: i32, start: i32, end: i32): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) v128.store(y + (<usize>i << 2), value(v128.load(x + (<usize>i << 2))));
  for (; i < last; i++) store<f32>(y + (<usize>i << 2), f32x4.extract_lane(value(v128.load_splat<f32>(x + (<usize>i << 2))), 0));
}

/** dX = dY min(y, 1) */
export function elu1Gradient(y: usize, dY: usize, dX: usize, size: i32, start: i32, end: i32): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) {
    const at = <usize>i << 2;
    v128.store(dX + at, f32x4.mul(v128.load(dY + at), f32x4.min(v128.load(y + at), f32x4.splat(1))));
  }
  for (; i < last; i++) {
    const at = <usize>i << 2;
    store<f32>(dX + at, load<f32>(dY + at) * min<f32>(load<f32>(y + at), 1));
  }
}

// @ts-ignore: decorator
@inline
function value(x: v128): v128 {
  const zero = f32x4.splat(0);
  return f32x4.add(f32x4.max(x, zero), expFlushed(f32x4.min(x, zero)));
}
