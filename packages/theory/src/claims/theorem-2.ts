/**
 * Theorem 2 (Section 4, proof in Appendix C.2): a layer that solves recall at one length solves it at every length.
 *
 *   f(X) = (X * F_v)^T S(X W x_{L-1}),   F_v >= 0 with delays -W to W
 *
 * If |y - f(X)| <= eps for all inputs of length L, then the filter is near 2 D_-1, the map is near the golden one at every length L', and
 * the error there is at most a constant times L' eps_0. That is not a construction: two layers are taken that nobody set to be
 * right, one perturbed at random, one trained. Their eps is measured at L, on the inputs of the proof and on random ones; Lemma 1
 * (`lemma-1.ts`) then says what must hold. In f64, since the value filter looks ahead.
 */
import { createRng, foldIn, type Rng, useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { goldenMap } from '../attention.js';
import { type Check, defineClaim, type Plot } from '../claim.js';
import { linearSlope } from '../math/fit.js';
import { unitVector } from '../math/random.js';
import { l1Distance, scaled, type Vector } from '../math/vectors.js';
import { confusingRecall, drawRecall, type RecallSequence } from '../recall-sequences.js';
import { type RecallLayer, trainRecall } from '../train-recall.js';
import {
  embeddingDistance,
  filterDistance,
  LARGEST_EPSILON0,
  type LengthBounds,
  lemmaChecks,
  lengthBounds,
  proofSequences,
  runLayer,
  topQueries,
} from './lemma-1.js';
import { perturbedLayer } from './perturbed-layer.js';

const sizes = z.strictObject({
  vocabSize: z.int().min(4).default(8).describe('tokens there are'),
  dModel: z.int().min(2).default(16).describe('width of the embeddings'),
  trainLength: z.int().min(6).default(12).describe('length L at which the error is measured, and the layer trained'),
  lengths: z.array(z.int().min(6)).min(2).default([12, 32, 64, 128, 256, 512]).describe('lengths that it goes on to'),
  reach: z.int().min(2).default(3).describe('W: the value filter has the delays -W to W'),
  sequences: z.int().positive().default(32).describe('random inputs per length'),
  perturbation: z.number().positive().default(1e-3).describe('sum of the taps added at random to the perturbed filter'),
  steps: z.int().positive().default(300).describe('steps of training'),
  batchSize: z.int().positive().default(32).describe('inputs per step'),
});
type Sizes = z.output<typeof sizes>;

/** A layer at its length of training: what Lemma 1 starts from. */
export interface Solution extends RecallLayer {
  readonly label: string;
  readonly embeddings: readonly Vector[];
  readonly trainLength: number;
  readonly reach: number;
}

/** W = c I plus noise, F = 2 D_-1 plus a little of every delay: no construction of the paper. */
export function perturbedSolution(rng: Rng, embeddings: readonly Vector[], sizes: Sizes): Solution {
  const { trainLength, reach, perturbation, dModel } = sizes;
  const strength = 1.5 * Math.log(trainLength / perturbation);
  const layer = perturbedLayer(rng, { dModel, strength, reach, weight: 2, perturbation });
  return { label: 'perturbed', ...layer, embeddings, trainLength, reach };
}

/** The worst error at the length of training over Delta, on the inputs of the proof and on random ones. */
export function measureEpsilon0(solution: Solution, rng: Rng, sequences: number): number {
  const { embeddings, trainLength } = solution;
  const inputs = [
    ...proofSequences(topQueries(solution, embeddings), trainLength),
    ...randomInputs(rng, embeddings.length, trainLength, sequences),
  ];
  return (
    Math.max(...inputs.map((input) => runLayer(solution, embeddings, input).error)) / embeddingDistance(embeddings)
  );
}

/** The worst errors at a length, on random inputs and on those that confuse most. */
function measureAt(solution: Solution, length: number, rng: Rng, sequences: number) {
  const { embeddings } = solution;
  const confusing = topQueries(solution, embeddings).flatMap(({ query, top }) => {
    const value = embeddings.findIndex((_, token) => token !== query && token !== top);
    return confusingRecall([query], value, [top], length) ?? [];
  });
  const errors = [...confusing, ...randomInputs(rng, embeddings.length, length, sequences)].map((input) => {
    const { map, error } = runLayer(solution, embeddings, input);
    return { map: l1Distance(map, goldenMap(length, [input.match, length - 1])), output: error };
  });
  return {
    map: Math.max(...errors.map(({ map }) => map)),
    output: Math.max(...errors.map(({ output }) => output)),
  };
}

/** Lemma 1 at the length of training, and the three statements of the theorem at every length. */
export function checkSolution(solution: Solution, seed: number, { lengths, sequences }: Sizes) {
  const { label, filter, embeddings, trainLength, reach } = solution;
  const rng = createRng(foldIn(seed, `inputs ${label}`));
  const epsilon0 = measureEpsilon0(solution, rng, sequences);
  const measured = lengths.map((length) => ({ length, ...measureAt(solution, length, rng, sequences) }));
  const lemma = lemmaChecks(label, filter, topQueries(solution, embeddings), epsilon0, trainLength);
  if (epsilon0 > LARGEST_EPSILON0) return { checks: lemma, plot: plotLengths(solution, measured) };
  const bounds = lengthBounds(epsilon0, trainLength, reach);
  const slope = linearSlope(measured.map(({ length, output }) => [length, output]));
  const most = { relation: 'at most', expected: 'holds' } as const;
  const checks: Check[] = [
    ...lemma,
    { ...most, what: `|F - 2 D_-1|, ${label}`, measured: filterDistance(filter, 2), bound: bounds.filter },
    ...measured.flatMap(({ length, map, output }) => [
      { ...most, what: `map, L1 error, ${label}, L' = ${length}`, measured: map, bound: bounds.map(length) },
      { ...most, what: `|y - f|, ${label}, L' = ${length}`, measured: output, bound: bounds.output(length) },
    ]),
    { ...most, what: `slope of |y - f| in L', ${label}`, measured: slope, bound: bounds.slope },
  ];
  return { checks, plot: plotLengths(solution, measured, { bounds, slope }) };
}

/** The same layer with a tenth of its logits. */
const cooled = (solution: Solution): Solution => ({
  ...solution,
  label: `${solution.label}, a tenth of W`,
  weights: solution.weights.map((row) => scaled(row, 0.1)),
});

/** Theorem 2, with Lemma 1. */
export const theorem2 = defineClaim({
  id: 'theorem-2',
  title: 'Theorem 2 and Lemma 1: what solves recall at one length solves it at all',
  statement:
    'A layer with a value filter F >= 0 that answers every input of one length L within eps has a filter near the delay -1, ' +
    "and an attention map near the golden one at every other length (Section 4, Appendix C.2). Its error at length L' grows at most linearly in L'.",
  slips: [
    {
      printed: 'The filter obeys |F - D_-1| <= L eps_0, in L1.',
      corrected:
        'The layer of the theorem has no W_v, and the query has weight 1/2 at its earlier place: the filter tends to 2 D_-1, as the proof itself ' +
        'has it (|F_-1 - 2| <= O(L eps_0)).',
    },
  ],
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const { vocabSize, dModel, trainLength, reach, steps, batchSize, sequences } = sizes;
    const rng = createRng(foldIn(seed, 'theorem-2'));
    const embeddings = Array.from({ length: vocabSize }, () => unitVector(rng, dModel));
    const perturbed = perturbedSolution(rng, embeddings, sizes);
    const training = { embeddings, length: trainLength, reach, steps, batchSize, learningRate: 0.05 };
    const trained: Solution = { ...perturbed, label: 'trained', ...(await trainRecall(seed, training)) };
    const results = [perturbed, trained].map((solution) => checkSolution(solution, seed, sizes));
    const counter = [perturbed, trained].map((solution): Check => {
      const measured = measureEpsilon0(cooled(solution), rng, sequences);
      return {
        what: `eps_0, ${cooled(solution).label}`,
        measured,
        relation: 'at most',
        bound: LARGEST_EPSILON0,
        expected: 'fails',
      };
    });
    return {
      built:
        `two layers of reach W = ${reach} on ${vocabSize} random unit embeddings of width ${dModel}, at L = ${trainLength}: one perturbed at ` +
        `random, one trained by the zoo for ${steps} steps from a random start`,
      checks: [...results.flatMap(({ checks }) => checks), ...counter, checkPrinted(perturbed, seed, sizes)],
      plots: results.map(({ plot }) => plot),
    };
  },
});

