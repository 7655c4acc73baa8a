/** Decayed sum and its gradient. @mixerzoo/core/assembly/README.md says what kernels can import. */

/** A unit of work is a sequence: y of the sequences [start, end). x, y [B, L, d], decay [d]. */
export function decayedSum(
  x: usize, decay: usize, y: usize, length: i32, width: i32, start: i32, end: i32,
): void {
  const rowBytes = <usize>width << 2;
  for (let b = start; b < end; b++) {
    let at = <usize>(b * length) * rowBytes;
    for (let t = 0; t < length; t++, at += rowBytes) {
      for (let c: usize = 0; c < rowBytes; c += 4) {
        const before: f32 = t > 0 ? load<f32>(y + at - rowBytes + c) : 0;
        store<f32>(y + at + c, load<f32>(decay + c) * before + load<f32>(x + at + c));
      }
    }
  }
}

/**
 * A unit of work is a column, so that the sum over all sequences has one owner:
 * dX_t = dY_t + a dX_{t+1}, dDecay = sum_t dX_t y_{t-1}. y, dY, dX [B, L, d], decay, dDecay [d].
 */
export function decayedSumGradient(
  decay: usize, y: usize, dY: usize, dX: usize, dDecay: usize, batch: i32, length: i32, width: i32, start: i32, end: i32,
): void {
  const rowBytes = <usize>width << 2;
  for (let column = start; column < end; column++) {
    const c = <usize>column << 2;
    const a = load<f32>(decay + c);
    let sum: f32 = 0;
    for (let b = 0; b < batch; b++) {
      let carried: f32 = 0;
      for (let t = length - 1; t >= 0; t--) {
        const at = <usize>(b * length + t) * rowBytes + c;
        const slope = load<f32>(dY + at) + a * carried;
        if (t > 0) sum += slope * load<f32>(y + at - rowBytes);
        store<f32>(dX + at, slope);
        carried = slope;
      }
    }
    store<f32>(dDecay + c, sum);
  }
}
