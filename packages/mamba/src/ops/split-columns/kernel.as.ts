/** Columns of rows: rows [start, end) of `width` floats, from one matrix into another. Strides and columns in floats. */
export function copyColumns(
  from: usize, fromStride: i32, to: usize, toStride: i32, width: i32, start: i32, end: i32,
): void {
  for (let row = start; row < end; row++) {
    memory.copy(to + (<usize>(row * toStride) << 2), from + (<usize>(row * fromStride) << 2), <usize>width << 2);
  }
}
