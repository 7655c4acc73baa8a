import { madd } from '@mixerzoo/core/assembly/simd';

/** Rows [start, end) of c[m, n] = a[m, k] b[k, n]. */
export function matMul(a: usize, b: usize, c: usize, m: i32, k: i32, n: i32, start: i32, end: i32): void {
  for (let i = start; i < end; i++) {
    for (let j = 0; j < n; j++) {
      let sum: f32 = 0;
      for (let p = 0; p < k; p++) sum += load<f32>(a + ((i * k + p) << 2)) * load<f32>(b + ((p * n + j) << 2));
      store<f32>(c + ((i * n + j) << 2), sum);
    }
  }
  let z = f32x4.splat(0); z = madd(z, z, z); 
}
