/**
 * Fourier transforms of columns of real numbers, eight at once, each on its own: four lanes of vectors, and a column in the
 * real part beside one in the imaginary part. A row is eight floats; n rows, n a power of two from 2.
 *
 * The first n / 2 rows are a sequence, the rest is the room that keeps a convolution from going round: they are never read on
 * the way in and never written on the way out. Rows of a spectrum are in bit-reversed order, in which no pass sorts: stages of four
 * rows, decimation in frequency forward and in time back (Gentleman and Sande 1966; Cooley and Tukey 1965).
 */
import { madd } from '@mixerzoo/core/assembly/simd';

/** Bytes of a row. */
export const ROW: usize = 32;
/** Bytes before the table: w^(2^i) in double precision. */
const POWERS: usize = 512;

/** Bytes of scratch that `fillTwiddles` fills. */
export function twiddleBytes(n: i32): i32 {
  return <i32>POWERS + 6 * n;
}

/** w^j, real and imaginary part, for j < 3 n / 4 and w = e^(-2 pi i / n), from half angles in double precision. */
export function fillTwiddles(to: usize, n: i32): void {
  // to[bit] = w^(2^bit), of angle 2 pi / (n / 2^bit): halved from bit to bit, the largest last.
  let cosine: f64 = -1;
  let sine: f64 = 0;
  for (let size = 2; size <= n; size <<= 1) {
    if (size == 4) {
      cosine = 0;
      sine = 1;
    } else if (size > 4) {
      cosine = sqrt((1 + cosine) / 2);
      sine = sine / (2 * cosine);
    }
    const at = to + (<usize>ctz(n / size) << 4);
    store<f64>(at, cosine);
    store<f64>(at, -sine, 8);
  }
  const table = to + POWERS;
  for (let j = 0; j < max(1, (3 * n) >> 2); j++) {
    let re: f64 = 1;
    let im: f64 = 0;
    for (let bits = j; bits != 0; bits &= bits - 1) {
      const at = to + (<usize>ctz(bits) << 4);
      const real = re * load<f64>(at) - im * load<f64>(at, 8);
      im = re * load<f64>(at, 8) + im * load<f64>(at);
      re = real;
    }
    store<f32>(table + (<usize>j << 3), <f32>re);
    store<f32>(table + (<usize>j << 3), <f32>im, 4);
  }
}

/** The spectrum of a sequence, in place. */
export function transform(z: usize, n: i32, twiddles: usize): void {
  const table = twiddles + POWERS;
  const half = <usize>(n >> 1) * ROW;
  for (let at: usize = 0; at < half; at += ROW) {
    const w = table + (at >> 2);
    turned(z + half + at, v128.load(z + at), v128.load(z + at, 16), load<f32>(w), load<f32>(w, 4));
  }
  let size = n >> 1;
  for (; size >= 4; size >>= 2) {
    const step = <usize>(n / size) << 3;
    for (let block = z, end = z + 2 * half; block < end; block += <usize>size * ROW) {
      forwardBlock(block, <usize>(size >> 2) * ROW, table, step);
    }
  }
  if (size == 2) sumsAndDifferences(z, n);
}

/** The sequence of a spectrum, in place and n times as large. */
export function transformBack(z: usize, n: i32, twiddles: usize): void {
  const table = twiddles + POWERS;
  const half = <usize>(n >> 1) * ROW;
  // The sizes of `transform`, from its last to its first.
  let size = 4;
  if (((31 - clz(n)) & 1) == 0) {
    sumsAndDifferences(z, n);
    size = 8;
  }
  for (; size <= n >> 1; size <<= 2) {
    const step = <usize>(n / size) << 3;
    for (let block = z, end = z + 2 * half; block < end; block += <usize>size * ROW) {
      backwardBlock(block, <usize>(size >> 2) * ROW, table, step);
    }
  }
  for (let at: usize = 0; at < half; at += ROW) {
    const w = table + (at >> 2);
    const wr = f32x4.splat(load<f32>(w));
    const wi = f32x4.splat(load<f32>(w, 4));
    const re = v128.load(z + half + at);
    const im = v128.load(z + half + at, 16);
    v128.store(z + at, madd(wi, im, madd(wr, re, v128.load(z + at))));
    v128.store(z + at, f32x4.sub(madd(wr, im, v128.load(z + at, 16)), f32x4.mul(wi, re)), 16);
  }
}

