/** Sums of partial results in a fixed order, and the padding of N. */

/** Rows [start, end) of to[rows, toWidth] from[rows, fromWidth]: cut off, or filled with zeros. */
export function resizeRows(from: usize, fromWidth: i32, to: usize, toWidth: i32, start: i32, end: i32): void {
  const shared = min(fromWidth, toWidth);
  for (let row = start; row < end; row++) {
    for (let i = 0; i < toWidth; i++) {
      const value: f32 = i < shared ? load<f32>(from + (<usize>row * fromWidth + i << 2)) : 0;
      store<f32>(to + (<usize>row * toWidth + i << 2), value);
    }
  }
}

/** Columns [start, end) of to[columns] = the sum over rows of from[rows, columns]. */
export function sumRows(from: usize, to: usize, rows: i32, columns: i32, start: i32, end: i32): void {
  for (let column = start; column < end; column++) store<f32>(to + (column << 2), 0);
  for (let row = 0; row < rows; row++) {
    for (let column = start; column < end; column++) {
      const sum = to + (column << 2);
      store<f32>(sum, load<f32>(sum) + load<f32>(from + ((<usize>row * columns + column) << 2)));
    }
  }
}

/** Elements [start, end) of to = the sums of runs of `run` elements. */
export function sumRuns(from: usize, to: usize, run: i32, start: i32, end: i32): void {
  for (let i = start; i < end; i++) {
    let sum: f32 = 0;
    for (let k = 0; k < run; k++) sum += load<f32>(from + ((<usize>i * run + k) << 2));
    store<f32>(to + (i << 2), sum);
  }
}

/**
 * Tokens [start, end) of all sequences: to[B, L, G, n] = the sum of partials[B, G, parts, L, nPadded] over the parts,
 * without the padding.
 */
export function sumUnits(
  partials: usize, to: usize, length: i32, groups: i32, parts: i32, n: i32, nPadded: i32, start: i32, end: i32,
): void {
  for (let token = start; token < end; token++) {
    const sequence = token / length;
    const t = token % length;
    for (let group = 0; group < groups; group++) {
      const target = to + (<usize>((token * groups + group) * n) << 2);
      const unit = (sequence * groups + group) * parts;
      for (let i = 0; i < n; i++) {
        let sum: f32 = 0;
        for (let k = 0; k < parts; k++) {
          sum += load<f32>(partials + ((<usize>((unit + k) * length + t) * nPadded + i) << 2));
        }
        store<f32>(target + (i << 2), sum);
      }
    }
  }
}
