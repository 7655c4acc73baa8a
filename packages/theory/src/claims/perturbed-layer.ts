/** A layer that nobody set to be right: what Theorem 2 and Proposition 3 are about, beside trained ones. */
import type { Rng } from '@mixerzoo/core';
import { normalVector } from '../math/random.js';
import { type Filter, scaled, type Vector } from '../math/vectors.js';

/** How far a layer is from a construction of the paper. */
export interface Perturbation {
  readonly dModel: number;
  /** c: W = c I plus noise. */
  readonly strength: number;
  /** The filter has the delays -reach to reach. */
  readonly reach: number;
  /** Its tap of delay -1. */
  readonly weight: number;
  /** The sum of what is added to its taps, in random shares. */
  readonly perturbation: number;
}

/** W [d, d] = c I plus noise, F = weight D_-1 plus a little of every delay. */
export function perturbedLayer(
  rng: Rng,
  { dModel, strength, reach, weight, perturbation }: Perturbation,
): { readonly weights: Vector[]; readonly filter: Filter } {
  const weights = Array.from({ length: dModel }, (_, i) => {
    const row = scaled(normalVector(rng, dModel), 0.5);
    row[i] = row[i]! + strength;
    return row;
  });
  const shares = Array.from({ length: 2 * reach + 1 }, () => rng.uniform());
  const total = shares.reduce((sum, share) => sum + share, 0);
  const taps = shares.map((share, j) => (perturbation * share) / total + (j === reach - 1 ? weight : 0));
  return { weights, filter: { from: -reach, taps } };
}
