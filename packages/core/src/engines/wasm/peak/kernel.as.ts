/** What one core can do at most: multiply-adds on registers, and copying memory. */
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

/** `rounds` of ten independent multiply-adds on four lanes, 80 FLOP a round. */
export function multiplyAdds(rounds: i32): f32 {
  const x = f32x4.splat(0.999);
  const y = f32x4.splat(1.001);
  let a = y;
  let b = y;
  let c = y;
  let d = y;
  let e = y;
  let f = y;
  let g = y;
  let h = y;
  let i = y;
  let j = y;
  for (let round = 0; round < rounds; round++) {
    a = madd(x, a, y);
    b = madd(x, b, y);
    c = madd(x, c, y);
    d = madd(x, d, y);
    e = madd(x, e, y);
    f = madd(x, f, y);
    g = madd(x, g, y);
    h = madd(x, h, y);
    i = madd(x, i, y);
    j = madd(x, j, y);
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return sumLanes(f32x4.add(sum, f32x4.add(i, j)));
}

/** Copies `bytes`, a multiple of 64, by vectors. */
export function copy(from: usize, to: usize, bytes: i32): void {
  for (const end = from + bytes; from < end; from += 64) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
    to += 64;
  }
}
