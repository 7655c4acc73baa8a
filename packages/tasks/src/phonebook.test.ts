import { InvalidConfigError } from '@mixerzoo/core/errors';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { evaluateAutoregressively, phonebook } from './index.js';

describeTask('phonebook', () => phonebook({ seqLen: 64 }), { lengths: [33, 64, 128, 500] });
describeTask(
  'phonebook, all names of its alphabet',
  () => phonebook({ seqLen: 51, nameLength: 2, numberLength: 2, alphabetSize: 2, entriesAtLength: 'fixed' }),
  { lengths: [28, 102] },
);

describe('phonebook', () => {
  it('has labels as in its table, and tells answers apart by the gap and their place', () => {
    const task = phonebook({ seqLen: 17, nameLength: 2, numberLength: 2, alphabetSize: 3 });
    const text = 'AC:41;CC:07;_AC:4';
    const inputs = Int32Array.from(text, (letter) => '_:;0123456789ABC'.indexOf(letter));
    const labels = task.solve(inputs);
    expect([...labels].map((label) => (label < 0 ? '.' : String(label - 3))).join('')).toBe('...............41');
    const slices = task.slices!({ count: 1, seqLen: 17, inputs, labels });
    expect(Object.fromEntries(slices.map(({ name, values }) => [name, [...values]]))).toEqual({
      'entries of the book': [2, 2],
      'gap between name and query (tokens)': [13, 13],
      'place in the answer': [1, 2],
    });
  });

  it('has as many entries as fit, and as many at another length', () => {
    expect(phonebook({}).config).toMatchObject({ seqLen: 128, numEntries: 13 }); // 13 x 9 + 7 = 124
    expect(phonebook({ seqLen: 64 }).atLength(33).config).toMatchObject({ numEntries: 2 }); // 3 would be half of 6
    expect(phonebook({ alphabetSize: 2, nameLength: 2 }).config).toMatchObject({ numEntries: 4 });
    expect(phonebook({ numEntries: 5, entriesAtLength: 'fixed' }).atLength(512).config).toMatchObject({
      numEntries: 5,
    });
  });

  it('has distinct names, each as often as any other in each place, and blanks before the query', () => {
    const task = phonebook({ seqLen: 40, nameLength: 1, numberLength: 1, alphabetSize: 4, numEntries: 3 });
    const count = 6_000;
    const { inputs } = task.generate({ split: 'train', seed: 1, count });
    const counts = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      const row = [...inputs.subarray(i * 40, (i + 1) * 40)];
      const names = [row[0]!, row[4]!, row[8]!];
      expect(new Set(names).size).toBe(3);
      expect(row.slice(12, 38)).toEqual(new Array(26).fill(0));
      for (const [place, name] of [...names.entries(), ['asked', row[38]!] as const])
        counts.set(`${place}: ${name}`, (counts.get(`${place}: ${name}`) ?? 0) + 1);
    }
    expect(counts.size).toBe(16);
    // 1,500 each, standard deviation 34.
    for (const each of counts.values()) expect(Math.abs(each - count / 4)).toBeLessThan(170);
  });

  it('is answered freely by its oracle, and one wrong digit is seen by the next', async () => {
    const task = phonebook({ seqLen: 34 });
    const examples = task.generate({ split: 'test', seed: 1, count: 30 });
    const oracle = (inputs: Int32Array, position: number) =>
      Int32Array.from({ length: 30 }, (_, i) => task.solve(inputs.subarray(i * 34, (i + 1) * 34))[position]!);
    expect(await evaluateAutoregressively(examples, oracle)).toMatchObject({ accuracy: 1, exactMatch: 1 });
    const wrong = await evaluateAutoregressively(examples, (inputs, position) =>
      oracle(inputs, position).map((digit) => (position === 31 ? 0 : digit)),
    );
    expect(wrong).toMatchObject({ exactMatch: 0, perPosition: [1, 0, 1, 1] });
  });

  it.each([
    ['a length too short', { seqLen: 15 }, /seqLen must be at least 16 for 1 entries .* got 15/],
    ['too few names', { alphabetSize: 2, numEntries: 9 }, /alphabetSize must make 9 names .* got 2, which makes 8/],
    ['more names than are counted', { alphabetSize: 1024, nameLength: 4, seqLen: 256 }, /at most 2 \*\* 31/],
  ])('refuses %s', (_, config, message) => {
    expect(() => phonebook(config)).toThrow(InvalidConfigError);
    expect(() => phonebook(config)).toThrow(message);
  });
});
