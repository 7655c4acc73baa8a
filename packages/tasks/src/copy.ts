/**
 * Copy: n symbols, a separator, then the symbols in order.
 *
 * v = 4, L = 8 (`.` is IGNORED_LABEL):
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |-------|---|---|---|---|---|---|---|---|
 * | input | 2 | 4 | 4 | 1 | 0 | 2 | 4 | 4 |
 * | label | . | . | . | . | 2 | 4 | 4 | 1 |
 *
 * A model must hold all n symbols at the separator: a state of fewer than n log2 v bits cannot copy them all. Every symbol is
 * n + 1 positions before its answer at this length alone; what generalises finds where the answer so far stood. Test at n up to 8 times
 * that of training; `evaluateAutoregressively` lets the model go on from its own answers.
 *
 * Source: Jelassi et al. 2024, "Repeat After Me: Transformers are Better than State Space Models at Copying" (arXiv 2402.01032).
 * Deviations: theirs trains on all lengths up to the longest at once; here every example has the n of its task.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import { copyingSchema, createCopying } from './copying.js';

/**
 * Plain copying, teacher forced.
 * @throws InvalidConfigError if `seqLen` is odd.
 * @example copy({ seqLen: 64, symbolVocabSize: 26 })
 */
export const copy: TaskFactory<typeof copyingSchema, SolvedTask> = defineTask({
  name: 'copy',
  summary: 'Plain copying: symbols, a separator, then the symbols in order.',
  schema: copyingSchema,
  create: (config) => ({
    ...createCopying('copy', config, (place) => place),
    atLength: (length) => copy({ ...config, seqLen: length }),
  }),
});
