import { InvalidConfigError, ShapeError } from '@mixerzoo/core/errors';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { evaluateAutoregressively, mqar, selectiveCopy } from './index.js';

describeTask('selectiveCopy', () => selectiveCopy({ seqLen: 64 }), { lengths: [32, 128, 256] });
describeTask(
  'selectiveCopy, unique with repeats',
  () =>
    selectiveCopy({ seqLen: 64, variant: 'unique', numSignals: 12, numRepeats: 10, signalsAtLength: 'proportional' }),
  { lengths: [32, 65, 128] },
);

describeTask('selectiveCopy, as in MAD', () => selectiveCopy({ seqLen: 64, noiseVocabSize: 1, answers: 'blank' }), {
  lengths: [32, 128],
});

describe('selectiveCopy', () => {
  const prompts = (config: Parameters<typeof selectiveCopy>[0], count: number) => {
    const task = selectiveCopy(config);
    const { inputs } = task.generate({ split: 'train', seed: 1, count });
    return Array.from({ length: count }, (_, i) => [...inputs.subarray(i * task.seqLen, (i + 1) * task.seqLen)]);
  };

  it('spreads the signals evenly over the prompt', () => {
    const counts = new Array<number>(12).fill(0);
    for (const row of prompts({ seqLen: 16, numSignals: 4 }, 6_000))
      row.slice(0, 12).forEach((token, t) => {
        counts[t]! += Number(token <= 32);
      });
    // 2,000 each, standard deviation 37.
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(190);
  });

  it('has the signals once each in the unique variant, and as many later copies as asked for', () => {
    for (const row of prompts({ seqLen: 40, numSignals: 8, numRepeats: 5, variant: 'unique' }, 300)) {
      const signals = row.slice(0, 32).filter((token) => token <= 32);
      expect([signals.length, new Set(signals).size]).toEqual([13, 8]);
      expect(row.slice(33)).toEqual([...new Set(signals)].slice(0, 7));
    }
  });

  it('holds no answer in the input where it is told so, and is not for free-running tests then', async () => {
    const blank = selectiveCopy({ seqLen: 24, numSignals: 8, answers: 'blank' });
    const [given, withheld] = [selectiveCopy({ seqLen: 24, numSignals: 8 }), blank].map((task) =>
      task.generate({ split: 'test', seed: 1, count: 20 }),
    );
    for (let i = 0; i < 20; i++) {
      expect([...withheld!.inputs.subarray(i * 24 + 16, (i + 1) * 24)]).toEqual(new Array(8).fill(0));
      expect([...given!.inputs.subarray(i * 24 + 17, (i + 1) * 24)]).not.toContain(0);
    }
    const answered = evaluateAutoregressively(withheld!, () => new Int32Array(20));
    await expect(answered).rejects.toThrow(ShapeError);
    await expect(answered).rejects.toThrow(/expected each answer as the next input, got token 0 after the answer/);
  });

  it.each([
    ['a length too short', { seqLen: 31 }, /seqLen must be at least 32 .* got 31/],
    [
      'too few signal tokens',
      { variant: 'unique' as const, signalVocabSize: 8 },
      /signalVocabSize must be at least 16/,
    ],
    ['repeats where all are copied', { numRepeats: 2 }, /numRepeats is of variant 'unique'/],
  ])('refuses %s', (_, config, message) => {
    expect(() => selectiveCopy(config)).toThrow(InvalidConfigError);
    expect(() => selectiveCopy(config)).toThrow(message);
  });
});

describe('evaluateAutoregressively', () => {
  const task = selectiveCopy({ seqLen: 24, numSignals: 6 });
  const examples = task.generate({ split: 'test', seed: 1, count: 50 });
  const row = (inputs: Int32Array, i: number) => inputs.subarray(i * 24, (i + 1) * 24);

  it('gives the oracle full marks', async () => {
    const result = await evaluateAutoregressively(examples, (inputs, position) =>
      Int32Array.from({ length: 50 }, (_, i) => task.solve(row(inputs, i))[position]!),
    );
    expect(result).toEqual({
      accuracy: 1,
      exactMatch: 1,
      perPosition: [1, 1, 1, 1, 1, 1],
      perExampleCorrect: new Int32Array(50).fill(6),
    });
  });

  it('feeds answers back: one wrong token is seen by the next call, and the tokens of the teacher are not', async () => {
    const result = await evaluateAutoregressively(examples, (inputs, position) =>
      Int32Array.from({ length: 50 }, (_, i) => {
        const tokens = row(inputs, i);
        if (position === 19) expect(tokens[19]).toBe(task.vocabSize - 1);
        expect(tokens.subarray(position + 1).every((token) => token === 0)).toBe(true);
        return position === 18 ? task.vocabSize - 1 : task.solve(tokens)[position]!;
      }),
    );
    expect(result).toEqual({
      accuracy: 5 / 6,
      exactMatch: 0,
      perPosition: [0, 1, 1, 1, 1, 1],
      perExampleCorrect: new Int32Array(50).fill(5),
    });
  });

  it('refuses tasks whose labels are not one run at the end, and predictions of another size', async () => {
    const recall = mqar({ seqLen: 32 }).generate({ split: 'test', seed: 1, count: 2 });
    await expect(evaluateAutoregressively(recall, () => new Int32Array(2))).rejects.toThrow(ShapeError);
    await expect(evaluateAutoregressively(examples, () => new Int32Array(2))).rejects.toThrow(/50 tokens, got 2/);
  });
});
