/**
 * The long convolution and its gradient. x, y, dY, dX [B, L, d], filter and dFilter [L, d].
 *
 * A unit of work is a block: every `blocks`-th of the groups of eight columns, for all sequences, so that sums over these have one owner.
 * Columns are brought together in scratch, in rows of eight, and missing ones are zero. `n` is the size of the Fourier transforms, at
 * least 2 L; 0 asks for the direct sums.
 */
import { convolveRows } from './direct.as';
import { ROW, transform, transformBack } from './fft.as';
import { correlate, join, multiply, part } from './spectra.as';

export { fillTwiddles, twiddleBytes } from './fft.as';

/** Rows of scratch that a block of `convolve` needs, or of `convolveGradient`. */
export function scratchRows(length: i32, n: i32, gradient: i32): i32 {
  if (n == 0) return (gradient != 0 ? 5 : 3) * ((length + 3) & ~3);
  return (gradient != 0 ? 4 : 2) * n;
}

export function convolve(
  x: usize, filter: usize, y: usize,
  batch: i32, length: i32, d: i32, n: i32, twiddles: usize, scratch: usize, blocks: i32, start: i32, end: i32,
): void {
  const rows = n == 0 ? (length + 3) & ~3 : n >> 1;
  const size = <usize>(n == 0 ? rows : n) * ROW;
  for (let block = start; block < end; block++) {
    const taps = scratch + <usize>block * <usize>scratchRows(length, n, 0) * ROW;
    const from = taps + size;
    for (let column = 8 * block; column < d; column += 8 * blocks) {
      bring(filter, taps, length, rows, column, d, false);
      if (n != 0) {
        transform(taps, n, twiddles);
        part(taps, n, <f32>1 / <f32>n);
      }
      for (let sequence = 0; sequence < batch; sequence++) {
        const at = (<usize>sequence * length * d) << 2;
        bring(x + at, from, length, rows, column, d, false);
        if (n == 0) {
          convolveRows(from, taps, from + size, rows, false);
          take(from + size, y + at, length, column, d, false);
        } else {
          transform(from, n, twiddles);
          multiply(from, taps, n);
          transformBack(from, n, twiddles);
          take(from, y + at, length, column, d, false);
        }
      }
    }
  }
}

/**
 * dX_s = sum_{t >= s} filter_{t - s} dY_t and dFilter_j = sum over sequences and t of dY_t x_{t - j}: correlations, which are
 * convolutions of what is turned round in time.
 */
export function convolveGradient(
  x: usize, filter: usize, dY: usize, dX: usize, dFilter: usize,
  batch: i32, length: i32, d: i32, n: i32, twiddles: usize, scratch: usize, blocks: i32, start: i32, end: i32,
): void {
  const rows = n == 0 ? (length + 3) & ~3 : n >> 1;
  const size = <usize>(n == 0 ? rows : n) * ROW;
  for (let block = start; block < end; block++) {
    const taps = scratch + <usize>block * <usize>scratchRows(length, n, 1) * ROW;
    const sums = taps + size;
    const input = sums + size;
    const slope = input + size;
    for (let column = 8 * block; column < d; column += 8 * blocks) {
      bring(filter, taps, length, rows, column, d, false);
      memory.fill(sums, 0, size);
      if (n != 0) {
        transform(taps, n, twiddles);
        part(taps, n, <f32>1 / <f32>n);
      }
      for (let sequence = 0; sequence < batch; sequence++) {
        const at = (<usize>sequence * length * d) << 2;
        bring(x + at, input, length, rows, column, d, false);
        bring(dY + at, slope, length, rows, column, d, n == 0);
        if (n == 0) {
          convolveRows(slope, taps, slope + size, rows, false);
          convolveRows(slope, input, sums, rows, true);
          take(slope + size, dX + at, length, column, d, true);
        } else {
          transform(input, n, twiddles);
          part(input, n, <f32>1 / <f32>n);
          transform(slope, n, twiddles);
          part(slope, n, 1);
          correlate(slope, input, taps, sums, n);
          join(slope, n);
          transformBack(slope, n, twiddles);
          take(slope, dX + at, length, column, d, false);
        }
      }
      if (n != 0) {
        join(sums, n);
        transformBack(sums, n, twiddles);
      }
      take(sums, dFilter, length, column, d, n == 0);
    }
  }
}

/** Rows of eight columns of x [length, d], from `column` on, turned round in time or not; `rows` of them, the rest zero. */
function bring(x: usize, to: usize, length: i32, rows: i32, column: i32, d: i32, turned: bool): void {
  const count = min(8, d - column);
  const step = <usize>d << 2;
  let from = x + (<usize>column << 2) + (turned ? <usize>(length - 1) * step : 0);
  for (let t = 0; t < length; t++) {
    if (count == 8) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
    } else {
      for (let c = 0; c < 8; c++) store<f32>(to + (<usize>c << 2), c < count ? load<f32>(from + (<usize>c << 2)) : 0);
    }
    from = turned ? from - step : from + step;
    to += ROW;
  }
  memory.fill(to, 0, <usize>(rows - length) * ROW);
}

/** What undoes `bring`. */
function take(from: usize, x: usize, length: i32, column: i32, d: i32, turned: bool): void {
  const count = min(8, d - column);
  const step = <usize>d << 2;
  let to = x + (<usize>column << 2) + (turned ? <usize>(length - 1) * step : 0);
  for (let t = 0; t < length; t++) {
    if (count == 8) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
    } else {
      for (let c = 0; c < count; c++) store<f32>(to + (<usize>c << 2), load<f32>(from + (<usize>c << 2)));
    }
    to = turned ? to - step : to + step;
    from += ROW;
  }
}
