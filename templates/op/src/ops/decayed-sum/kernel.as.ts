/** Decayed sum. A unit of work is a sequence; @mixerzoo/core/assembly/README.md says what kernels can import. */

/** y of the sequences [start, end): x, y [B, L, d], decay [d]. */
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
