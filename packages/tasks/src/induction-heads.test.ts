import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { inductionHeads } from './index.js';

describeTask('inductionHeads', () => inductionHeads({ vocabSize: 9, seqLen: 31 }), { lengths: [8, 62, 1024] });
describeTask(
  'inductionHeads, general',
  () => inductionHeads({ form: 'general', vocabSize: 9, seqLen: 31, numDistinct: 5 }),
  { lengths: [8, 62, 1024] },
);

/** The inputs of training examples, and their labels. */
function examplesOf(config: Parameters<typeof inductionHeads>[0], count: number) {
  const { inputs, labels } = inductionHeads(config).generate({ split: 'train', seed: 1, count });
  const length = inputs.length / count;
  const rows = (tokens: Int32Array) =>
    Array.from({ length: count }, (_, i) => [...tokens.subarray(i * length, (i + 1) * length)]);
  return { inputs: rows(inputs), labels: rows(labels) };
}

describe('inductionHeads', () => {
  it('has labels as in its tables, and tells answers apart by their gap', () => {
    const read = (config: Parameters<typeof inductionHeads>[0], tokens: readonly number[]) => {
      const task = inductionHeads(config);
      const inputs = Int32Array.from(tokens);
      const labels = task.solve(inputs);
      const slices = task.slices!({ count: 1, seqLen: task.seqLen, inputs, labels });
      return { labels: [...labels], ...Object.fromEntries(slices.map(({ name, values }) => [name, [...values]])) };
    };
    const none = IGNORED_LABEL;
    const gap = 'gap between the token and its last mention (tokens)';
    expect(read({ vocabSize: 6, seqLen: 8 }, [3, 1, 0, 5, 2, 2, 4, 0])).toEqual({
      labels: [none, none, none, none, none, none, none, 5],
      [gap]: [5],
    });
    const general = { form: 'general', vocabSize: 6, seqLen: 8, numDistinct: 3 } as const;
    expect(read(general, [3, 1, 3, 3, 5, 1, 3, 5])).toEqual({
      labels: [none, none, 1, 3, none, 3, 5, 1],
      [gap]: [2, 1, 4, 3, 3],
      'position of the query (tokens)': [2, 3, 5, 6, 7],
    });
  });

  it('has its special token twice, the first anywhere that leaves room for an answer', () => {
    const counts = new Map<number, number>();
    for (const row of examplesOf({ seqLen: 8 }, 6_000).inputs) {
      expect(row.filter((token) => token === 0)).toHaveLength(2);
      expect(row[7]).toBe(0);
      counts.set(row.indexOf(0), (counts.get(row.indexOf(0)) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    // 1,000 each, standard deviation 29.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(145);
  });

  it('labels all but the first mention of each token in the general form, by the last one before', () => {
    const { inputs, labels } = examplesOf({ form: 'general', vocabSize: 6, seqLen: 12, numDistinct: 4 }, 500);
    for (const [index, row] of inputs.entries()) {
      expect(new Set(row).size).toBe(4);
      for (const [t, token] of row.entries()) {
        const before = row.slice(0, t).lastIndexOf(token);
        expect(labels[index]![t]).toBe(before < 0 ? IGNORED_LABEL : row[before + 1]);
      }
    }
  });

  it('brings its tokens in at places of equal chance', () => {
    const counts = new Array<number>(9).fill(0);
    for (const row of examplesOf({ form: 'general', vocabSize: 3, seqLen: 9, numDistinct: 3 }, 8_000).inputs)
      row.forEach((token, t) => {
        counts[t]! += Number(row.indexOf(token) === t);
      });
    expect(counts[0]).toBe(8_000);
    // Two of eight places: 2,000 each, standard deviation 39.
    for (const count of counts.slice(1)) expect(Math.abs(count - 2_000)).toBeLessThan(195);
  });

  it('has as many different tokens as there are, unless half of the length is less', () => {
    expect(inductionHeads({ form: 'general' }).config).toMatchObject({ numDistinct: 16 });
    expect(inductionHeads({ form: 'general', seqLen: 10 }).labelsPerExample).toBe(5);
    expect(inductionHeads({ form: 'general' }).atLength(64).labelsPerExample).toBe(48);
  });

  it.each([
    [
      'more different tokens than there are',
      { vocabSize: 4, numDistinct: 5 },
      /numDistinct must be at most 4 .* got 5/,
    ],
    ['no position to ask at', { seqLen: 6, numDistinct: 6 }, /must be at most 5 .* got 6/],
  ])('refuses %s', (_, config, message) => {
    expect(() => inductionHeads({ form: 'general', ...config })).toThrow(InvalidConfigError);
    expect(() => inductionHeads({ form: 'general', ...config })).toThrow(message);
  });

  it('refuses a number of different tokens in the form that has none', () => {
    expect(() => inductionHeads({ numDistinct: 4 })).toThrow(/numDistinct.*form 'general'.*got 4/);
  });
});
