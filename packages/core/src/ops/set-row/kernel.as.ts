/** Setting a row; a unit of work is a sequence. */

/** y = x but for row `at`, which is `row`. y may be x. */
export function setRow(x: usize, row: usize, y: usize, rows: i32, width: i32, at: i32, start: i32, end: i32): void {
  const bytes = <usize>width << 2;
  const all = <usize>rows * bytes;
  for (let sequence = <usize>start; sequence < <usize>end; sequence++) {
    if (x != y) memory.copy(y + sequence * all, x + sequence * all, all);
    memory.copy(y + sequence * all + <usize>at * bytes, row + sequence * bytes, bytes);
  }
}
