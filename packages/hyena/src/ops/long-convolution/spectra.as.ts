/**
 * Products of the spectra that `transform` makes. A row of it holds two columns, z = x + i y: those of the frequencies k and -k
 * together give X_k and Y_k, the spectra of the columns,
 *
 *   X_k = (z_k + conj z_-k) / 2,   Y_k = (z_k - conj z_-k) / 2i,   z_k = X_k + i Y_k,   z_-k = conj X_k + i conj Y_k.
 *
 * In bit-reversed order row p of [h, 2 h), h a power of two, is the negative of row 3 h - 1 - p; rows 0 and 1 are their own, and real.
 * "Parted" rows hold X_k in the one and Y_k in the other.
 */
import { madd } from '@mixerzoo/core/assembly/simd';
import { ROW } from './fft.as';

/** Parts a spectrum in place, and scales it. */
export function part(z: usize, n: i32, scale: f32): void {
  const halves = f32x4.splat(scale / 2);
  const whole = f32x4.splat(scale);
  for (let at = z; at < z + 2 * ROW; at += 16) v128.store(at, f32x4.mul(v128.load(at), whole));
  for (let h = 2; h < n; h <<= 1) {
    for (let p = z + <usize>h * ROW, q = p + <usize>(h - 1) * ROW; p < q; p += ROW, q -= ROW) {
      const pr = f32x4.mul(v128.load(p), halves);
      const pi = f32x4.mul(v128.load(p, 16), halves);
      const qr = f32x4.mul(v128.load(q), halves);
      const qi = f32x4.mul(v128.load(q, 16), halves);
      v128.store(p, f32x4.add(pr, qr));
      v128.store(p, f32x4.sub(pi, qi), 16);
      v128.store(q, f32x4.add(pi, qi));
      v128.store(q, f32x4.sub(qr, pr), 16);
    }
  }
}

/** Undoes `part`. */
export function join(z: usize, n: i32): void {
  for (let h = 2; h < n; h <<= 1) {
    for (let p = z + <usize>h * ROW, q = p + <usize>(h - 1) * ROW; p < q; p += ROW, q -= ROW) {
      joined(p, q, v128.load(p), v128.load(p, 16), v128.load(q), v128.load(q, 16));
    }
  }
}

/** z = z filter, of a spectrum and a parted one: a convolution. */
export function multiply(z: usize, filter: usize, n: i32): void {
  for (let at: usize = 0; at < 2 * ROW; at += 16) v128.store(z + at, f32x4.mul(v128.load(z + at), v128.load(filter + at)));
  const half = f32x4.splat(0.5);
  for (let h = 2; h < n; h <<= 1) {
    const first = <usize>h * ROW;
    for (let p = first, q = first + <usize>(h - 1) * ROW; p < q; p += ROW, q -= ROW) {
      const pr = f32x4.mul(v128.load(z + p), half);
      const pi = f32x4.mul(v128.load(z + p, 16), half);
      const qr = f32x4.mul(v128.load(z + q), half);
      const qi = f32x4.mul(v128.load(z + q, 16), half);
      const xr = f32x4.add(pr, qr);
      const xi = f32x4.sub(pi, qi);
      const yr = f32x4.add(pi, qi);
      const yi = f32x4.sub(qr, pr);
      const fr = v128.load(filter + p);
      const fi = v128.load(filter + p, 16);
      const gr = v128.load(filter + q);
      const gi = v128.load(filter + q, 16);
      joined(
        z + p,
        z + q,
        f32x4.sub(f32x4.mul(xr, fr), f32x4.mul(xi, fi)),
        madd(xr, fi, f32x4.mul(xi, fr)),
        f32x4.sub(f32x4.mul(yr, gr), f32x4.mul(yi, gi)),
        madd(yr, gi, f32x4.mul(yi, gr)),
      );
    }
  }
}

/** sum += z conj x and z = z conj filter, all of them parted: correlations. */
export function correlate(z: usize, x: usize, filter: usize, sum: usize, n: i32): void {
  for (let at: usize = 0; at < 2 * ROW; at += 16) {
    v128.store(sum + at, madd(v128.load(z + at), v128.load(x + at), v128.load(sum + at)));
    v128.store(z + at, f32x4.mul(v128.load(z + at), v128.load(filter + at)));
  }
  for (let at: usize = 2 * ROW; at < <usize>n * ROW; at += ROW) {
    const re = v128.load(z + at);
    const im = v128.load(z + at, 16);
    const xr = v128.load(x + at);
    const xi = v128.load(x + at, 16);
    const fr = v128.load(filter + at);
    const fi = v128.load(filter + at, 16);
    v128.store(sum + at, madd(im, xi, madd(re, xr, v128.load(sum + at))));
    v128.store(sum + at, f32x4.sub(madd(im, xr, v128.load(sum + at, 16)), f32x4.mul(re, xi)), 16);
    v128.store(z + at, madd(im, fi, f32x4.mul(re, fr)));
    v128.store(z + at, f32x4.sub(f32x4.mul(im, fr), f32x4.mul(re, fi)), 16);
  }
}

/** Rows p and q of the spectrum, of parted X and Y. */
// @ts-ignore: decorator
@inline
function joined(p: usize, q: usize, xr: v128, xi: v128, yr: v128, yi: v128): void {
  v128.store(p, f32x4.sub(xr, yi));
  v128.store(p, f32x4.add(xi, yr), 16);
  v128.store(q, f32x4.add(xr, yi));
  v128.store(q, f32x4.sub(yr, xi), 16);
}
