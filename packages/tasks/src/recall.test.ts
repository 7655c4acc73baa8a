/** AR, NAR, MQNAR, noisy and fuzzy recall. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL, type Task } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ar, fuzzyRecall, mqar, mqnar, nar, noisyRecall } from './index.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

describeTask('ar', () => ar({ vocabSize: 256, seqLen: 64 }), { lengths: [16, 32, 65, 128] });
describeTask('ar, zoology, random filler', () =>
  ar({ vocabSize: 64, seqLen: 48, numKvPairs: 5, form: 'zoology', randomNonQueries: true }),
);
describeTask('nar', () => nar({ vocabSize: 128, seqLen: 32 }), { lengths: [16, 17, 64, 128] });
describeTask('nar, N = 3, small pool, random filler', () =>
  nar({ vocabSize: 64, seqLen: 64, ngram: 3, numKvPairs: 6, unigramPool: 3, randomNonQueries: true }),
);
describeTask('mqnar, N = 2', () => mqnar({ vocabSize: 256, seqLen: 64 }), { lengths: [32, 128, 256] });
describeTask('mqnar, N = 3, zoology, random filler, uniform', () =>
  mqnar({
    vocabSize: 128,
    seqLen: 96,
    ngram: 3,
    numKvPairs: 5,
    unigramPool: 3,
    form: 'zoology',
    randomNonQueries: true,
    queryPlacement: 'uniform',
  }),
);
describeTask('noisyRecall', () => noisyRecall({ vocabSize: 128, seqLen: 64 }), { lengths: [32, 128] });
describeTask('noisyRecall, mostly noise, paper', () =>
  noisyRecall({ vocabSize: 64, seqLen: 64, numKvPairs: 4, noiseFraction: 0.8, form: 'paper' }),
);

describeTask('fuzzyRecall', () => fuzzyRecall({ vocabSize: 128, seqLen: 64 }), { lengths: [32, 65, 128] });
describeTask('fuzzyRecall, distinct tokens', () =>
  fuzzyRecall({ vocabSize: 64, seqLen: 64, maxKeyLength: 3, numKvPairs: 8, unigramPool: 4, distinctTokens: true }),
);
describeTask('fuzzyRecall, small pool, random filler', () =>
  fuzzyRecall({ vocabSize: 64, seqLen: 64, maxKeyLength: 3, numKvPairs: 8, unigramPool: 2, randomNonQueries: true }),
);

const rows = (task: Task, count: number) => {
  const { inputs, labels } = task.generate({ split: 'train', seed: 1, count });
  return Array.from({ length: count }, (_, i) => ({
    inputs: [...inputs.subarray(i * task.seqLen, (i + 1) * task.seqLen)],
    labels: [...labels.subarray(i * task.seqLen, (i + 1) * task.seqLen)],
  }));
};

/** Every place before `end` where the `n` tokens that end at `end` stood already. */
const earlierCopies = (tokens: number[], end: number, n: number) =>
  [...tokens.keys()].filter(
    (at) =>
      at < end && at >= n - 1 && tokens.slice(at - n + 1, at + 1).join() === tokens.slice(end - n + 1, end + 1).join(),
  );

