/** What `describeTask` checks in place of the oracle where results are judged by likelihood: text and the like. */
import { beforeAll, expect, it } from 'vitest';
import type { Examples, Task } from '../task.js';

const COUNT = 6;

/** Checks within a suite that is open. `make` must return the same configuration each time. */
export function describeLikelihood(make: () => Task, lengths: readonly number[]): void {
  let task: Task;
  beforeAll(() => {
    task = make();
  });

  it('labels every position with the token after it', () => {
    for (const split of ['train', 'validation', 'test'] as const) {
      const { inputs, labels, seqLen } = task.generate({ split, seed: 3, count: COUNT });
      expect(labels.findIndex((label) => label < 0)).toBe(-1);
      const unlike = labels.findIndex((label, at) => (at + 1) % seqLen !== 0 && label !== inputs[at + 1]);
      expect(unlike, `${split}: position ${unlike}`).toBe(-1);
    }
    expect([task.measure, task.labelsPerExample]).toEqual(['likelihood', task.seqLen]);
  });

  it('gives the first windows of a split, whatever the seed', () => {
    for (const split of ['validation', 'test'] as const) {
      const some = task.generate({ split, seed: 3, count: COUNT });
      expectRows(task.generate({ split, seed: 4, count: COUNT - 1 }), some, 0);
    }
  });

  it('says how many windows there are when asked for more', () => {
    for (const split of ['validation', 'test'] as const) {
      expect(() => task.generate({ split, seed: 0, count: 2 ** 30 })).toThrow(/expected at most \d[\d,]*/);
    }
  });

  it('streams examples that their numbers and the seed decide', () => {
    const { stream } = task;
    expect(stream).toBeDefined();
    const whole = stream!({ seed: 5, first: 2, count: COUNT });
    expect([whole.count, whole.seqLen]).toEqual([COUNT, task.seqLen]);
    expectRows(make().stream!({ seed: 5, first: 4, count: 3 }), whole, 2);
    expect(stream!({ seed: 6, first: 2, count: COUNT }).inputs).not.toEqual(whole.inputs);
    const known = (token: number) => token >= 0 && token < task.vocabSize;
    expect(whole.inputs.every(known) && whole.labels.every(known)).toBe(true);
    expect(() => stream!({ seed: 0.5, first: 0, count: 1 })).toThrow(/stream: expected a seed/);
  });

  it('counts the bytes of its tokens, if at all, for every token', () => {
    if (task.tokenBytes) expect(task.tokenBytes.length).toBe(task.vocabSize);
  });

  it('names its baselines and what they score', () => {
    for (const { name, loss } of task.baselines?.('validation') ?? []) {
      expect(name).not.toBe('');
      expect(loss).toBeGreaterThan(0);
      expect(loss).toBeLessThan(2 * Math.log(task.vocabSize));
    }
  });

  it('holds at other lengths', () => {
    for (const seqLen of lengths) {
      const longer = task.atLength(seqLen);
      expect([longer.name, longer.vocabSize, longer.seqLen, longer.measure]).toEqual([
        task.name,
        task.vocabSize,
        seqLen,
        'likelihood',
      ]);
      expect(longer.generate({ split: 'test', seed: 8, count: 1 }).inputs.length).toBe(seqLen);
    }
  });
}

/** The rows of `part` are those of `whole` from `offset` on. */
function expectRows(part: Examples, whole: Examples, offset: number): void {
  const from = offset * whole.seqLen;
  expect(part.inputs).toEqual(whole.inputs.slice(from, from + part.inputs.length));
  expect(part.labels).toEqual(whole.labels.slice(from, from + part.labels.length));
}
