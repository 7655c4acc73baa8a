/** Products of matrices given by strides. */

/** Rows [start, end) of c[batch, m, n] = a b; a row is (batch, i). Strides count elements. */
export function multiplyRows(
  a: usize, aBatch: i32, aRow: i32, aColumn: i32,
  b: usize, bBatch: i32, bRow: i32, bColumn: i32,
  c: usize, m: i32, k: i32, n: i32, start: i32, end: i32,
): void {
  for (let row = start; row < end; row++) {
    const batch = row / m;
    const left = a + ((batch * aBatch + (row % m) * aRow) << 2);
    const right = b + ((batch * bBatch) << 2);
    for (let j = 0; j < n; j++) {
      let sum: f32 = 0;
      for (let p = 0; p < k; p++) sum += load<f32>(left + ((p * aColumn) << 2)) * load<f32>(right + ((p * bRow + j * bColumn) << 2));
      store<f32>(c + ((row * n + j) << 2), sum);
    }
  }
}
