/**
 * Sums over rows that do not depend on how work is divided: a fixed number of blocks of rows, each summed into a
 * partial vector of its own, then the partial vectors added in order.
 */

/** The first row of a block, of `blocks` that divide `rows`. */
// @ts-ignore: decorator
@inline
export function blockStart(block: i32, blocks: i32, rows: i32): i32 {
  return <i32>((<i64>block * rows) / blocks);
}

/** to[i] = the sum over p < count of partials[p, i], for i in [start, end); `stride` elements between partials. */
export function sumPartials(partials: usize, count: i32, stride: i32, to: usize, start: i32, end: i32): void {
  for (let i = start; i < end; i++) {
    let sum: f32 = 0;
    for (let p = 0; p < count; p++) sum += load<f32>(partials + ((<usize>p * stride + i) << 2));
    store<f32>(to + (<usize>i << 2), sum);
  }
}

/** to[i] += from[i] for i < n. */
// @ts-ignore: decorator
@inline
export function addInto(to: usize, from: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    to += 16;
    from += 16;
  }
  for (; i < n; i++) {
    store<f32>(to, load<f32>(to) + load<f32>(from));
    to += 4;
    from += 4;
  }
}
