import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL, type Task } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { mqar } from './mqar.js';

describeTask('mqar, zoology', () => mqar({ vocabSize: 128, seqLen: 64, numKvPairs: 8 }));
describeTask('mqar, zoology, random filler, uniform', () =>
  mqar({ vocabSize: 96, seqLen: 64, numKvPairs: 8, randomNonQueries: true, queryPlacement: 'uniform' }),
);
describeTask('mqar, zoology, every slot a query', () => mqar({ vocabSize: 8192, seqLen: 64 }), {
  lengths: [32, 128, 1024],
});
describeTask('mqar, paper', () => mqar({ form: 'paper', vocabSize: 512, seqLen: 128 }));
describeTask('mqar, paper, random filler', () =>
  mqar({ form: 'paper', vocabSize: 64, seqLen: 64, numKvPairs: 4, randomNonQueries: true, pairsAtLength: 'fixed' }),
);

const rows = (task: Task, count: number, seed = 1) => {
  const { inputs, labels } = task.generate({ split: 'train', seed, count });
  return Array.from({ length: count }, (_, i) => ({
    inputs: inputs.subarray(i * task.seqLen, (i + 1) * task.seqLen),
    labels: labels.subarray(i * task.seqLen, (i + 1) * task.seqLen),
  }));
};