describe('recall tasks', () => {
  it('meet the definition at any config: the tokens of a query stood exactly once before, its label after them', () => {
    const configs = fc.record({
      ngram: fc.integer({ min: 1, max: 4 }),
      numKvPairs: fc.integer({ min: 1, max: 9 }),
      spare: fc.integer({ min: 0, max: 20 }),
      extraPool: fc.integer({ min: 0, max: 4 }),
      form: fc.constantFrom('zoology' as const, 'paper' as const),
      randomNonQueries: fc.boolean(),
      queryPlacement: fc.constantFrom('powerLaw' as const, 'uniform' as const),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(configs, ({ spare, extraPool, seed, queryPlacement, ...config }) => {
        const { ngram, numKvPairs } = config;
        const unigramPool = Math.ceil(numKvPairs ** (1 / ngram)) + extraPool;
        const common = { ...config, unigramPool, vocabSize: 64 };
        const many = mqnar({ ...common, queryPlacement, seqLen: 2 * numKvPairs * (ngram + 1) + spare });
        const single = nar({ ...common, seqLen: numKvPairs * (ngram + 1) + ngram + spare });
        for (const task of [many, single]) {
          const { inputs, labels } = task.generate({ split: 'train', seed, count: 3 });
          for (let i = 0; i < 3; i++) {
            const row = inputs.slice(i * task.seqLen, (i + 1) * task.seqLen);
            const expected = labels.slice(i * task.seqLen, (i + 1) * task.seqLen);
            expect([...task.solve(row)]).toEqual([...expected]);
            const tokens = [...row];
            for (const [t, label] of expected.entries()) {
              if (label === IGNORED_LABEL) continue;
              const copies = earlierCopies(tokens, t, ngram);
              expect(copies).toHaveLength(1);
              expect(tokens[copies[0]! + 1]).toBe(label);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('need all N tokens: the last one of a query ends several keys', () => {
    const task = mqnar({ vocabSize: 256, seqLen: 96, ngram: 2, numKvPairs: 16, unigramPool: 8 });
    let [sharing, asked] = [0, 0];
    for (const { inputs, labels } of rows(task, 200)) {
      const context = inputs.slice(0, 48);
      labels.forEach((label, t) => {
        if (label === IGNORED_LABEL) return;
        asked++;
        if (context.filter((token, at) => at % 3 === 1 && token === inputs[t]).length > 1) sharing++;
      });
    }
    // 16 of 64 bigrams: a given one shares its last token with none of the others with probability C(56, 15) / C(63, 15) = 0.13.
    expect(sharing / asked).toBeGreaterThan(0.8);
  });

  it('ar asks one of all its keys with equal probability', () => {
    const asked = [0, 0, 0, 0];
    for (const { inputs } of rows(ar({ vocabSize: 32, seqLen: 9 }), 4_000)) asked[inputs.indexOf(inputs[8]!) / 2]!++;
    // 1,000 each, standard deviation 27.
    for (const count of asked) expect(Math.abs(count - 1_000)).toBeLessThan(140);
  });

  it('noisyRecall puts every kind of order in the context, noise never inside a pair, and no other filler', () => {
    const task = noisyRecall({ vocabSize: 32, seqLen: 24, numKvPairs: 2, noiseFraction: 1 / 3, noiseVocabSize: 4 });
    const orders = new Map<string, number>();
    for (const { inputs, labels } of rows(task, 3_000)) {
      const order = inputs
        .slice(0, 6)
        .map((token) => (token >= 32 ? '-' : token < 16 ? 'k' : 'v'))
        .join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
      expect(inputs.slice(6).some((token, i) => labels[i + 6] === IGNORED_LABEL && token < 32)).toBe(false);
    }
    expect([...orders.keys()].sort()).toEqual(['--kvkv', '-kv-kv', '-kvkv-', 'kv--kv', 'kv-kv-', 'kvkv--']);
    // 500 each, standard deviation 20.
    for (const count of orders.values()) expect(Math.abs(count - 500)).toBeLessThan(110);
  });

  it('fuzzyRecall asks every key once, of every length, set off by tokens that are in no key', () => {
    const task = fuzzyRecall({ vocabSize: 32, seqLen: 64, maxKeyLength: 3, numKvPairs: 8, unigramPool: 2 });
    const lengths = new Map<number, number>();
    for (const { inputs, labels } of rows(task, 300)) {
      const runs = inputs
        .map((token) => (token >= 1 && token < 16 ? String(token) : '|'))
        .join(' ')
        .split('|');
      const keys = runs.map((run) => run.trim()).filter((run) => run !== '');
      expect(keys).toHaveLength(16);
      expect([...keys.slice(8)].sort()).toEqual([...new Set(keys.slice(0, 8))].sort());
      for (const key of keys.slice(8)) {
        const length = key.split(' ').length;
        lengths.set(length, (lengths.get(length) ?? 0) + 1);
      }
      expect(labels.every((label, t) => label === IGNORED_LABEL || !((inputs[t + 1] ?? 0) % 16))).toBe(true);
    }
    expect([...lengths.keys()].sort()).toEqual([1, 2, 3]);
  });

  it('fuzzyRecall holds no token twice in a key where it is told so, and does otherwise', () => {
    const repeats = (distinctTokens: boolean) => {
      const task = fuzzyRecall({
        vocabSize: 32,
        seqLen: 64,
        numKvPairs: 8,
        unigramPool: 3,
        maxKeyLength: 3,
        distinctTokens,
      });
      return rows(task, 200).filter(({ inputs }) => {
        // Keys are runs below the values, from V/2 on.
        const keys = inputs
          .map((token) => (token < 16 && token > 0 ? token : ' '))
          .join(',')
          .split(' ');
        return keys.some((key) => {
          const tokens = key.split(',').filter(Boolean);
          return new Set(tokens).size < tokens.length;
        });
      }).length;
    };
    expect(repeats(false)).toBe(200);
    expect(() => repeats(true)).toThrow(
      /unigramPool must hold 8 keys of 3 different tokens, got 3 tokens, which make 6/,
    );
    const task = fuzzyRecall({ vocabSize: 32, seqLen: 64, numKvPairs: 6, unigramPool: 3, distinctTokens: true });
    for (const { inputs } of rows(task, 200)) {
      const context = inputs.slice(0, inputs.findLastIndex((token) => token >= 16) + 1);
      for (const key of context
        .map((token) => (token >= 16 ? ' ' : token))
        .join(',')
        .split(' ')) {
        const tokens = key.split(',').filter(Boolean);
        expect(new Set(tokens).size).toBe(tokens.length);
      }
    }
  });

  it('mqnar at N = 1 is mqar', () => {
    const config = { vocabSize: 64, seqLen: 32, numKvPairs: 5, form: 'paper' as const };
    const [one, other] = [mqnar({ ...config, ngram: 1 }), mqar(config)];
    const shape = (task: Task) => [task.vocabSize, task.labelsPerExample, task.chance];
    expect(shape(one)).toEqual(shape(other));
    for (const { inputs, labels } of rows(one, 50)) expect([...other.solve(Int32Array.from(inputs))]).toEqual(labels);
  });

  it('have as many pairs as length, vocabulary and pool hold, unless they are told', () => {
    for (const task of [
      ar({ seqLen: 64, vocabSize: 20 }),
      nar({ seqLen: 64, vocabSize: 20 }),
      nar({ seqLen: 64, unigramPool: 3 }),
      mqnar({ seqLen: 96, vocabSize: 12 }),
      mqnar({ seqLen: 96, unigramPool: 2 }),
      noisyRecall({ seqLen: 96, vocabSize: 24 }),
      fuzzyRecall({ seqLen: 96, vocabSize: 20 }),
      fuzzyRecall({ seqLen: 96, vocabSize: 16, unigramPool: 5 }),
      mqnar({ seqLen: 96, form: 'zoology', vocabSize: 16, unigramPool: 3 }),
    ]) {
      const { inputs, labels } = task.generate({ split: 'train', seed: 1, count: 1 });
      expect([...task.solve(inputs)], task.name).toEqual([...labels]);
    }
    expect(nar({ seqLen: 64, unigramPool: 3 }).config.numKvPairs).toBe(9);
    expect(nar({ seqLen: 96, form: 'zoology', vocabSize: 17, unigramPool: 4 }).config.numKvPairs).toBe(9);
    expect(nar({ seqLen: 64, vocabSize: 16, unigramPool: 5 }).config.numKvPairs).toBe(20);
  });

  it('scales pairs and pool with the length, and never asks for more than fits', () => {
    expect(mqnar({ seqLen: 128, numKvPairs: 20 }).atLength(1024).config).toMatchObject({
      numKvPairs: 160,
      unigramPool: 160,
    });
    expect(mqnar({ seqLen: 128, numKvPairs: 20, pairsAtLength: 'fixed' }).atLength(1024).config).toMatchObject({
      numKvPairs: 20,
      unigramPool: 20,
    });
    expect(nar({ seqLen: 32 }).atLength(16).config).toMatchObject({ numKvPairs: 4 });
    expect(noisyRecall({ seqLen: 64 }).config).toMatchObject({ numKvPairs: 14 });
  });

  it.each([
    [
      'mqnar too short',
      () => mqnar({ seqLen: 64, numKvPairs: 11 }),
      /seqLen must be at least 66 .* got 64.*numKvPairs <= 10/,
    ],
    [
      'nar too short',
      () => nar({ seqLen: 31, numKvPairs: 10 }),
      /seqLen must be at least 32 .* got 31.*numKvPairs <= 9/,
    ],
    ['ar too short', () => ar({ seqLen: 4, numKvPairs: 2 }), /seqLen must be at least 5 .* got 4/],
    [
      'noisyRecall too short',
      () => noisyRecall({ seqLen: 24, numKvPairs: 6, noiseFraction: 0.5 }),
      /at least 36 .* got 24/,
    ],
    ['a pool too small', () => mqnar({ numKvPairs: 10, unigramPool: 3 }), /unigramPool must be at least 4 .* got 3/],
    [
      'a vocabulary too small',
      () => nar({ vocabSize: 5, unigramPool: 4, numKvPairs: 4 }),
      /vocabSize must be at least 6/,
    ],
    ['an option of another task', () => ar({ ngram: 2 } as object), /unknown key 'ngram'/],
    [
      'filler in noisyRecall',
      () => noisyRecall({ randomNonQueries: true } as object),
      /unknown key 'randomNonQueries'/,
    ],
  ])('refuse %s', (_, make, message) => {
    expect(make).toThrow(InvalidConfigError);
    expect(make).toThrow(message);
  });
});
