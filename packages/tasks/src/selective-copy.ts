/**
 * Selective copying: signal tokens among noise, a separator, then the signals in order.
 *
 * 3 signals of a vocabulary 1 - 4, noise 5 and 6, separator 0, L = 9 (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |
 * |--------|---|---|---|---|---|---|---|---|---|
 * | input  | 2 | 6 | 5 | 4 | 6 | 1 | 0 | 2 | 4 |
 * | label  | . | . | . | . | . | . | 2 | 4 | 1 |
 * | what   | s1| - | - | s2| - | s3| ⊥ | s1| s2|
 *
 * L counts everything: L - m tokens of signal and noise (m = `numSignals`), the separator, and the first m - 1 signals as the
 * teacher gives them. The model's own answers instead: `evaluateAutoregressively`. With `answers: 'blank'` the input holds none
 * of them, and separators follow the first: each position of the answer must be told by itself, as in MAD (Poli et al. 2024).
 *
 * `variant: 'plain'` draws the signals with repeats. `'unique'` copies each distinct signal once, at its first occurrence: m
 * distinct signals, and `numRepeats` later copies of them that are not to be copied again.
 *
 * Source: the CAT paper, Definition 4 and Section 6.3 (16 signals; L = 64, 128, 256), after Gu and Dao 2023 (arXiv 2312.00752).
 * Deviations: the paper gives neither the sizes of the vocabularies nor what L counts; 32 signal and 16 noise tokens are ours.
 * MAD has one noise token, draws signals with repeats and never feeds answers: `noiseVocabSize: 1`, `answers: 'blank'`.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { countAtLength, lengthRuleSchema } from './length.js';
import { createTokenPool } from './sampling.js';
import { doublingBins, singleBins, sliceAnswers } from './slices.js';

const SEPARATOR = 0;

const tokenCount = z
  .int()
  .min(1)
  .max(2 ** 16);

const selectiveCopySchema = z.strictObject({
  seqLen: z.int().min(2).default(64).describe('L: signals and noise, the separator, the answer but its last token'),
  numSignals: z.int().min(1).default(16).describe('m, tokens to copy'),
  signalVocabSize: tokenCount.default(32).describe('signal tokens there are'),
  noiseVocabSize: tokenCount.default(16).describe('noise tokens there are'),
  variant: z.enum(['plain', 'unique']).default('plain').describe('copy every signal, or each distinct one once'),
  numRepeats: z.int().min(0).default(0).describe("variant 'unique': later copies of signals, not to be copied again"),
  answers: z
    .enum(['teacher', 'blank'])
    .default('teacher')
    .describe("what follows the separator: the right answers one by one, or as in MAD nothing, separators ('blank')"),
  signalsAtLength: lengthRuleSchema.default('fixed').describe('at another length m stays, or grows with it'),
});

type SelectiveCopyConfig = z.output<typeof selectiveCopySchema>;

/**
 * Selective copying, teacher forced or without answers in the input.
 * @throws InvalidConfigError if `seqLen` is below 2 `numSignals` + `numRepeats`, or there are too few signal tokens
 *   for the unique variant.
 * @example selectiveCopy({ seqLen: 64, numSignals: 16 })
 */
