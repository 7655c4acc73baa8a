import { describe, expect, it } from 'vitest';
import { createNGrams } from './n-grams.js';

/** a = 0, b = 1, V = 3: `a b a b b`. */
const TRAIN = Int32Array.of(0, 1, 0, 1, 1);

describe('Witten-Bell n-grams', () => {
  const model = createNGrams(3, 3, 1_000);
  model.count(TRAIN);

  it('give the probabilities that the formula gives by hand', () => {
    // Unigrams: a 2, b 3 of 5, 2 types: (c + 2 / 3) / 7.
    const [a, b, c] = [(2 + 2 / 3) / 7, (3 + 2 / 3) / 7, 2 / 3 / 7] as const;
    // After a: b twice, 1 type: (c + p) / 3. After b: a 1, b 1, 2 types: (c + 2 p) / 4.
    const [abigram, bbigram] = [(2 + b) / 3, (1 + 2 * b) / 4] as const;
    // After `a b`: a 1, b 1, 2 types. After `b b`: never followed: as after b.
    const rows = model.nats(Int32Array.of(0, 1, 1, 2));
    const expected = [
      [a, b, b, c],
      [a, abigram, bbigram, (2 * c) / 4],
      [a, abigram, (1 + 2 * bbigram) / 4, (2 * c) / 4],
    ];
    for (const [order, row] of rows.entries()) {
      for (const [t, nats] of row.entries()) expect(Math.exp(-nats)).toBeCloseTo(expected[order]![t]!, 6);
    }
  });

  it('sum to one over the vocabulary, in every context', () => {
    for (const context of [[], [0], [1], [2], [0, 1], [1, 1], [1, 0], [2, 2]]) {
      const p = [0, 1, 2].map((word) =>
        model.nats(Int32Array.from([...context, word])).map((row) => Math.exp(-row.at(-1)!)),
      );
      for (const order of [0, 1, 2]) expect(p.reduce((sum, rows) => sum + rows[order]!, 0)).toBeCloseTo(1, 5);
    }
  });

  it('count the same in pieces, and as many as a table that grew', () => {
    const tokens = Int32Array.from({ length: 30_000 }, (_, i) => (i * i + (i >> 3)) % 97);
    const whole = createNGrams(97, 4, 1e6);
    const pieces = createNGrams(97, 4, 1e6);
    whole.count(tokens);
    for (let start = 0; start < tokens.length; start += 777) pieces.count(tokens.subarray(start, start + 777));
    expect(pieces.nats(tokens)).toEqual(whole.nats(tokens));
    const counted = new Map<number, number>();
    for (let i = 1; i < tokens.length; i++)
      if (tokens[i - 1] === 5) counted.set(tokens[i]!, (counted.get(tokens[i]!) ?? 0) + 1);
    const total = [...counted.values()].reduce((sum, n) => sum + n, 0);
    const [unigram, bigram] = whole.nats(Int32Array.of(5, tokens[1]!));
    const p = ((counted.get(tokens[1]!) ?? 0) + counted.size * Math.exp(-unigram![1]!)) / (total + counted.size);
    expect(Math.exp(-bigram![1]!)).toBeCloseTo(p, 6);
  });

  it('say that there is no room left', () => {
    expect(createNGrams(100, 3, 50).count(Int32Array.from({ length: 100 }, (_, i) => i))).toBe(false);
  });
});