/** Rows j, j + m, j + 2 m, j + 3 m of a block of 4 m, for every j < m: two stages of two at once. `m` in bytes. */
function forwardBlock(block: usize, m: usize, table: usize, step: usize): void {
  for (let at = block, w: usize = 0; at < block + m; at += ROW, w += step) {
    const ar = v128.load(at);
    const ai = v128.load(at, 16);
    const br = v128.load(at + m);
    const bi = v128.load(at + m, 16);
    const cr = v128.load(at + 2 * m);
    const ci = v128.load(at + 2 * m, 16);
    const dr = v128.load(at + 3 * m);
    const di = v128.load(at + 3 * m, 16);
    const acr = f32x4.add(ar, cr);
    const aci = f32x4.add(ai, ci);
    const bdr = f32x4.add(br, dr);
    const bdi = f32x4.add(bi, di);
    const er = f32x4.sub(ar, cr);
    const ei = f32x4.sub(ai, ci);
    const fr = f32x4.sub(br, dr);
    const fi = f32x4.sub(bi, di);
    v128.store(at, f32x4.add(acr, bdr));
    v128.store(at, f32x4.add(aci, bdi), 16);
    const gr = f32x4.sub(acr, bdr);
    const gi = f32x4.sub(aci, bdi);
    const hr = f32x4.add(er, fi); // e - i f
    const hi = f32x4.sub(ei, fr);
    const kr = f32x4.sub(er, fi); // e + i f
    const ki = f32x4.add(ei, fr);
    if (w == 0) {
      v128.store(at + m, gr);
      v128.store(at + m, gi, 16);
      v128.store(at + 2 * m, hr);
      v128.store(at + 2 * m, hi, 16);
      v128.store(at + 3 * m, kr);
      v128.store(at + 3 * m, ki, 16);
      continue;
    }
    const w1 = table + w;
    const w2 = w1 + w;
    const w3 = w2 + w;
    turned(at + m, gr, gi, load<f32>(w2), load<f32>(w2, 4));
    turned(at + 2 * m, hr, hi, load<f32>(w1), load<f32>(w1, 4));
    turned(at + 3 * m, kr, ki, load<f32>(w3), load<f32>(w3, 4));
  }
}

/** What undoes `forwardBlock`, four times as large. */
function backwardBlock(block: usize, m: usize, table: usize, step: usize): void {
  for (let at = block, w: usize = 0; at < block + m; at += ROW, w += step) {
    if (w != 0) {
      const w1 = table + w;
      const w2 = w1 + w;
      const w3 = w2 + w;
      turned(at + m, v128.load(at + m), v128.load(at + m, 16), load<f32>(w2), -load<f32>(w2, 4));
      turned(at + 2 * m, v128.load(at + 2 * m), v128.load(at + 2 * m, 16), load<f32>(w1), -load<f32>(w1, 4));
      turned(at + 3 * m, v128.load(at + 3 * m), v128.load(at + 3 * m, 16), load<f32>(w3), -load<f32>(w3, 4));
    }
    const ar = v128.load(at);
    const ai = v128.load(at, 16);
    const gr = v128.load(at + m);
    const gi = v128.load(at + m, 16);
    const hr = v128.load(at + 2 * m);
    const hi = v128.load(at + 2 * m, 16);
    const kr = v128.load(at + 3 * m);
    const ki = v128.load(at + 3 * m, 16);
    const acr = f32x4.add(ar, gr);
    const aci = f32x4.add(ai, gi);
    const bdr = f32x4.sub(ar, gr);
    const bdi = f32x4.sub(ai, gi);
    const er = f32x4.add(hr, kr);
    const ei = f32x4.add(hi, ki);
    const fr = f32x4.sub(ki, hi); // i (h - k)
    const fi = f32x4.sub(hr, kr);
    v128.store(at, f32x4.add(acr, er));
    v128.store(at, f32x4.add(aci, ei), 16);
    v128.store(at + m, f32x4.add(bdr, fr));
    v128.store(at + m, f32x4.add(bdi, fi), 16);
    v128.store(at + 2 * m, f32x4.sub(acr, er));
    v128.store(at + 2 * m, f32x4.sub(aci, ei), 16);
    v128.store(at + 3 * m, f32x4.sub(bdr, fr));
    v128.store(at + 3 * m, f32x4.sub(bdi, fi), 16);
  }
}

/** The stage of two neighbouring rows, which is its own inverse but for a factor 2. */
function sumsAndDifferences(z: usize, n: i32): void {
  for (let at = z, end = z + <usize>n * ROW; at < end; at += 2 * ROW) {
    for (let part: usize = 0; part < ROW; part += 16) {
      const a = v128.load(at + part);
      const b = v128.load(at + part, 32);
      v128.store(at + part, f32x4.add(a, b));
      v128.store(at + part, f32x4.sub(a, b), 32);
    }
  }
}

/** to = (re + i im) (wr + i wi) */
// @ts-ignore: decorator
@inline
function turned(to: usize, re: v128, im: v128, wr: f32, wi: f32): void {
  const real = f32x4.splat(wr);
  const imaginary = f32x4.splat(wi);
  v128.store(to, f32x4.sub(f32x4.mul(re, real), f32x4.mul(im, imaginary)));
  v128.store(to, madd(re, imaginary, f32x4.mul(im, real)), 16);
}
