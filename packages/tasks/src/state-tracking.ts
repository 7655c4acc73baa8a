/**
 * State tracking: the word problem of a group. Every token is an element; the label of each position is the product so far,
 * g_t o ... o g_1, the first token acting first. Over Z2 that is the parity of the ones.
 *
 * Z2, L = 8, and S3, L = 6, its elements 0 to 5 the images 012, 021, 102, 120, 201, 210:
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |-------|---|---|---|---|---|---|---|---|
 * | Z2    | 1 | 0 | 1 | 1 | 0 | 0 | 1 | 0 |
 * | label | 1 | 1 | 0 | 1 | 1 | 1 | 0 | 0 |
 * | S3    | 1 | 2 | 2 | 3 | 0 | 5 |   |   |
 * | label | 1 | 3 | 1 | 2 | 2 | 3 |   |   |
 *
 * `generators` makes the sequences of S_n of its transpositions, those of A_n of its 3-cycles: every element can still be the
 * answer. A transposition changes the sign, so who only counts positions is right 2 / n! of the time.
 *
 * How hard: Z_m and the solvable S3, S4 and A4 are in TC0; the word problems of A5 and S5 are complete for NC1. Unless the two
 * classes are one, no attention or diagonal state-space model of fixed depth solves those at all lengths [1]. A linear recurrence
 * whose transitions have no negative eigenvalue cannot do parity in finite precision [2]. But n layers can compose a few
 * tokens each, so that short sequences look solved: test at lengths never seen, and look at the accuracy by position.
 *
 * Sources: [1] Merrill, Petty and Sabharwal 2024, "The Illusion of State in State-Space Models" (arXiv 2404.08819), and their
 * repository; [2] Grazzi et al. 2024, "Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues" (arXiv 2411.12537).
 * Deviations: [2] labels the last position of its parity alone; here as in [1] every position is labelled. Which factor acts
 * first is a convention: the other one is the same task with each element named by its inverse.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate } from './examples.js';
import { createGroup, generatorsSchema, groupSchema } from './groups.js';
import { lengthBins, sliceAnswers } from './slices.js';

const stateTrackingSchema = z.strictObject({
  group: groupSchema.default('Z2').describe('Z2 (parity) to Z99, S3, S4, S5, A4 or A5'),
  generators: generatorsSchema
    .default('all')
    .describe("tokens are all elements, an S_n's transpositions or an A_n's 3-cycles"),
  seqLen: z.int().min(1).default(64).describe('L, elements composed'),
});

/**
 * The word problem of a group.
 * @throws InvalidConfigError if `generators` do not generate the group.
 * @example stateTracking({ group: 'S3', generators: 'transpositions', seqLen: 32 })
 */
export const stateTracking: TaskFactory<typeof stateTrackingSchema, SolvedTask> = defineTask({
  name: 'stateTracking',
  summary: 'The product so far of the elements of a group: parity (Z2), counting (Zm), permutations (S3, A5).',
  schema: stateTrackingSchema,
  create(config) {
    const { seqLen } = config;
    const { order, compose, generators } = createGroup(config.group, config.generators, 'stateTracking');
    return {
      vocabSize: order,
      seqLen,
      labelsPerExample: seqLen,
      chance: 1 / order,
      generate: createGenerate('stateTracking', seqLen, () => (rng, inputs, labels) => {
        let state = 0;
        for (let t = 0; t < seqLen; t++) {
          const element = generators[rng.integer(generators.length)]!;
          state = compose[element * order + state]!;
          inputs[t] = element;
          labels[t] = state;
        }
      }),
      solve(inputs) {
        let state = 0;
        return inputs.map((element) => (state = compose[element * order + state]!));
      },
      slices: (examples) =>
        sliceAnswers(
          examples,
          [{ name: 'elements composed so far', bins: lengthBins(seqLen), of: (t: number) => t + 1 }],
          (inputs) => [...inputs.keys()],
        ),
      atLength: (length) => stateTracking({ ...config, seqLen: length }),
    };
  },
});