describe('mqar', () => {
  it("has zoology's layout: distinct keys and values by halves of the vocabulary, each key asked once at an even offset", () => {
    const [vocabSize, seqLen, numKvPairs] = [40, 48, 6];
    for (const { inputs, labels } of rows(mqar({ vocabSize, seqLen, numKvPairs }), 500)) {
      const context = [...inputs.subarray(0, 2 * numKvPairs)];
      const keys = context.filter((_, t) => t % 2 === 0);
      const values = context.filter((_, t) => t % 2 === 1);
      expect(new Set(keys).size).toBe(numKvPairs);
      expect(new Set(values).size).toBe(numKvPairs);
      expect(keys.every((key) => key >= 1 && key < vocabSize / 2)).toBe(true);
      expect(values.every((value) => value >= vocabSize / 2)).toBe(true);
      const asked = [...labels.keys()].filter((t) => labels[t] !== IGNORED_LABEL);
      expect(asked.every((t) => t >= 2 * numKvPairs && t % 2 === 0)).toBe(true);
      expect(asked.map((t) => inputs[t]).sort()).toEqual([...keys].sort());
      expect([...inputs].some((token, t) => t >= 2 * numKvPairs && token > 0 && !asked.includes(t))).toBe(false);
    }
  });

  it('keeps the values out of the keys of the example in the paper form, both from the whole vocabulary', () => {
    const seen = { keys: new Set<number>(), values: new Set<number>() };
    for (const { inputs } of rows(mqar({ form: 'paper', vocabSize: 24, seqLen: 32 }), 2_000)) {
      const keys = new Set([...inputs.subarray(0, 16)].filter((_, t) => t % 2 === 0));
      const values = [...inputs.subarray(0, 16)].filter((_, t) => t % 2 === 1);
      expect(keys.size).toBe(8);
      expect(values.some((value) => keys.has(value))).toBe(false);
      for (const key of keys) seen.keys.add(key);
      for (const value of values) seen.values.add(value);
    }
    expect([seen.keys.size, seen.values.size]).toEqual([23, 23]);
  });

  it('never puts a key of the example into random filler', () => {
    for (const form of ['zoology', 'paper'] as const) {
      const task = mqar({ form, vocabSize: 20, seqLen: 64, numKvPairs: 4, randomNonQueries: true });
      for (const { inputs, labels } of rows(task, 500)) {
        const keys = new Set([0, 2, 4, 6].map((t) => inputs[t]));
        const filler = [...inputs].filter((_, t) => t >= 8 && labels[t] === IGNORED_LABEL);
        expect(filler.some((token) => token === 0 || keys.has(token))).toBe(false);
      }
    }
  });

  it('asks the first key soon under the power law, and anywhere under the uniform one', () => {
    const meanSlotOfFirstKey = (queryPlacement: 'powerLaw' | 'uniform') => {
      const examples = rows(mqar({ vocabSize: 128, seqLen: 136, numKvPairs: 4, queryPlacement }), 4_000);
      const slots = examples.map(({ inputs }) => (inputs.indexOf(inputs[0]!, 1) - 8) / 2);
      return slots.reduce((sum, slot) => sum + slot, 0) / slots.length;
    };
    // 64 slots. Uniform: mean 31.5, standard error 0.3. Power law: sum of i w_i over sum of w_i = 13.0, error 0.25.
    expect(Math.abs(meanSlotOfFirstKey('uniform') - 31.5)).toBeLessThan(1.5);
    const weights = Array.from({ length: 64 }, (_, i) => (i + 1) ** -0.99);
    const expected = weights.reduce((sum, w, i) => sum + w * i, 0) / weights.reduce((sum, w) => sum + w, 0);
    expect(Math.abs(meanSlotOfFirstKey('powerLaw') - expected)).toBeLessThan(1.2);
  });

  it('extends a smaller request by a larger one', () => {
    const task = mqar({ vocabSize: 64, seqLen: 32 });
    const few = task.generate({ split: 'test', seed: 5, count: 10 });
    const many = task.generate({ split: 'test', seed: 5, count: 40 });
    expect([...many.inputs.subarray(0, few.inputs.length)]).toEqual([...few.inputs]);
  });

  it('has as many pairs as the length and the vocabulary hold, unless it is told', () => {
    const pairs = (config: Parameters<typeof mqar>[0]) => mqar(config).config.numKvPairs;
    expect(pairs({ seqLen: 64 })).toBe(16);
    expect(pairs({ seqLen: 64, vocabSize: 34 })).toBe(16);
    expect(pairs({ seqLen: 64, vocabSize: 30 })).toBe(14);
    expect(pairs({ seqLen: 64, vocabSize: 17, form: 'paper' })).toBe(15);
  });

  it('scales the pairs with the length, or keeps them', () => {
    const scaled = mqar({ vocabSize: 8192, seqLen: 128 }).atLength(1024);
    expect([scaled.seqLen, scaled.config.numKvPairs]).toEqual([1024, 256]);
    const kept = mqar({ seqLen: 128, numKvPairs: 8, pairsAtLength: 'fixed' }).atLength(1024);
    expect([kept.seqLen, kept.config.numKvPairs]).toEqual([1024, 8]);
  });

  it.each([
    ['a length too short', { seqLen: 64, numKvPairs: 32 }, /seqLen must be at least 128 .* got 64.*numKvPairs <= 16/],
    ['an odd length', { seqLen: 65 }, /seqLen must be even .* got 65/],
    [
      'a vocabulary too small',
      { vocabSize: 30, seqLen: 64, numKvPairs: 16 },
      /vocabSize must be at least 34 .* got 30/,
    ],
    [
      'the same in the paper form',
      { vocabSize: 17, form: 'paper' as const, numKvPairs: 16 },
      /vocabSize must be at least 18 .* got 17/,
    ],
    ['no pairs', { numKvPairs: 0 }, /numKvPairs/],
    [
      'a power law of uniform queries',
      { queryPlacement: 'uniform' as const, powerA: 0.1 },
      /powerA: expected none without queryPlacement 'powerLaw', got 0\.1/,
    ],
    ['an unknown key', { numKVPairs: 4 } as object, /unknown key 'numKVPairs'.*Did you mean 'numKvPairs'/],
    ['an unknown form', { form: 'zoo' } as object, /form/],
  ])('refuses %s', (_, config, message) => {
    expect(() => mqar(config)).toThrow(InvalidConfigError);
    expect(() => mqar(config)).toThrow(message);
  });

  it('refuses a length that does not hold the task, and a task with too few examples', () => {
    expect(() => mqar({ seqLen: 64, vocabSize: 64 }).atLength(512)).toThrow(/vocabSize must be at least 258/);
    const tiny = mqar({ vocabSize: 4, seqLen: 4 });
    const generateAll = () =>
      (['train', 'validation', 'test'] as const).map((split) => tiny.generate({ split, seed: 1, count: 1 }));
    expect(generateAll).toThrow(/none for the split/);
    expect(() => tiny.generate({ split: 'train', seed: 1, count: 1.5 })).toThrow(/count must be a whole number/);
  });
});
