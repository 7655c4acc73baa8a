/** The two tasks of MAD that are no recall and no copying. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { compression, memorization } from './index.js';

describeTask('memorization', () => memorization({ vocabSize: 64, seqLen: 32 }), { lengths: [8, 64, 130] });
describeTask('memorization, V odd', () => memorization({ vocabSize: 41, seqLen: 10, factSeed: 7 }));
describeTask('compression', () => compression({}), { lengths: [7, 64, 129] });

describe('memorization', () => {
  /** The value of every key, as the oracle knows it. */
  const factsOf = (config: Parameters<typeof memorization>[0]) => {
    const { vocabSize, solve } = memorization({ vocabSize: 256, ...config });
    const keys = Array.from({ length: Math.floor((vocabSize - 1) / 2) }, (_, key) => key);
    return keys.map((key) => solve(Int32Array.from([key, vocabSize - 1]))[1]!);
  };

  it('has 127 keys and a value of its own for each out of 128, as in MAD', () => {
    const facts = factsOf({});
    expect(facts).toHaveLength(127);
    expect(new Set(facts).size).toBe(127);
    expect([Math.min(...facts) >= 127, Math.max(...facts) <= 254]).toEqual([true, true]);
    expect(memorization({}).chance).toBe(1 / 128);
  });

  it('has the same facts in every split, for every seed and length, others for another seed of facts alone', () => {
    expect(factsOf({ seqLen: 64 })).toEqual(factsOf({}));
    const shared = factsOf({ factSeed: 1 }).filter((value, key) => value === factsOf({})[key]).length;
    expect(shared).toBeLessThan(10); // one of 127 is expected
    const task = memorization({});
    const facts = factsOf({});
    for (const [split, seed] of [
      ['train', 1],
      ['train', 2],
      ['test', 1],
    ] as const) {
      const { inputs, labels } = task.generate({ split, seed, count: 50 });
      for (let t = 0; t < inputs.length; t += 2) {
        expect([inputs[t + 1], labels[t], labels[t + 1]]).toEqual([255, IGNORED_LABEL, facts[inputs[t]!]]);
      }
    }
  });

  it('has labels as in its table', () => {
    const [two, none] = [factsOf({ vocabSize: 8 }), IGNORED_LABEL];
    const task = memorization({ vocabSize: 8, seqLen: 6 });
    const inputs = Int32Array.from([2, 7, 0, 7, 2, 7]);
    const labels = task.solve(inputs);
    expect([...labels]).toEqual([none, two[2], none, two[0], none, two[2]]);
    expect([...labels]).toEqual([none, 5, none, 4, none, 5]);
    const [slice] = task.slices!({ count: 1, seqLen: 6, inputs, labels });
    expect([...slice!.values]).toEqual([1, 3, 5]);
  });

  it('refuses an odd length', () => {
    expect(() => memorization({ seqLen: 31 })).toThrow(InvalidConfigError);
    expect(() => memorization({ seqLen: 31 })).toThrow(/seqLen must be even .* got 31\. Use 32/);
  });
});

describe('compression', () => {
  it('asks for all tokens but the last, and for a decoder that sees no other state', () => {
    const task = compression({ vocabSize: 4, seqLen: 5 });
    expect([task.decoder, task.atLength(9).decoder]).toEqual(['lastPosition', 'lastPosition']);
    const inputs = Int32Array.from([2, 0, 1, 1, 3]);
    const labels = task.solve(inputs);
    expect([...labels]).toEqual([2, 0, 1, 1, IGNORED_LABEL]);
    const [slice] = task.slices!({ count: 1, seqLen: 5, inputs, labels });
    expect([...slice!.values]).toEqual([4, 3, 2, 1]);
  });
});
