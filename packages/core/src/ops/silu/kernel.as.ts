/** x sigmoid(x) and its gradient, on blocks of 4096 elements; the last block holds the rest. */
import { exp } from '@mixerzoo/core/assembly/math';

const BLOCK: i32 = 4096;

/** s = sigmoid(x) on four lanes. */
// @ts-ignore: decorator
@inline
function gate(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))));
}

export function silu(x: usize, y: usize, size: i32, start: i32, end: i32): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) {
    const value = v128.load(x + (<usize>i << 2));
    v128.store(y + (<usize>i << 2), f32x4.mul(value, gate(value)));
  }
  for (; i < last; i++) {
    const value = v128.load_splat<f32>(x + (<usize>i << 2));
    store<f32>(y + (<usize>i << 2), f32x4.extract_lane(f32x4.mul(value, gate(value)), 0));
  }
}

/** dX = dY s (1 + x (1 - s)) */
export function siluGradient(x: usize, dY: usize, dX: usize, size: i32, start: i32, end: i32): void {
  const last = min(size, end * BLOCK);
  let i = start * BLOCK;
  for (; i + 4 <= last; i += 4) {
    v128.store(dX + (<usize>i << 2), slope(v128.load(x + (<usize>i << 2)), v128.load(dY + (<usize>i << 2))));
  }
  for (; i < last; i++) {
    const value = slope(v128.load_splat<f32>(x + (<usize>i << 2)), v128.load_splat<f32>(dY + (<usize>i << 2)));
    store<f32>(dX + (<usize>i << 2), f32x4.extract_lane(value, 0));
  }
}

// @ts-ignore: decorator
@inline
function slope(x: v128, dY: v128): v128 {
  const s = gate(x);
  const one = f32x4.splat(1);
  return f32x4.mul(f32x4.mul(dY, s), f32x4.add(one, f32x4.mul(x, f32x4.sub(one, s))));
}
