/** Gathers rows of a table, and adds rows up where they came from. */
import { addInto } from '@mixerzoo/core/assembly/reduce';

/** The first i < n with indices[i] outside [0, rows), or -1. */
export function firstOutside(indices: usize, n: i32, rows: i32): i32 {
  for (let i = 0; i < n; i++) {
    if (<u32>load<i32>(indices + (<usize>i << 2)) >= <u32>rows) return i;
  }
  return -1;
}

/** y[i] = table[indices[i]] for i in [start, end); rows of d elements. */
export function gather(table: usize, indices: usize, y: usize, d: i32, start: i32, end: i32): void {
  const bytes = <usize>d << 2;
  for (let i = start; i < end; i++) {
    const from = table + <usize>load<i32>(indices + (<usize>i << 2)) * bytes;
    const to = y + <usize>i * bytes;
    let j: usize = 0;
    for (; j + 16 <= bytes; j += 16) v128.store(to + j, v128.load(from + j));
    for (; j < bytes; j += 4) store<f32>(to + j, load<f32>(from + j));
  }
}

/**
 * table[r] = the sum of dY[i] over i with indices[i] = r, in order, for the rows r in [start, end). Indices outside
 * of the table are passed over.
 */
export function scatterAdd(dY: usize, indices: usize, table: usize, n: i32, d: i32, start: i32, end: i32): void {
  const bytes = <usize>d << 2;
  memory.fill(table + <usize>start * bytes, 0, <usize>(end - start) * bytes);
  for (let i = 0; i < n; i++) {
    const row = load<i32>(indices + (<usize>i << 2));
    if (row >= start && row < end) addInto(table + <usize>row * bytes, dY + <usize>i * bytes, d);
  }
}
