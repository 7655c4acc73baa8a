/**
 * Signatures of N-grams (Appendix C.1): `s(Z) = norm(sum_i F_{N-1-i} z_i)`, the row that `norm(X * F)` has where Z ends. The first
 * N - 1 rows of a sequence see fewer tokens; they have signatures too, which the proof leaves out.
 */
import type { Rng } from '@mixerzoo/core';
import { normalizeRows } from '../attention.js';
import { dot, type Filter, type Vector, weightedSum } from '../math/vectors.js';

/** A gram and its signature; `whole` unless the start of the sequence cuts it short. */
export interface Signature {
  readonly gram: readonly number[];
  readonly signature: Vector;
  readonly whole: boolean;
}

/** The signatures of all N-grams over a vocabulary, and of what the start of a sequence leaves of them. */
export function createSignatures(embeddings: readonly Vector[], { taps }: Filter): Signature[] {
  const signatures: Signature[] = [];
  let grams: number[][] = [[]];
  for (let size = 1; size <= taps.length; size++) {
    grams = grams.flatMap((gram) => embeddings.map((_, token) => [...gram, token]));
    for (const gram of grams) {
      const weights = gram.map((_, i) => taps[size - 1 - i]!);
      const sum = weightedSum(
        weights,
        gram.map((token) => embeddings[token]!),
      );
      const [signature] = normalizeRows([sum]);
      signatures.push({ gram, signature: signature!, whole: size === taps.length });
    }
  }
  return signatures;
}

/** The least distance 1 - a.b of a query, which is whole, to any other gram; and the pairs of whole grams that are nearest. */
export function comparePairs(signatures: readonly Signature[]) {
  const nearest = signatures
    .filter(({ whole }) => whole)
    .map((query) => {
      let [most, mostWhole, distractor] = [-1, -1, query];
      for (const other of signatures) {
        if (other === query) continue;
        const similarity = dot(query.signature, other.signature);
        most = Math.max(most, similarity);
        if (other.whole && similarity > mostWhole) [mostWhole, distractor] = [similarity, other];
      }
      return { most, mostWhole, pair: [query, distractor] as const };
    });
  const delta = 1 - nearest.reduce((most, one) => Math.max(most, one.most), -1);
  const ranked = [...nearest].sort((a, b) => b.mostWhole - a.mostWhole);
  return { delta, nearestPairs: ranked.slice(0, 32).map(({ pair }) => pair) };
}

/**
 * A random filter of N taps; with `distinct`, the default, one whose shorter partial sums have another sign than the whole: else a run
 * of one token, cut short by the start, has the signature of N of it.
 */
export function drawFilter(rng: Rng, n: number, kind: 'distinct' | 'any' = 'distinct'): Filter {
  for (;;) {
    const taps = Array.from({ length: n }, () => rng.normal());
    let sum = 0;
    const partial = taps.map((tap) => {
      sum += tap;
      return Math.sign(sum);
    });
    if (kind === 'any' || partial.slice(0, -1).every((sign) => sign !== partial.at(-1))) return { from: 0, taps };
  }
}
