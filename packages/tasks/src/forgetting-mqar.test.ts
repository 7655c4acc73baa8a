import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forgettingMqar, mqar } from './index.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

describeTask('forgettingMqar', () => forgettingMqar({ vocabSize: 128, seqLen: 64, numKvPairs: 8 }), {
  lengths: [32, 128, 256],
});
describeTask('forgettingMqar, interleaved, random filler', () =>
  forgettingMqar({ vocabSize: 128, seqLen: 64, interleaved: true, randomNonQueries: true, numUpdates: 7 }),
);
describeTask('forgettingMqar, zoology, to 2,048', () => forgettingMqar({ numKvPairs: 4 }), { lengths: [128, 2048] });

const rows = (config: Parameters<typeof forgettingMqar>[0], count: number, seed = 1) => {
  const task = forgettingMqar(config);
  const { inputs, labels } = task.generate({ split: 'train', seed, count });
  const row = (tokens: Int32Array, i: number) => [...tokens.subarray(i * task.seqLen, (i + 1) * task.seqLen)];
  return Array.from({ length: count }, (_, i) => ({ inputs: row(inputs, i), labels: row(labels, i) }));
};

/** How often first and last values of the context are right. */
const share = (config: Parameters<typeof forgettingMqar>[0], answer: (values: number[]) => number) => {
  const { numKvPairs: k, numUpdates: u } = forgettingMqar(config).config as { numKvPairs: number; numUpdates: number };
  let [right, asked] = [0, 0];
  for (const { inputs, labels } of rows(config, 2_000)) {
    const context = inputs.slice(0, 2 * (k + u));
    for (const [t, label] of labels.entries()) {
      if (label === IGNORED_LABEL) continue;
      asked++;
      right += Number(answer(context.filter((_, at) => at % 2 === 1 && context[at - 1] === inputs[t])) === label);
    }
  }
  return right / asked;
};

