/**
 * Palindrome: n symbols, a separator, then the symbols from the last to the first.
 *
 * v = 4, L = 8 (`.` is IGNORED_LABEL):
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |-------|---|---|---|---|---|---|---|---|
 * | input | 2 | 4 | 4 | 1 | 0 | 1 | 4 | 4 |
 * | label | . | . | . | . | 1 | 4 | 4 | 2 |
 *
 * The answer so far stood in another order, so what follows it is no help, unlike in copying: the symbol asked for stood *before*
 * it, and one place of the answer is 2 tokens further from its symbol than the one before. The information a state must hold is
 * that of `copy`.
 *
 * Source: Kimi Team 2025, "Kimi Linear" (arXiv 2510.26692), synthetic tests.
 * Deviations: the separator and the vocabulary are those of `copy`.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import { copyingSchema, createCopying } from './copying.js';

/**
 * Copying in reverse, teacher forced.
 * @throws InvalidConfigError if `seqLen` is odd.
 * @example palindrome({ seqLen: 64, symbolVocabSize: 26 })
 */
export const palindrome: TaskFactory<typeof copyingSchema, SolvedTask> = defineTask({
  name: 'palindrome',
  summary: 'Copying in reverse: symbols, a separator, then the symbols from the last to the first.',
  schema: copyingSchema,
  create: (config) => ({
    ...createCopying('palindrome', config, (place, n) => n - 1 - place),
    atLength: (length) => palindrome({ ...config, seqLen: length }),
  }),
});
