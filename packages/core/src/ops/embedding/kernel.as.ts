/** Gathers rows of a table and scatters them back. */

/** y[i] = table[indices[i]] for i in [start, end); rows of d elements. An index out of range gives zeros. */
export function gather(table: usize, indices: usize, y: usize, rows: i32, d: i32, start: i32, end: i32): void {
  const bytes = <usize>d << 2;
  for (let i = start; i < end; i++) {
    const row = load<i32>(indices + (<usize>i << 2));
    const to = y + <usize>i * bytes;
    if (<u32>row < <u32>rows) memory.copy(to, table + <usize>row * bytes, bytes);
    else memory.fill(to, 0, bytes);
  }
}

/**
 * Adds dy[i] to table[indices[i]] for i in [0, n), in order, for the rows of the table in [start, end), which are
 * cleared first.
 */
export function scatterAdd(dy: usize, indices: usize, table: usize, n: i32, d: i32, start: i32, end: i32): void {
  const bytes = <usize>d << 2;
  memory.fill(table + <usize>start * bytes, 0, <usize>(end - start) * bytes);
  for (let i = 0; i < n; i++) {
    const row = load<i32>(indices + (<usize>i << 2));
    if (row < start || row >= end) continue;
    const to = table + <usize>row * bytes;
    const from = dy + <usize>i * bytes;
    let j: usize = 0;
    for (; j + 16 <= bytes; j += 16) v128.store(to + j, f32x4.add(v128.load(to + j), v128.load(from + j)));
    for (; j < bytes; j += 4) store<f32>(to + j, load<f32>(to + j) + load<f32>(from + j));
  }
}
