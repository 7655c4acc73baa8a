/** Rows of a chunk of a head: from and to tensors [B, L, H w], and what is done with all of them. Rows have whole vectors. */
import { madd } from '@mixerzoo/core/assembly/simd';
import { dot, scaled } from '@mixerzoo/core/assembly/vector';

/** Bytes from the start of a tensor [B, L, H width] to token `token` of head `head` of B H. */
// @ts-ignore: decorator
@inline
export function tokenOffset(head: i32, token: i32, length: i32, heads: i32, width: i32): usize {
  return ((<usize>(head / heads) * length + token) * heads + (head % heads)) * width << 2;
}

/** to[t] = factor from[t], zeros behind `columns`. */
export function loadRows(to: usize, row: usize, from: usize, step: usize, n: i32, columns: i32, factor: f32): void {
  for (let t = 0; t < n; t++, to += row, from += step) {
    v128.store(to + row - 16, f32x4.splat(0));
    scaled(to, from, columns, factor);
  }
}

/** to[t] = factor from[t], the first `columns`. */
export function storeRows(to: usize, step: usize, from: usize, row: usize, n: i32, columns: i32, factor: f32): void {
  for (let t = 0; t < n; t++, from += row, to += step) scaled(to, from, columns, factor);
}

/** rows *= factors, all of n rows. */
export function multiplyRows(rows: usize, factors: usize, row: usize, n: i32): void {
  for (let at: usize = 0; at < <usize>n * row; at += 16) v128.store(rows + at, f32x4.mul(v128.load(rows + at), v128.load(factors + at)));
}

/** matrix[i, j] *= factors[i]; rows of `columns` lie one after the other. */
export function scaleRows(matrix: usize, columns: i32, factors: usize, rows: i32): void {
  for (let i = 0; i < rows; i++, matrix += <usize>columns << 2, factors += 4) scaled(matrix, matrix, columns, load<f32>(factors));
}

/** to[i] = factors[i] <a[i], b[i]> of matrices with rows of `columns`. */
export function productsOfRows(to: usize, a: usize, b: usize, factors: usize, rows: i32, columns: i32): void {
  const step = <usize>columns << 2;
  for (let i = 0; i < rows; i++, a += step, b += step, to += 4, factors += 4) store<f32>(to, load<f32>(factors) * dot(a, b, columns));
}

/** to[c] = from[c] - to[c] */
export function subtractFrom(from: usize, to: usize, count: i32): void {
  let c: usize = 0;
  const bytes = <usize>count << 2;
  for (; c + 16 <= bytes; c += 16) v128.store(to + c, f32x4.sub(v128.load(from + c), v128.load(to + c)));
  for (; c < bytes; c += 4) store<f32>(to + c, load<f32>(from + c) - load<f32>(to + c));
}

/** to[c] += from[c] */
export function addTo(to: usize, from: usize, count: i32): void {
  let c: usize = 0;
  const bytes = <usize>count << 2;
  for (; c + 16 <= bytes; c += 16) v128.store(to + c, f32x4.add(v128.load(to + c), v128.load(from + c)));
  for (; c < bytes; c += 4) store<f32>(to + c, load<f32>(to + c) + load<f32>(from + c));
}

/**
 * row += sign * sum of weight_i rows_i over `count` rows, whole vectors; weights lie `step` bytes apart.
 */
export function addWeighted(row: usize, weights: usize, step: usize, rows: usize, rowBytes: usize, count: i32, sign: f32): void {
  const factor = f32x4.splat(sign);
  let j: usize = 0;
  for (; j + 64 <= rowBytes; j += 64) {
    let s0 = v128.load(row + j);
    let s1 = v128.load(row + j, 16);
    let s2 = v128.load(row + j, 32);
    let s3 = v128.load(row + j, 48);
    let weight = weights;
    let from = rows + j;
    for (let i = 0; i < count; i++, weight += step, from += rowBytes) {
      const w = f32x4.mul(v128.load_splat<f32>(weight), factor);
      s0 = madd(w, v128.load(from), s0);
      s1 = madd(w, v128.load(from, 16), s1);
      s2 = madd(w, v128.load(from, 32), s2);
      s3 = madd(w, v128.load(from, 48), s3);
    }
    v128.store(row + j, s0);
    v128.store(row + j, s1, 16);
    v128.store(row + j, s2, 32);
    v128.store(row + j, s3, 48);
  }
  for (; j < rowBytes; j += 16) {
    let s0 = v128.load(row + j);
    let weight = weights;
    let from = rows + j;
    for (let i = 0; i < count; i++, weight += step, from += rowBytes) {
      s0 = madd(f32x4.mul(v128.load_splat<f32>(weight), factor), v128.load(from), s0);
    }
    v128.store(row + j, s0);
  }
}