export const selectiveCopy: TaskFactory<typeof selectiveCopySchema, SolvedTask> = defineTask({
  name: 'selectiveCopy',
  summary: 'Selective copying: after a separator, the signal tokens among noise in order.',
  schema: selectiveCopySchema,
  create(config) {
    assertFits(config);
    const { seqLen, numSignals, numRepeats, signalVocabSize, noiseVocabSize, signalsAtLength: rule } = config;
    return {
      vocabSize: 1 + signalVocabSize + noiseVocabSize,
      seqLen,
      labelsPerExample: numSignals,
      chance: 1 / signalVocabSize,
      generate: createGenerate('selectiveCopy', seqLen, () => createWriter(config)),
      solve(inputs) {
        const labels = new Int32Array(seqLen).fill(IGNORED_LABEL);
        for (const { at, signalAt } of readAnswers(inputs, config)) labels[at] = inputs[signalAt]!;
        return labels;
      },
      slices: (examples) =>
        sliceAnswers(
          examples,
          [
            { name: 'signals to copy', bins: singleBins(numSignals, numSignals), of: () => numSignals },
            {
              name: 'gap between signal and answer (tokens)',
              bins: doublingBins(seqLen),
              of: ({ at, signalAt }) => at - signalAt,
            },
            { name: 'place in the answer', bins: doublingBins(numSignals), of: ({ place }) => place },
          ],
          (inputs) => readAnswers(inputs, config),
        ),
      atLength: (length) =>
        selectiveCopy({
          ...config,
          seqLen: length,
          numSignals: countAtLength(numSignals, rule, seqLen, length),
          numRepeats: rule === 'fixed' ? numRepeats : Math.floor((numRepeats * length) / seqLen),
        }),
    };
  },
});

/** The answers from the inputs alone: where each is due, the signal's own position, and its place in the answer from 1. */
function readAnswers(inputs: Int32Array, { signalVocabSize, variant }: SelectiveCopyConfig) {
  const separator = inputs.indexOf(SEPARATOR);
  const prompt = inputs.subarray(0, separator);
  const signals = [...prompt.keys()].filter(
    (t) => prompt[t]! <= signalVocabSize && (variant === 'plain' || prompt.indexOf(prompt[t]!) === t),
  );
  return signals.map((signalAt, index) => ({ at: separator + index, signalAt, place: index + 1 }));
}

function createWriter(config: SelectiveCopyConfig): WriteExample {
  const { seqLen, numSignals, numRepeats, signalVocabSize, noiseVocabSize, variant, answers } = config;
  const separator = seqLen - numSignals;
  const pool = createTokenPool(1, 1 + signalVocabSize);
  const signals = new Int32Array(numSignals);
  return (rng, inputs, labels) => {
    if (variant === 'unique') {
      pool.draw(rng, numSignals);
      signals.set(pool.tokens.subarray(0, numSignals));
    } else {
      for (let i = 0; i < numSignals; i++) signals[i] = 1 + rng.integer(signalVocabSize);
    }
    let copied = 0;
    let repeatsLeft = numRepeats;
    for (let t = 0; t < separator; t++) {
      const signalsLeft = numSignals - copied + repeatsLeft;
      if (rng.integer(separator - t) >= signalsLeft) inputs[t] = 1 + signalVocabSize + rng.integer(noiseVocabSize);
      else if (copied > 0 && rng.integer(signalsLeft) < repeatsLeft) {
        inputs[t] = signals[rng.integer(copied)]!;
        repeatsLeft--;
      } else inputs[t] = signals[copied++]!;
    }
    inputs[separator] = SEPARATOR;
    if (answers === 'teacher') inputs.set(signals.subarray(0, numSignals - 1), separator + 1);
    labels.set(signals, separator);
  };
}

function assertFits({ seqLen, numSignals, numRepeats, signalVocabSize, variant }: SelectiveCopyConfig): void {
  const smallest = 2 * numSignals + numRepeats;
  if (seqLen < smallest) {
    throw new InvalidConfigError(
      `selectiveCopy: seqLen must be at least ${smallest} for ${numSignals} signals, ${numRepeats} repeats, the separator ` +
        `and the answer, got ${seqLen}. Use seqLen >= ${smallest} or fewer signals.`,
    );
  }
  if (variant === 'unique' && signalVocabSize < numSignals) {
    throw new InvalidConfigError(
      `selectiveCopy: signalVocabSize must be at least ${numSignals} for so many distinct signals, got ${signalVocabSize}. ` +
        `Enlarge signalVocabSize or take fewer signals.`,
    );
  }
  if (variant === 'plain' && numRepeats > 0) {
    throw new InvalidConfigError(
      `selectiveCopy: numRepeats is of variant 'unique' (in 'plain' every occurrence is copied), got ${numRepeats}. ` +
        `Use variant: 'unique' or numRepeats: 0.`,
    );
  }
}
