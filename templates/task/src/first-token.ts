/**
 * First token: random tokens; the label of the last position is the first token. The template for your task.
 *
 * V = 8, L = 6 (`.` is IGNORED_LABEL):
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 |
 * |-------|---|---|---|---|---|---|
 * | input | 5 | 2 | 7 | 2 | 0 | 3 |
 * | label | . | . | . | . | . | 5 |
 *
 * Source: none; put the paper here, and name what you do differently.
 */
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import { createGenerate } from '@mixerzoo/tasks';
import * as z from 'zod';

const firstTokenSchema = z.strictObject({
  vocabSize: z.int().min(2).default(64).describe('V'),
  seqLen: z.int().min(2).default(32).describe('L'),
});

/**
 * Recall of the first token.
 * @example firstToken({ seqLen: 128 })
 */
export const firstToken: TaskFactory<typeof firstTokenSchema, SolvedTask> = defineTask({
  name: 'firstToken',
  summary: 'Random tokens; the last position asks for the first: the template for a new task.',
  schema: firstTokenSchema,
  create: ({ vocabSize, seqLen }) => ({
    vocabSize,
    seqLen,
    labelsPerExample: 1,
    chance: 1 / vocabSize,
    // The rng is all that decides an example, so that a request gives the same ones on every machine.
    generate: createGenerate('firstToken', seqLen, () => (rng, inputs, labels) => {
      for (let t = 0; t < seqLen; t += 1) inputs[t] = rng.integer(vocabSize);
      labels[seqLen - 1] = inputs[0] as number;
    }),
    solve(inputs) {
      const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
      labels[inputs.length - 1] = inputs[0] as number;
      return labels;
    },
    atLength: (length) => firstToken({ vocabSize, seqLen: length }),
  }),
});
