/**
 * Compression: the hidden state of the last position is all that every token is told from again.
 *
 * V = 6, L = 6, the compression token 5 at the end:
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 |
 * |--------|---|---|---|---|---|---|
 * | input  | 3 | 0 | 2 | 2 | 4 | 5 |
 * | label  | 3 | 0 | 2 | 2 | 4 | . |
 *
 * Labels stand at the tokens themselves, yet no model may look there: the task asks for a decoder (`decoder: 'lastPosition'` of
 * core's `Task`), which gives the hidden state of the last position, and no other, to a perceptron that is told which token is
 * asked. So attention too has one vector to put L - 1 tokens into: (L - 1) log2(V - 1) bits.
 *
 * Source: Poli et al. 2024, "Mechanistic Design and Scaling of Hybrid Architectures" (MAD, arXiv 2403.17844) and its repository: V = 16,
 * L = 32. Deviation: theirs scores the compression token too, which is the same in every example.
 */
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate } from './examples.js';
import { doublingBins, sliceAnswers } from './slices.js';

const compressionSchema = z.strictObject({
  vocabSize: z
    .int()
    .min(3)
    .max(2 ** 20)
    .default(16)
    .describe('V, with the compression token'),
  seqLen: z.int().min(2).default(32).describe('L: random tokens, then the compression token'),
});

/**
 * Random tokens, to be told from what the last position holds.
 * @example compression({ vocabSize: 16, seqLen: 32 })
 */
export const compression: TaskFactory<typeof compressionSchema, SolvedTask> = defineTask({
  name: 'compression',
  summary: 'Compression: every token of a sequence, decoded from the hidden state of its last position.',
  schema: compressionSchema,
  create(config) {
    const { vocabSize, seqLen } = config;
    const last = seqLen - 1;
    return {
      vocabSize,
      seqLen,
      labelsPerExample: last,
      chance: 1 / (vocabSize - 1),
      decoder: 'lastPosition',
      generate: createGenerate('compression', seqLen, () => (rng, inputs, labels) => {
        for (let t = 0; t < last; t++) inputs[t] = rng.integer(vocabSize - 1);
        labels.set(inputs.subarray(0, last));
        inputs[last] = vocabSize - 1;
      }),
      solve: (inputs) => inputs.slice().fill(IGNORED_LABEL, last),
      slices: (examples) =>
        sliceAnswers(
          examples,
          [
            {
              name: 'gap between the token and the end (tokens)',
              bins: doublingBins(seqLen),
              of: (at: number) => last - at,
            },
          ],
          () => Array.from({ length: last }, (_, at) => at),
        ),
      atLength: (length) => compression({ ...config, seqLen: length }),
    };
  },
});
