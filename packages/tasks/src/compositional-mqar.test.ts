import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { compositionalMqar } from './compositional-mqar.js';

describeTask('compositionalMqar', () => compositionalMqar({ vocabSize: 96, seqLen: 64, numKvPairs: 4 }), {
  lengths: [32, 129, 256],
});
describeTask('compositionalMqar, as many pairs as fit, random filler, uniform', () =>
  compositionalMqar({ vocabSize: 512, seqLen: 65, randomNonQueries: true, queryPlacement: 'uniform' }),
);

const rows = (config: Parameters<typeof compositionalMqar>[0], count: number) => {
  const task = compositionalMqar(config);
  const { inputs, labels } = task.generate({ split: 'train', seed: 1, count });
  const row = (tokens: Int32Array, i: number) => [...tokens.subarray(i * task.seqLen, (i + 1) * task.seqLen)];
  return Array.from({ length: count }, (_, i) => ({ inputs: row(inputs, i), labels: row(labels, i) }));
};

describe('compositionalMqar', () => {
  it('holds every first token with every second one, from the thirds of the vocabulary, and asks each once', () => {
    for (const [vocabSize, side, randomNonQueries] of [[30, 2, false] as const, [60, 3, true] as const]) {
      const k = side ** 2;
      for (const { inputs, labels } of rows({ vocabSize, seqLen: 7 * k, numKvPairs: k, randomNonQueries }, 300)) {
        const triples = Array.from({ length: k }, (_, pair) => inputs.slice(3 * pair, 3 * pair + 3));
        const column = (at: number) => new Set(triples.map((triple) => triple[at]!));
        expect([column(0).size, column(1).size, column(2).size]).toEqual([side, side, k]);
        expect(new Set(triples.map(([first, second]) => `${first} ${second}`)).size).toBe(k);
        for (const triple of triples) {
          expect(triple.map((token) => Math.floor(token / (vocabSize / 3)))).toEqual([0, 1, 2]);
          expect(triple[0]).toBeGreaterThan(0);
        }
        const asked = [...labels.keys()].filter((t) => labels[t] !== IGNORED_LABEL);
        const answered = asked.map((t) => `${inputs[t - 1]} ${inputs[t]} ${labels[t]}`);
        expect(answered.sort()).toEqual(triples.map((triple) => triple.join(' ')).sort());
        const queried = new Set(asked.flatMap((t) => [t - 1, t]));
        const filler = inputs.filter((_, t) => t >= 3 * k && !queried.has(t));
        expect(filler.some((token) => column(0).has(token) || column(1).has(token))).toBe(false);
        expect(filler.some((token) => token !== 0)).toBe(randomNonQueries);
      }
    }
  });

  it('draws the pairs in any order', () => {
    const counts = new Map<string, number>();
    for (const { inputs } of rows({ vocabSize: 48, seqLen: 24, numKvPairs: 4 }, 2_400)) {
      const order = [3, 6, 9].map((t) => `${Number(inputs[t] === inputs[0])}${Number(inputs[t + 1] === inputs[1])}`);
      counts.set(order.join(' '), (counts.get(order.join(' ')) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 400 each, standard deviation 18.
    for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThan(92);
  });

  it('tells nothing by one token of the key: its values are as many as the grid is wide', () => {
    const task = compositionalMqar({ vocabSize: 128, seqLen: 54 });
    expect(task.config.numKvPairs).toBe(9);
    const examples = task.generate({ split: 'train', seed: 1, count: 50 });
    const alike = task.slices!(examples).find(({ name }) => name === 'keys that end in the token of the query')!;
    expect(new Set(alike.values)).toEqual(new Set([3]));
  });

  it('has as many pairs as length and vocabulary hold, and the square below at another length', () => {
    const pairs = (config: Parameters<typeof compositionalMqar>[0], length?: number) =>
      (length === undefined ? compositionalMqar(config) : compositionalMqar(config).atLength(length)).config.numKvPairs;
    expect([pairs({}), pairs({ seqLen: 2048 }), pairs({ vocabSize: 20 })]).toEqual([9, 324, 4]);
    expect([pairs({ numKvPairs: 4 }, 128), pairs({ numKvPairs: 4 }, 256), pairs({ numKvPairs: 9 }, 32)]).toEqual([
      4, 16, 4,
    ]);
    expect(pairs({ pairsAtLength: 'fixed' }, 128)).toBe(9);
  });

  it.each([
    ['what is no square', { numKvPairs: 8 }, /numKvPairs must be a square.* got 8\. Use 4 or 9/],
    [
      'a length too short',
      { numKvPairs: 16 },
      /seqLen must be at least 96 for 16 key-value pairs and their queries, got 64/,
    ],
    [
      'a vocabulary too small',
      { vocabSize: 24, numKvPairs: 9 },
      /vocabSize must hold 3 first and 3 second key tokens and 9 values, a third of it each, got 24\. Use vocabSize >= 27/,
    ],
  ])('refuses %s', (_, config, message) => {
    expect(() => compositionalMqar(config)).toThrow(InvalidConfigError);
    expect(() => compositionalMqar(config)).toThrow(message);
  });

  it('holds in every vocabulary that its messages advise', () => {
    for (const side of [1, 2, 3, 5]) {
      for (let more = 0; more < 6; more++) {
        const vocabSize = 3 * Math.max(side + 1, side ** 2) + more;
        const config = { vocabSize, seqLen: 6 * side ** 2 + 24, numKvPairs: side ** 2 };
        expect(() => compositionalMqar(config).generate({ split: 'train', seed: 1, count: 5 })).not.toThrow();
      }
    }
  });
});
