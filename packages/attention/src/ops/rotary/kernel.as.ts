/** Rotary positions; a unit of work is a row: one token of one sequence. */

/** y = x rotated; direction -1 rotates back. cos and sin are [length, half]. */
export function rotate(
  x: usize, cos: usize, sin: usize, y: usize,
  length: i32, nHeads: i32, headDim: i32, half: i32, direction: f32, start: i32, end: i32,
): void {
  const rest = <usize>(headDim - 2 * half) << 2;
  const across = <usize>half << 2;
  const directions = f32x4.splat(direction);
  for (let row = start; row < end; row++) {
    const c = cos + (<usize>((row % length) * half) << 2);
    const s = sin + (<usize>((row % length) * half) << 2);
    for (let head = 0; head < nHeads; head++) {
      const at = <usize>((row * nHeads + head) * headDim) << 2;
      const from = x + at;
      const to = y + at;
      let i = 0;
      for (; i + 4 <= half; i += 4) {
        const e = <usize>i << 2;
        const first = v128.load(from + e);
        const second = v128.load(from + across + e);
        const cosines = v128.load(c + e);
        const sines = f32x4.mul(v128.load(s + e), directions);
        v128.store(to + e, f32x4.sub(f32x4.mul(first, cosines), f32x4.mul(second, sines)));
        v128.store(to + across + e, f32x4.add(f32x4.mul(second, cosines), f32x4.mul(first, sines)));
      }
      for (; i < half; i++) {
        const e = <usize>i << 2;
        const first = load<f32>(from + e);
        const second = load<f32>(from + across + e);
        const cosine = load<f32>(c + e);
        const sine = load<f32>(s + e) * direction;
        store<f32>(to + e, first * cosine - second * sine);
        store<f32>(to + across + e, second * cosine + first * sine);
      }
      memory.copy(to + 2 * across, from + 2 * across, rest);
    }
  }
}
