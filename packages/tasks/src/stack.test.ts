import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { stack } from './stack.js';

describeTask('stack', () => stack({ seqLen: 64 }), { lengths: [32, 65, 128, 512] });
describeTask('stack, one, few pops', () => stack({ seqLen: 48, numStacks: 1, numPops: 5 }));
describeTask('stack, 64 of letters', () => stack({ seqLen: 128, numStacks: 64, symbolVocabSize: 26 }));

/** The operations of examples, and the task's labels: a symbol at a pop. */
function operationsOf(config: Parameters<typeof stack>[0], count: number) {
  const task = stack(config);
  const { inputs, labels } = task.generate({ split: 'train', seed: 1, count });
  return Array.from({ length: count }, (_, i) => {
    const tokens = [...inputs.subarray(i * task.seqLen, (i + 1) * task.seqLen)];
    const labelled = labels.subarray(i * task.seqLen, (i + 1) * task.seqLen);
    const operations: { push: boolean; name: number; symbol: number }[] = [];
    let t = 0;
    while (tokens[t]) {
      const push = tokens[t] === 1;
      operations.push({ push, name: tokens[t + 1]!, symbol: push ? tokens[t + 2]! : labelled[t + 1]! });
      if (push) expect([...labelled.subarray(t, t + 3)]).toEqual(new Array(3).fill(IGNORED_LABEL));
      else expect([tokens[t], labelled[t]]).toEqual([2, IGNORED_LABEL]);
      t += push ? 3 : 2;
    }
    expect(tokens.slice(t).every((token) => token === 0)).toBe(true);
    return operations;
  });
}

describe('stack', () => {
  it('takes off last what was put on first, from each stack by itself, and never from an empty one', () => {
    for (const numStacks of [1, 3, 20]) {
      for (const operations of operationsOf({ seqLen: 90, numStacks, symbolVocabSize: 9, numPops: 15 }, 200)) {
        expect(operations.filter(({ push }) => push)).toHaveLength(20);
        expect(operations.filter(({ push }) => !push)).toHaveLength(15);
        const stacks = new Map<number, string>(); // of letters, the top first
        for (const { push, name, symbol } of operations) {
          const before = stacks.get(name) ?? '';
          const letter = String.fromCharCode(symbol);
          if (!push) expect(before[0]).toBe(letter);
          stacks.set(name, push ? letter + before : before.slice(1));
        }
        expect([...stacks.keys()].every((name) => name >= 3 && name < 3 + numStacks)).toBe(true);
      }
    }
  });

  it('pushes to every stack, pops from every one that holds something, and tosses a fair coin between the two', () => {
    const pushed = [0, 0, 0, 0];
    const [older, newer] = [0, 1];
    const firstPop = [0, 0]; // of examples that begin with pushes to two stacks, then a pop
    let second = 0;
    const examples = operationsOf({ seqLen: 200, symbolVocabSize: 8 }, 2_000);
    for (const [first, next, third] of examples) {
      pushed[first!.name - 3]!++;
      second += Number(next!.push);
      if (next!.push && !third!.push && first!.name !== next!.name)
        firstPop[third!.name === next!.name ? newer : older]!++;
    }
    // 500 each, standard deviation 19.
    for (const count of pushed) expect(Math.abs(count - 500)).toBeLessThan(97);
    // 40 pops and 39 pushes are left: 0.494 of 2,000, standard deviation 22.
    expect(Math.abs(second - 2_000 * (39 / 79))).toBeLessThan(112);
    const pops = firstPop[older]! + firstPop[newer]!;
    expect(pops).toBeGreaterThan(250);
    expect(Math.abs(firstPop[older]! - pops / 2)).toBeLessThan(2.5 * Math.sqrt(pops));
  });

  it('tells pops apart by whether the last push alone answers them: half with one stack, fewer with many', () => {
    const share = (numStacks: number) => {
      const task = stack({ seqLen: 200, numStacks, symbolVocabSize: 64 });
      const slices = task.slices!(task.generate({ split: 'train', seed: 1, count: 200 }));
      const since = slices.find(({ name }) => name === 'pushes since that of the symbol, itself included')!.values;
      return since.filter((pushes) => pushes === 1).length / since.length;
    };
    const [one, many] = [share(1), share(64)];
    expect(Math.abs(one - 0.55)).toBeLessThan(0.1);
    expect(many).toBeLessThan(one - 0.1);
  });

  it('has as many pops as pushes unless it is told, and more of both at a longer length', () => {
    expect([stack({}).config.numPops, stack({ seqLen: 100 }).config.numPops]).toEqual([12, 20]);
    expect(stack({ seqLen: 64, numPops: 4 }).atLength(256).config.numPops).toBe(16);
  });

  it.each([
    [
      'a length too short',
      { seqLen: 64, numPops: 13 },
      /seqLen must be at least 65 for 13 pops .* got 64\. .*numPops <= 12/,
    ],
    ['no stacks', { numStacks: 0 }, /numStacks/],
    ['a single symbol', { symbolVocabSize: 1 }, /symbolVocabSize/],
  ])('refuses %s', (_, config, message) => {
    expect(() => stack(config)).toThrow(InvalidConfigError);
    expect(() => stack(config)).toThrow(message);
  });
});
