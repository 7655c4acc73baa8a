/**
 * Linear algebra in f64 on rows: a matrix [L, d] is a list of L vectors. The claims need it where a softmax at a large inverse
 * temperature overflows f32, or a filter looks ahead, as no causal mixer does.
 */

/** A vector of f64. */
export type Vector = Float64Array;

/** A filter along the sequence: tap j acts on the row `from + j` places back; a negative delay looks ahead. */
export interface Filter {
  readonly from: number;
  readonly taps: readonly number[];
}

/** `D_delay`: the filter that shifts a sequence back by `delay` rows; 0 is the identity, -1 the next row. */
export const delayBy = (delay: number): Filter => ({ from: delay, taps: [1] });

/** `D_delay * F`. */
export const delayed = (filter: Filter, delay: number): Filter => ({ ...filter, from: filter.from + delay });

/** a . b */
export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The Euclidean norm. */
export const norm = (a: Vector): number => Math.sqrt(dot(a, a));

/** s a */
export const scaled = (a: Vector, s: number): Vector => a.map((value) => s * value);

/** a / |a| */
export const unit = (a: Vector): Vector => scaled(a, 1 / norm(a));

/** |a - b| */
export const distance = (a: Vector, b: Vector): number => norm(a.map((value, i) => value - b[i]!));

/** The sum of |a_i - b_i|. */
export const l1Distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0);

/** The sum of w_i row_i. */
export function weightedSum(weights: ArrayLike<number>, rows: readonly Vector[]): Vector {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const [index, row] of rows.entries()) {
    const weight = weights[index]!;
    if (weight !== 0) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + weight * row[i]!;
  }
  return sum;
}

/** X * F: row t is the sum over delays j of F_j X[t - j]; rows outside of the sequence are zero. */
export function convolve(rows: readonly Vector[], { from, taps }: Filter): Vector[] {
  const width = rows[0]?.length ?? 0;
  return rows.map((_, t) => {
    const sum = new Float64Array(width);
    for (const [j, tap] of taps.entries()) {
      const row = rows[t - from - j];
      if (row) for (let i = 0; i < width; i++) sum[i] = sum[i]! + tap * row[i]!;
    }
    return sum;
  });
}

/** exp(x_i) / sum_j exp(x_j), whatever the size of x. */
export function softmax(logits: Vector): Vector {
  const top = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const weights = logits.map((value) => Math.exp(value - top));
  return scaled(weights, 1 / weights.reduce((sum, value) => sum + value, 0));
}

/** The index of the row nearest to a vector: how the paper reads tokens from outputs (Section 4). */
export function nearest(rows: readonly Vector[], vector: Vector): number {
  const distances = rows.map((row) => distance(row, vector));
  return distances.indexOf(Math.min(...distances));
}
