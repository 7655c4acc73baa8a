/** Seeded draws in f64, from core's generator: `randomNormal` of core rounds to f32. */
import type { Rng } from '@mixerzoo/core';
import { dot, unit, type Vector } from './vectors.js';

/** d standard normals. */
export const normalVector = (rng: Rng, dimension: number): Vector =>
  Float64Array.from({ length: dimension }, () => rng.normal());

/** Uniform on the unit sphere of R^d. */
export const unitVector = (rng: Rng, dimension: number): Vector => unit(normalVector(rng, dimension));

/** Rows of unit norm, each orthogonal to all before it (Gram-Schmidt on normals); `count` at most `dimension`. */
export function orthonormalRows(rng: Rng, count: number, dimension: number): Vector[] {
  const rows: Vector[] = [];
  while (rows.length < count) {
    let row = normalVector(rng, dimension);
    // Twice: once leaves what rounding adds.
    for (const other of [...rows, ...rows]) {
      const share = dot(row, other);
      row = row.map((value, i) => value - share * other[i]!);
    }
    rows.push(unit(row));
  }
  return rows;
}

/** `count` of the numbers 0 .. below - 1, all different, in random order. */
export function distinctIntegers(rng: Rng, count: number, below: number): number[] {
  const pool = Array.from({ length: below }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + rng.integer(below - i);
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.slice(0, count);
}
