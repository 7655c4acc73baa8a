/**
 * The layer of the proofs, for its last token: `X_v^T S(K q)` (Section 4). In f64, and with whatever rows as keys and values: a
 * softmax at the temperatures of the theorems loses what f32 has of its logits, and a value filter that looks ahead is no
 * causal mixer's.
 */
import { dot, norm, scaled, softmax, type Vector, weightedSum } from './math/vectors.js';

/** What attention of one query gives. */
export interface Attended {
  /** The attention map, [L]. */
  readonly map: Vector;
  /** [d] */
  readonly output: Vector;
}

/** Softmax attention of `query` [d] to `keys` and `values` [L, d]. */
export function attend(query: Vector, keys: readonly Vector[], values: readonly Vector[]): Attended {
  const map = softmax(Float64Array.from(keys, (key) => dot(key, query)));
  return { map, output: weightedSum(map, values) };
}

/** Rows of unit norm; rows of zeros stay. */
export const normalizeRows = (rows: readonly Vector[]): Vector[] =>
  rows.map((row) => scaled(row, 1 / (norm(row) || 1)));

/** The map that recall asks for: equal weight at each of these positions. */
export function goldenMap(length: number, positions: readonly number[]): Vector {
  const map = new Float64Array(length);
  for (const position of positions) map[position] = 1 / positions.length;
  return map;
}