/** The printed bound on the filter. */
function checkPrinted(solution: Solution, seed: number, { sequences }: Sizes): Check {
  const { filter, trainLength, label } = solution;
  const epsilon0 = measureEpsilon0(solution, createRng(foldIn(seed, 'printed')), sequences);
  const what = `as printed: |F - D_-1|, ${label}`;
  return {
    what,
    measured: filterDistance(filter, 1),
    relation: 'at most',
    bound: trainLength * epsilon0,
    expected: 'fails',
  };
}

const randomInputs = (rng: Rng, vocabSize: number, length: number, count: number): RecallSequence[] =>
  Array.from({ length: count }, () => drawRecall(rng, { vocabSize, n: 1, length }));

/** @param promised - left out for a layer of which the lemma says nothing. */
function plotLengths(
  { label, trainLength }: Solution,
  measured: readonly { length: number; output: number }[],
  promised?: { readonly bounds: LengthBounds; readonly slope: number },
): Plot {
  const points = (value: (one: { length: number; output: number }) => number) =>
    measured.map((one) => ({ x: one.length, y: value(one) }));
  const bound = promised && {
    label: 'bound',
    kind: 'line' as const,
    points: points(({ length }) => promised.bounds.output(length)),
  };
  return {
    title: `Error at other lengths, ${label}`,
    caption:
      `Worst |y - f(X)| of a layer held to its eps_0 at L = ${trainLength} alone` +
      (promised ? `, below the bound of the proof; it grows by ${promised.slope.toExponential(1)} a token.` : '.'),
    x: { label: "length L'", log: true },
    y: { label: '|y - f(X)|', log: true },
    series: [...(bound ? [bound] : []), { label, kind: 'points', points: points(({ output }) => output) }],
  };
}
