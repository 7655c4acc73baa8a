/** Inputs of (N-gram) associative recall as Definitions 2 and 3 of the paper have them, not as a benchmark draws them. */
import type { Rng } from '@mixerzoo/core';

/** A sequence whose last N tokens stand in it once before. */
export interface RecallSequence {
  readonly tokens: readonly number[];
  /** Where the earlier occurrence ends. */
  readonly match: number;
  /** The token after it: the answer. */
  readonly value: number;
}

/** What {@link drawRecall} is told. */
export interface RecallSizes {
  readonly vocabSize: number;
  readonly n: number;
  readonly length: number;
}

/** Positions at which an occurrence of `gram` ends. */
export function endsOf(gram: readonly number[], tokens: readonly number[]): number[] {
  const ends: number[] = [];
  for (let end = gram.length - 1; end < tokens.length; end++) {
    if (gram.every((token, i) => token === tokens[end - gram.length + 1 + i])) ends.push(end);
  }
  return ends;
}

/** The sequence with its answer; undefined unless its last N tokens occur exactly once before. */
export function asRecall(tokens: readonly number[], n: number): RecallSequence | undefined {
  const [match, last, ...others] = endsOf(tokens.slice(tokens.length - n), tokens);
  if (match === undefined || last === undefined || others.length > 0) return undefined;
  return { tokens, match, value: tokens[match + 1]! };
}

/** A random sequence: its query is drawn, so is the place of its earlier occurrence, and what is around them. */
export function drawRecall(rng: Rng, { vocabSize, n, length }: RecallSizes): RecallSequence {
  const draw = () => rng.integer(vocabSize);
  const query = Array.from({ length: n }, draw);
  const first = rng.integer(length - 2 * n + 1);
  const fixed = new Map(query.flatMap((token, i) => [[first + i, token] as const, [length - n + i, token] as const]));
  const tokens = Array.from({ length }, (_, t) => fixed.get(t) ?? draw());
  for (let tries = 0; tries < 1000 * length; tries++) {
    const found = asRecall(tokens, n);
    if (found) return found;
    // Break an occurrence that should not be there; where it lies between the two, all is drawn again.
    const extra = endsOf(query, tokens).find((end) => end !== first + n - 1 && end !== length - 1)!;
    const free = query.map((_, i) => extra - i).filter((t) => !fixed.has(t));
    if (free.length === 0) return drawRecall(rng, { vocabSize, n, length });
    tokens[free[rng.integer(free.length)]!] = draw();
  }
  return drawRecall(rng, { vocabSize, n, length });
}

/**
 * The sequence that confuses most: `distractor` over and over, the query and the value once in the middle, the query at
 * the end. Undefined where the query occurs elsewhere in it too.
 */
export function confusingRecall(
  query: readonly number[],
  value: number,
  distractor: readonly number[],
  length: number,
): RecallSequence | undefined {
  const n = query.length;
  const first = Math.floor((length - n) / 2);
  const around = (t: number) => distractor[t % distractor.length]!;
  const tokens = Array.from({ length }, (_, t) => {
    if (t >= length - n) return query[t - length + n]!;
    if (t >= first && t < first + n) return query[t - first]!;
    return t === first + n ? value : around(t);
  });
  const found = asRecall(tokens, n);
  return found?.match === first + n - 1 ? found : undefined;
}
