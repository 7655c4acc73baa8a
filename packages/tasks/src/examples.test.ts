/** A task as a package outside would write it (the README's), and what `createGenerate` promises. */
import { createRng } from '@mixerzoo/core/rng';
import { defineTask, type SolvedTask, type Split, type TaskFactory } from '@mixerzoo/core/task';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import * as tasks from './index.js';

const { createGenerate, plugin, splitOf } = tasks;

const schema = z.strictObject({ vocabSize: z.int().min(2).default(64), seqLen: z.int().min(2).default(32) });

/** After a separator 0, the first token again: 5 3 8 0 -> 5. */
const firstToken: TaskFactory<typeof schema, SolvedTask> = defineTask({
  name: 'firstToken',
  summary: 'Remember the first token.',
  schema,
  create: ({ vocabSize, seqLen }) => ({
    vocabSize,
    seqLen,
    labelsPerExample: 1,
    chance: 1 / (vocabSize - 1),
    generate: createGenerate('firstToken', seqLen, () => (rng, inputs, labels) => {
      for (let t = 0; t < seqLen - 1; t++) inputs[t] = 1 + rng.integer(vocabSize - 1);
      labels[seqLen - 1] = inputs[0]!;
    }),
    solve: (inputs) => new Int32Array(seqLen).fill(-100).fill(inputs[0]!, seqLen - 1),
    atLength: (length) => firstToken({ vocabSize, seqLen: length }),
  }),
});

describeTask('of another package', () => firstToken({}));

describe('splits', () => {
  it('hold six, one and one eighths of all rows, at any length', () => {
    const rng = createRng(1);
    for (const seqLen of [3, 64]) {
      const counts: Record<Split, number> = { train: 0, validation: 0, test: 0 };
      for (let i = 0; i < 16_000; i++) counts[splitOf(Int32Array.from({ length: seqLen }, () => rng.integer(512)))]++;
      // Standard deviations 55 and 42.
      expect(Math.abs(counts.train - 12_000)).toBeLessThan(280);
      expect(Math.abs(counts.validation - 2_000)).toBeLessThan(210);
    }
  });

  it('leave the first token as the task draws it: the choice of a split does not bias the content', () => {
    const { inputs } = firstToken({ vocabSize: 9, seqLen: 16 }).generate({ split: 'test', seed: 1, count: 8_000 });
    const counts = new Array<number>(9).fill(0);
    for (let i = 0; i < 8_000; i++) counts[inputs[i * 16]!]!++;
    // 1,000 each, standard deviation 30.
    for (const count of counts.slice(1)) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe('plugin', () => {
  it('lists every task of the package once, each with a summary and working defaults', () => {
    const exported = Object.values(tasks).filter((value) => typeof value === 'function' && 'taskName' in value);
    expect(new Set(plugin.tasks)).toEqual(new Set(exported));
    expect(plugin.tasks).toHaveLength(exported.length);
    for (const factory of plugin.tasks) {
      expect(factory.summary).toMatch(/^[A-Z].*\.$/);
      expect(factory({}).name).toBe(factory.taskName);
    }
  });
});