describe('forgettingMqar', () => {
  it('meets the definition at any config: every key asked once, for the last value it was given', () => {
    const configs = fc.record({
      numKvPairs: fc.integer({ min: 1, max: 12 }),
      updated: fc.double({ min: 0, max: 1, noNaN: true }),
      spare: fc.integer({ min: 0, max: 10 }),
      interleaved: fc.boolean(),
      randomNonQueries: fc.boolean(),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(configs, ({ updated, spare, seed, ...config }) => {
        const { numKvPairs: k } = config;
        const u = Math.round(updated * k);
        const common = { ...config, numUpdates: u, vocabSize: 64 };
        for (const { inputs, labels } of rows({ ...common, seqLen: 4 * k + 2 * u + 2 * spare }, 3, seed)) {
          const given = new Map<number, number[]>();
          for (let t = 0; t < 2 * (k + u); t += 2) {
            const values = given.get(inputs[t]!) ?? [];
            given.set(inputs[t]!, [...values, inputs[t + 1]!]);
          }
          expect([given.size, [...given.values()].filter(({ length }) => length === 2).length]).toEqual([k, u]);
          for (const [first, second] of given.values()) expect(second).not.toBe(first);
          const asked = [...labels.keys()].filter((t) => labels[t] !== IGNORED_LABEL);
          expect(asked.every((t) => t >= 2 * (k + u) && t % 2 === 0)).toBe(true);
          expect(asked.map((t) => inputs[t]).sort()).toEqual([...given.keys()].sort());
          for (const t of asked) expect(labels[t]).toBe(given.get(inputs[t]!)!.at(-1));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is MQAR where nothing is updated', () => {
    const [forgetting, plain] = [forgettingMqar({ numUpdates: 0, seqLen: 64 }), mqar({ seqLen: 64 })];
    expect(forgetting.config.numKvPairs).toBe(plain.config.numKvPairs);
    const { inputs } = forgetting.generate({ split: 'train', seed: 1, count: 20 });
    for (let i = 0; i < 20; i++) {
      const row = inputs.subarray(i * 64, (i + 1) * 64);
      expect([...forgetting.solve(row)]).toEqual([...plain.solve(row)]);
    }
  });

  it('needs the order of the values: the first one is right for keys that kept theirs alone', () => {
    for (const interleaved of [false, true]) {
      const config = { vocabSize: 64, seqLen: 48, numKvPairs: 8, numUpdates: 6, interleaved };
      expect(share(config, (values) => values.at(-1)!)).toBe(1);
      expect(share(config, (values) => values[0]!)).toBe(0.25); // (k - u)/k
    }
  });

  it('updates every key equally often, and interleaved anywhere after its first pair', () => {
    const places = (interleaved: boolean) => {
      const counts = new Map<string, number>();
      for (const { inputs } of rows({ vocabSize: 32, seqLen: 14, numKvPairs: 2, numUpdates: 1, interleaved }, 3_000)) {
        const keys = [0, 2, 4].map((t) => (inputs[t] === inputs[0] ? 'a' : 'b')).join('');
        counts.set(keys, (counts.get(keys) ?? 0) + 1);
      }
      return [...counts].sort();
    };
    // Keys in the order of their first pair; half of the examples each, or a third: standard deviations 27 and 26.
    expect(places(false).map(([keys]) => keys)).toEqual(['aba', 'abb']);
    expect(places(true).map(([keys]) => keys)).toEqual(['aab', 'aba', 'abb']);
    for (const [, count] of places(false)) expect(Math.abs(count - 1_500)).toBeLessThan(140);
    for (const [, count] of places(true)) expect(Math.abs(count - 1_000)).toBeLessThan(130);
  });

  it('draws the new value evenly from all but the old one', () => {
    const counts = new Map<number, number>();
    for (const { inputs } of rows({ vocabSize: 16, seqLen: 12, numKvPairs: 1, numUpdates: 1 }, 5_600)) {
      const step = (inputs[3]! - inputs[1]! + 8) % 8;
      counts.set(step, (counts.get(step) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    // 800 each, standard deviation 26; of a training split of 3/4 of 7 * 56 examples and their fillers.
    for (const count of counts.values()) expect(Math.abs(count - 800)).toBeLessThan(200);
  });

  it('has four updates and as many pairs as then fit, unless it is told; both grow with the length, or stay', () => {
    const sizes = ({ config }: { config: Readonly<Record<string, unknown>> }) => [
      config['numKvPairs'],
      config['numUpdates'],
    ];
    expect(sizes(forgettingMqar({}))).toEqual([14, 4]);
    expect(sizes(forgettingMqar({ numKvPairs: 3 }))).toEqual([3, 3]);
    expect(sizes(forgettingMqar({ numUpdates: 0 }))).toEqual([16, 0]);
    expect(sizes(forgettingMqar({ numKvPairs: 8 }).atLength(256))).toEqual([32, 16]);
    expect(sizes(forgettingMqar({ numUpdates: 0 }).atLength(128))).toEqual([32, 0]);
    expect(sizes(forgettingMqar({ numKvPairs: 8, pairsAtLength: 'fixed' }).atLength(256))).toEqual([8, 4]);
  });

  it.each([
    [
      'a length too short',
      { seqLen: 64, numKvPairs: 16, numUpdates: 4 },
      /seqLen must be at least 72 for 16 key-value pairs, 4 updates and their queries, got 64\. .* numKvPairs <= 14/,
    ],
    ['an odd length', { seqLen: 65 }, /seqLen must be even .* got 65/],
    ['more updates than keys', { numKvPairs: 3, numUpdates: 4 }, /numUpdates must be at most the 3 keys.* got 4/],
    ['a vocabulary too small', { vocabSize: 16, numKvPairs: 8 }, /vocabSize must be at least 18 .* got 16/],
    ['the form of the paper', { form: 'paper' } as object, /unknown key 'form'/],
  ])('refuses %s', (_, config, message) => {
    expect(() => forgettingMqar(config)).toThrow(InvalidConfigError);
    expect(() => forgettingMqar(config)).toThrow(message);
  });
});
