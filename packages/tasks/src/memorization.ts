/**
 * Memorization: facts that stand in no input. Each key has one value, the same in every example of every split, and the
 * model must hold them in its weights.
 *
 * V = 8 (keys 0 to 2, values 3 to 6, the insert token 7), L = 6 (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 |
 * |--------|---|---|---|---|---|---|
 * | input  | 2 | 7 | 0 | 7 | 2 | 7 |
 * | label  | . | 5 | . | 4 | . | 5 |
 *
 * After each key comes the insert token, at which its value is due. Nothing in context tells it: what is tested is what weights
 * hold, and a shift by one. Keys are the lower half of [0, V - 1), values the upper; the facts are a random one-to-one map, drawn
 * from `factSeed` alone. Splits differ in the order of keys, never in the facts: without them no test could be passed.
 *
 * Source: Poli et al. 2024, "Mechanistic Design and Scaling of Hybrid Architectures" (MAD, arXiv 2403.17844) and its repository: V = 256,
 * L = 32. Deviation: theirs draws another map for another training seed.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { createRng, foldIn } from '@mixerzoo/core/rng';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate } from './examples.js';
import { createTokenPool } from './sampling.js';
import { positionBins, sliceAnswers } from './slices.js';

const memorizationSchema = z.strictObject({
  vocabSize: z
    .int()
    .min(4)
    .max(2 ** 20)
    .default(256)
    .describe('V: keys, values and the insert token'),
  seqLen: z.int().min(2).default(32).describe('L; even: keys, an insert token after each'),
  factSeed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .describe('what the values of the keys are drawn from'),
});

/**
 * Recall of facts that are the same in every example.
 * @throws InvalidConfigError if `seqLen` is odd.
 * @example memorization({ vocabSize: 256, seqLen: 32 })
 */
export const memorization: TaskFactory<typeof memorizationSchema, SolvedTask> = defineTask({
  name: 'memorization',
  summary: 'Memorization: values of keys that are the same in every example, and stand in none.',
  schema: memorizationSchema,
  create(config) {
    const { vocabSize, seqLen } = config;
    if (seqLen % 2 === 1) {
      throw new InvalidConfigError(
        `memorization: seqLen must be even (a key and an insert token), got ${seqLen}. Use ${seqLen + 1}.`,
      );
    }
    const insert = vocabSize - 1;
    const values = factsOf(config);
    return {
      vocabSize,
      seqLen,
      labelsPerExample: seqLen / 2,
      chance: 1 / (insert - values.length),
      generate: createGenerate('memorization', seqLen, () => (rng, inputs, labels) => {
        for (let t = 0; t < seqLen; t += 2) {
          inputs[t] = rng.integer(values.length);
          inputs[t + 1] = insert;
          labels[t + 1] = values[inputs[t]!]!;
        }
      }),
      solve: (inputs) => inputs.map((token, t) => (token === insert ? values[inputs[t - 1]!]! : IGNORED_LABEL)),
      slices: (examples) =>
        sliceAnswers(
          examples,
          [{ name: 'position of the query (tokens)', bins: positionBins(seqLen), of: (at: number) => at }],
          (inputs) => [...inputs.keys()].filter((t) => inputs[t] === insert),
        ),
      atLength: (length) => memorization({ ...config, seqLen: length }),
    };
  },
});

/** The value of each key, [keys]: distinct ones of the upper half. */
function factsOf({ vocabSize, factSeed }: z.output<typeof memorizationSchema>): Int32Array {
  const numKeys = Math.floor((vocabSize - 1) / 2);
  const values = createTokenPool(numKeys, vocabSize - 1);
  values.draw(createRng(foldIn(factSeed, 'memorization')), numKeys);
  return values.tokens.slice(0, numKeys);
}
