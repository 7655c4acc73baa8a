/**
 * Lemma 1 (Appendix C.2): what a layer `f(X) = (X * F)^T S(X W x_{L-1})`, F >= 0, that solves recall up to eps at one length L
 * must look like, and what that says of its answers at any length L' (the end of the proof of Theorem 2).
 *
 *   eps_0 = eps / Delta <= 1/8,   Delta = sqrt(1 - max (a.b)^2),   Gamma = eps_0 / (1 - 4 eps_0)
 *
 * The paper writes O(...); here are the constants that its proof gives. s_q and s_v are the weights of the query and of the token
 * v that is most like it, among L - 2 copies of v.
 */
import { attend } from '../attention.js';
import type { Check } from '../claim.js';
import { convolve, distance, dot, type Filter, type Vector } from '../math/vectors.js';
import type { RecallSequence } from '../recall-sequences.js';
import type { RecallLayer } from '../train-recall.js';

/** A query, the token v whose logit for it is largest, and s_v / s_q. */
export interface TopQuery {
  readonly query: number;
  readonly top: number;
  readonly odds: number;
}

/** For each token as the query, its most confusing token. */
export function topQueries({ weights }: RecallLayer, embeddings: readonly Vector[]): TopQuery[] {
  return embeddings.map((q, query) => {
    const logits = embeddings.map((x) => logit(weights, x, q));
    const others = logits.map((value, token) => (token === query ? Number.NEGATIVE_INFINITY : value));
    const top = others.indexOf(Math.max(...others));
    return { query, top, odds: Math.exp(logits[top]! - logits[query]!) };
  });
}

/** The inputs of the proof: v everywhere, the query at the end and once before, at every place. */
export function proofSequences(pairs: readonly TopQuery[], length: number): RecallSequence[] {
  return pairs.flatMap(({ query, top }) =>
    Array.from({ length: length - 1 }, (_, match) => {
      const tokens = Array.from({ length }, (_, t) => (t === match || t === length - 1 ? query : top));
      return { tokens, match, value: tokens[match + 1]! };
    }),
  );
}

/** The layer on an input: its map, and how far its output is from the answer. */
export function runLayer({ weights, filter }: RecallLayer, embeddings: readonly Vector[], input: RecallSequence) {
  const rows = input.tokens.map((token) => embeddings[token]!);
  const query = Float64Array.from(weights, (row) => dot(row, rows.at(-1)!));
  const { map, output } = attend(query, rows, convolve(rows, filter));
  return { map, error: distance(output, embeddings[input.value]!) };
}

/** sqrt(1 - max (a.b)^2) over two embeddings. */
export function embeddingDistance(embeddings: readonly Vector[]): number {
  const products = embeddings.flatMap((a, i) => embeddings.slice(i + 1).map((b) => dot(a, b) ** 2));
  return Math.sqrt(1 - Math.max(...products));
}

/** The sum of the taps with delays from `low` to `high`. */
const mass = ({ from, taps }: Filter, low: number, high: number): number =>
  taps.reduce((sum, tap, j) => (from + j >= low && from + j <= high ? sum + tap : sum), 0);

/** |F - scale D_-1|, in L1; F >= 0. */
export function filterDistance(filter: Filter, scale: number): number {
  const next = mass(filter, -1, -1);
  return mass(filter, -Infinity, Infinity) - next + Math.abs(next - scale);
}

/** The lemma says something up to this eps_0. */
export const LARGEST_EPSILON0 = 1 / 8;

/** The bounds of the lemma on a layer whose error at length L is eps_0 Delta. */
export function lemmaChecks(
  at: string,
  filter: Filter,
  pairs: readonly TopQuery[],
  epsilon0: number,
  length: number,
): Check[] {
  // The bounds hold for every query: the most confused one has the least s_q, the least confused one the most.
  const weights = pairs.map(({ odds }) => 1 / (2 + (length - 2) * odds));
  const [least, most] = [Math.min(...weights), Math.max(...weights)];
  const neighbours = mass(filter, -1, -1) + mass(filter, 1, 1);
  const ahead = filter.taps.filter((_, j) => filter.from + j <= -2);
  const holds = { relation: 'at most', expected: 'holds' } as const;
  const premise: Check = { ...holds, what: `eps_0, ${at}`, measured: epsilon0, bound: LARGEST_EPSILON0 };
  if (epsilon0 > LARGEST_EPSILON0) return [premise];
  return [
    premise,
    {
      ...holds,
      what: `s_v / s_q, ${at}`,
      measured: Math.max(...pairs.map(({ odds }) => odds)),
      bound: oddsBound(epsilon0),
    },
    {
      ...holds,
      what: `s_q (F_-1 + F_1), ${at}`,
      measured: least * neighbours,
      relation: 'at least',
      bound: 1 - 4 * epsilon0,
    },
    { ...holds, what: `s_q (F_-1 + F_1), ${at}`, measured: most * neighbours, bound: 1 + 2 * epsilon0 },
    { ...holds, what: `F_0, ${at}`, measured: mass(filter, 0, 0), bound: epsilon0 / (2 * most) },
    { ...holds, what: `sum of F_i, i >= 1, ${at}`, measured: mass(filter, 1, Infinity), bound: epsilon0 / most },
    { ...holds, what: `largest F_-j, j >= 2, ${at}`, measured: Math.max(0, ...ahead), bound: epsilon0 / most },
  ];
}

/** What the lemma says of layers with an eps_0, a length of training L and a filter of reach W. */
export interface LengthBounds {
  /** |F - 2 D_-1|, L1. */
  readonly filter: number;
  /** L1 error of the map at a length L'. */
  map(length: number): number;
  /** |y - f(X)| at a length L'. */
  output(length: number): number;
  /** How fast the bound on the output grows at most, per token. */
  readonly slope: number;
}

/** The constants of the proof, for an eps_0 up to {@link LARGEST_EPSILON0}. */
export function lengthBounds(epsilon0: number, trainLength: number, reach: number): LengthBounds {
  const gamma = oddsBound(epsilon0);
  const leastWeight = (length: number) => 1 / (2 + (length - 2) * gamma);
  const tap = epsilon0 / leastWeight(trainLength);
  const past = 1.5 * tap;
  const ahead = (reach - 1) * tap;
  // F_-1 + F_1 lies between 2 (1 - 4 eps_0) and (1 + 2 eps_0) / s_q, and F_1 below eps_0 / s_q.
  const next = Math.max(8 * epsilon0 + tap, (1 + 2 * epsilon0) / leastWeight(trainLength) - 2);
  const filter = next + past + ahead;
  const rest = (length: number) => 1 - 2 * leastWeight(length);
  return {
    filter,
    map: (length) => 2 * rest(length),
    output: (length) => rest(length) * (3 + filter) + (filter + past) / 2,
    slope: (gamma / 2) * (3 + filter),
  };
}

/** Gamma, the most that s_v / s_q can be. */
const oddsBound = (epsilon0: number): number => epsilon0 / (1 - 4 * epsilon0);

/** x^T W q */
const logit = (weights: readonly Vector[], x: Vector, q: Vector): number =>
  weights.reduce((sum, row, i) => sum + x[i]! * dot(row, q), 0);
