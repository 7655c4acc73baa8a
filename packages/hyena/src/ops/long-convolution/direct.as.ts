/** The convolution as it is written, for short sequences: tiles of four rows by four, on rows of eight columns. */
import { madd } from '@mixerzoo/core/assembly/simd';
import { ROW } from './fft.as';

/** y_t = sum_{s <= t} x_s filter_{t - s}, or y += it; `rows` a multiple of four. */
export function convolveRows(x: usize, filter: usize, y: usize, rows: i32, accumulate: bool): void {
  for (let part: usize = 0; part < ROW; part += 16) {
    for (let t = 0; t < rows; t += 4) convolveFour(x + part, filter + part, y + part + <usize>t * ROW, t, accumulate);
  }
}

/** Rows t to t + 3. */
function convolveFour(x: usize, filter: usize, y: usize, t: i32, accumulate: bool): void {
  let y0 = f32x4.splat(0);
  let y1 = y0;
  let y2 = y0;
  let y3 = y0;
  if (accumulate) {
    y0 = v128.load(y);
    y1 = v128.load(y, 32);
    y2 = v128.load(y, 64);
    y3 = v128.load(y, 96);
  }
  // Four inputs a turn; their delays to the first row are `delay` to `delay - 3`, and three of them serve the next turn too.
  let delay = filter + <usize>t * ROW;
  let f1 = v128.load(delay, 32);
  let f2 = v128.load(delay, 64);
  let f3 = v128.load(delay, 96);
  let from = x;
  for (; delay > filter; delay -= 4 * ROW, from += 4 * ROW) {
    const f0 = v128.load(delay);
    const before1 = v128.load(delay - 32);
    const before2 = v128.load(delay - 64);
    const before3 = v128.load(delay - 96);
    const x0 = v128.load(from);
    y0 = madd(x0, f0, y0);
    y1 = madd(x0, f1, y1);
    y2 = madd(x0, f2, y2);
    y3 = madd(x0, f3, y3);
    const x1 = v128.load(from, 32);
    y0 = madd(x1, before1, y0);
    y1 = madd(x1, f0, y1);
    y2 = madd(x1, f1, y2);
    y3 = madd(x1, f2, y3);
    const x2 = v128.load(from, 64);
    y0 = madd(x2, before2, y0);
    y1 = madd(x2, before1, y1);
    y2 = madd(x2, f0, y2);
    y3 = madd(x2, f1, y3);
    const x3 = v128.load(from, 96);
    y0 = madd(x3, before3, y0);
    y1 = madd(x3, before2, y1);
    y2 = madd(x3, before1, y2);
    y3 = madd(x3, f0, y3);
    f3 = before1;
    f2 = before2;
    f1 = before3;
  }
  const f0 = v128.load(filter);
  const x0 = v128.load(from);
  const x1 = v128.load(from, 32);
  const x2 = v128.load(from, 64);
  v128.store(y, madd(x0, f0, y0));
  v128.store(y, madd(x1, f0, madd(x0, f1, y1)), 32);
  v128.store(y, madd(x2, f0, madd(x1, f1, madd(x0, f2, y2))), 64);
  v128.store(y, madd(v128.load(from, 96), f0, madd(x2, f1, madd(x1, f2, madd(x0, f3, y3)))), 96);
}
