/**
 * Induction heads: a token comes again, and the answer is what followed it before.
 *
 * `form: 'special'`, V = 6, L = 8 (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |--------|---|---|---|---|---|---|---|---|
 * | input  | 3 | 1 | 0 | 5 | 2 | 2 | 4 | 0 |
 * | label  | . | . | . | . | . | . | . | 5 |
 * | what   | - | - | ⊥ | a | - | - | - | ⊥ |
 *
 * The special token 0 stands at a random place and once more at the end; L counts both. All others are random.
 *
 * `form: 'general'`, V = 6, D = 3 different tokens, L = 8:
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |--------|---|---|---|---|---|---|---|---|
 * | input  | 3 | 1 | 3 | 3 | 5 | 1 | 3 | 5 |
 * | label  | . | . | 1 | 3 | . | 3 | 5 | 1 |
 *
 * Every token that occurred before is asked: what followed it the last time? Each of D tokens comes in at a place of its own, the
 * first at the start, the others at random ones; elsewhere stands any token that is in already. So L - D positions are labelled.
 *
 * Sources: [1] Gu and Dao 2023, "Mamba" (arXiv 2312.00752), Section 4.1.2: V = 16, trained at L = 256, tested at 2^6 to 2^20;
 * [2] Olsson et al. 2022 (arXiv 2209.11895) for the general form.
 * Deviations: in [2] tokens are drawn freely, so that the number of answers varies; `numDistinct` fixes it.
 */
import { refuseIdle } from '@mixerzoo/core/config';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { createTokenPool } from './sampling.js';
import { doublingBins, positionBins, sliceAnswers } from './slices.js';

const SPECIAL = 0;

const options = {
  form: z
    .enum(['special', 'general'])
    .default('special')
    .describe("one special token is asked at the end; 'general': every token that occurred before, where it stands"),
  vocabSize: z
    .int()
    .min(3)
    .max(2 ** 20)
    .default(16)
    .describe('V; with the special token in its form'),
  seqLen: z.int().min(3).default(256).describe('L, with the special token at the end in its form'),
  numDistinct: z
    .int()
    .min(1)
    .optional()
    .describe("D, form 'general': different tokens of an example; default V, or L / 2 where that is less"),
};

const inductionHeadsSchema = z
  .strictObject(options)
  .check(
    refuseIdle<{ form: string }, keyof typeof options>(options, {
      numDistinct: [({ form }) => form === 'general', "form 'general'"],
    }),
  )
  .transform(({ numDistinct, ...config }) => ({
    ...config,
    ...(config.form === 'general' && {
      numDistinct: numDistinct ?? Math.min(config.vocabSize, Math.floor(config.seqLen / 2)),
    }),
  }));

type InductionHeadsConfig = z.output<typeof inductionHeadsSchema>;

/**
 * Induction, of one special token or of all.
 * @throws InvalidConfigError if there are fewer than `numDistinct` tokens, or not more positions than these.
 * @example inductionHeads({ vocabSize: 16, seqLen: 256 })
 */
export const inductionHeads: TaskFactory<typeof inductionHeadsSchema, SolvedTask> = defineTask({
  name: 'inductionHeads',
  summary: 'Induction heads: what followed a token when it stood there before.',
  schema: inductionHeadsSchema,
  create(config) {
    assertFits(config);
    const { form, vocabSize, seqLen, numDistinct = 0 } = config;
    const general = form === 'general';
    return {
      vocabSize,
      seqLen,
      labelsPerExample: general ? seqLen - numDistinct : 1,
      chance: 1 / (general ? vocabSize : vocabSize - 1),
      generate: createGenerate('inductionHeads', seqLen, () => (general ? writeGeneral(config) : writeSpecial(config))),
      solve(inputs) {
        const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
        for (const { at, before } of readAnswers(inputs, config)) labels[at] = inputs[before + 1]!;
        return labels;
      },
      slices: (examples) =>
        sliceAnswers(
          examples,
          [
            {
              name: 'gap between the token and its last mention (tokens)',
              bins: doublingBins(seqLen),
              of: ({ at, before }) => at - before,
            },
            ...(general
              ? [{ name: 'position of the query (tokens)', bins: positionBins(seqLen), of: ({ at }: Answer) => at }]
              : []),
          ],
          (inputs) => readAnswers(inputs, config),
        ),
      atLength: (length) => inductionHeads({ ...config, seqLen: length }),
    };
  },
});

/** Where an answer is due, and where its token stood the last time before. */
interface Answer {
  readonly at: number;
  readonly before: number;
}

/** The answers from the inputs alone. */
function readAnswers(inputs: Int32Array, { form, vocabSize }: InductionHeadsConfig): Answer[] {
  if (form === 'special') return [{ at: inputs.length - 1, before: inputs.indexOf(SPECIAL) }];
  const lastAt = new Int32Array(vocabSize).fill(-1);
  const answers: Answer[] = [];
  for (const [at, token] of inputs.entries()) {
    if (lastAt[token]! >= 0) answers.push({ at, before: lastAt[token]! });
    lastAt[token] = at;
  }
  return answers;
}

function writeSpecial({ vocabSize, seqLen }: InductionHeadsConfig): WriteExample {
  return (rng, inputs, labels) => {
    for (let t = 0; t < seqLen - 1; t++) inputs[t] = 1 + rng.integer(vocabSize - 1);
    const at = rng.integer(seqLen - 2); // a token stands between it and the end
    inputs[at] = SPECIAL;
    inputs[seqLen - 1] = SPECIAL;
    labels[seqLen - 1] = inputs[at + 1]!;
  };
}

function writeGeneral({ vocabSize, seqLen, numDistinct = 0 }: InductionHeadsConfig): WriteExample {
  const tokens = createTokenPool(0, vocabSize);
  const follower = new Int32Array(vocabSize); // what stood after the last mention, -1 before there was one
  return (rng, inputs, labels) => {
    tokens.draw(rng, numDistinct);
    follower.fill(-1);
    let known = 0;
    let previous: number | undefined;
    for (let t = 0; t < seqLen; t++) {
      // Every choice of places for the tokens that come in is equally likely; the first is at the start.
      const comesIn = t === 0 || rng.integer(seqLen - t) < numDistinct - known;
      const token = tokens.tokens[comesIn ? known++ : rng.integer(known)]!;
      inputs[t] = token;
      if (previous !== undefined) follower[previous] = token;
      if (!comesIn) labels[t] = follower[token]!;
      previous = token;
    }
  };
}

function assertFits({ form, vocabSize, seqLen, numDistinct = 0 }: InductionHeadsConfig): void {
  if (form === 'special') return;
  const most = Math.min(vocabSize, seqLen - 1);
  if (numDistinct <= most) return;
  throw new InvalidConfigError(
    `inductionHeads: numDistinct must be at most ${most} for a vocabulary of ${vocabSize} and ${seqLen} tokens, got ${numDistinct}. ` +
      'Take fewer different tokens, or enlarge vocabSize or seqLen.',
  );
}
