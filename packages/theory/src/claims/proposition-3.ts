/**
 * Proposition 3 (Appendix C.3): a layer that solves N-gram recall at one length solves it at every length.
 *
 *   f(X) = 2 (X * F)^T S(X_k W q),   X_q = X_k = norm(X * Fbar), q its last row;   F >= 0 with delays -W to W
 *
 * As for Theorem 2, no layer is constructed: one that is perturbed at random is measured at a length L >= 8 N - 3 + i + k, on the
 * inputs of the proof (Equations 28, 29, 67) and on random ones, and held to the three statements at other lengths. Its error eps
 * there gives eps_0, by either assumption on the embeddings. In f64, since the value filter looks ahead.
 */
import { createRng, foldIn, type Rng } from '@mixerzoo/core';
import * as z from 'zod';
import { attend, goldenMap, normalizeRows } from '../attention.js';
import { type Check, defineClaim, type Plot } from '../claim.js';
import { linearSlope } from '../math/fit.js';
import { orthonormalRows, unitVector } from '../math/random.js';
import { convolve, distance, dot, type Filter, l1Distance, scaled, type Vector } from '../math/vectors.js';
import { asRecall, confusingRecall, drawRecall, type RecallSequence } from '../recall-sequences.js';
import { filterDistance } from './lemma-1.js';
import { perturbedLayer } from './perturbed-layer.js';
import { comparePairs, createSignatures, drawFilter, type Signature } from './signatures.js';

const sizes = z.strictObject({
  ns: z.array(z.int().min(2).max(4)).min(1).default([2, 3]).describe('lengths N of the grams'),
  vocabSize: z.int().min(3).default(5).describe('tokens there are'),
  dModel: z.int().min(2).default(12).describe('width of the embeddings, at least vocabSize'),
  lengths: z.array(z.int().min(16)).min(2).default([64, 128, 256, 512]).describe("lengths L' that it goes on to"),
  reach: z.int().min(2).default(3).describe('W: the value filter has the delays -W to W'),
  sequences: z.int().positive().default(32).describe('random inputs per length'),
  perturbation: z.number().positive().default(1e-5).describe('sum of the taps put at random delays'),
});
type Sizes = z.output<typeof sizes>;

/** A layer of the proposition, and the embeddings it lives on. */
export interface Layer {
  readonly n: number;
  readonly label: string;
  readonly embeddings: readonly Vector[];
  /** Fbar, on queries and keys. */
  readonly gramFilter: Filter;
  /** W, a row per row. */
  readonly weights: readonly Vector[];
  /** F, on values. */
  readonly filter: Filter;
  /** eps_0 / eps, by the assumption on the embeddings. */
  readonly factor: number;
}

/** Assumption 1.a: |F|_1 <= 1; eps_0 = eps / Delta with Delta = 1 - max a.b. */
export function underAssumptionA(rng: Rng, n: number, sizes: Sizes): Layer {
  const embeddings = Array.from({ length: sizes.vocabSize }, () => unitVector(rng, sizes.dModel));
  const products = embeddings.flatMap((a, i) => embeddings.slice(i + 1).map((b) => dot(a, b)));
  const factor = 1 / (1 - Math.max(...products));
  const layer = perturbed(rng, n, embeddings, sizes);
  const taps = layer.filter.taps.map((tap) => tap / (1 + sizes.perturbation));
  return { ...layer, label: `assumption a, N = ${n}`, factor, filter: { ...layer.filter, taps } };
}

/** Assumption 1.b: 2 N embeddings are linearly independent; these are orthonormal, so delta = 1 and eps_0 = e^(2 N) eps. */
function underAssumptionB(rng: Rng, n: number, sizes: Sizes): Layer {
  const embeddings = orthonormalRows(rng, sizes.vocabSize, sizes.dModel);
  return { ...perturbed(rng, n, embeddings, sizes), label: `assumption b, N = ${n}`, factor: Math.exp(2 * n) };
}

/** W = c I plus noise, F = D_-1 plus a little of every delay. */
function perturbed(rng: Rng, n: number, embeddings: readonly Vector[], { dModel, reach, perturbation }: Sizes) {
  const candidates = Array.from({ length: 8 }, () => {
    const gramFilter = drawFilter(rng, n);
    return { gramFilter, delta: comparePairs(createSignatures(embeddings, gramFilter)).delta };
  });
  const { gramFilter, delta } = candidates.reduce((best, one) => (one.delta > best.delta ? one : best));
  const strength = Math.log(trainLength(n) / perturbation) / delta;
  return { n, embeddings, gramFilter, ...perturbedLayer(rng, { dModel, strength, reach, weight: 1, perturbation }) };
}

/** L = 8 N - 3 + i + k with i = 2 N - 2 and k = N, the most that the proof needs. */
export const trainLength = (n: number): number => 11 * n - 5;

/** The queries, the most confused first, each with the gram v of the largest logit for it among those that `admits` admits. */
export function topGrams({ embeddings, gramFilter, weights }: Layer, admits: Admits = () => true) {
  const whole = createSignatures(embeddings, gramFilter).filter((one) => one.whole);
  const pairs = whole.flatMap((query) => {
    const direction = Float64Array.from(weights, (row) => dot(row, query.signature));
    const lead = (other: Signature) => dot(query.signature, direction) - dot(other.signature, direction);
    const ranked = whole.filter((one) => one !== query).sort((a, b) => lead(a) - lead(b));
    const top = ranked.find((other) => admits(query, other));
    return top ? [{ query, top, lead: lead(top) }] : [];
  });
  return pairs.sort((a, b) => a.lead - b.lead);
}
type Admits = (query: Signature, other: Signature) => boolean;

/** Queries that are tried, of those that are confused most. */
const HARDEST = 12;

/** The inputs of the proof for the most confused queries, each with the most confusing gram that leaves it inputs. */
function hardestInputs(layer: Layer): RecallSequence[] {
  const { n } = layer;
  const pairs = topGrams(layer, (query, top) => proofSequences(query, top, 8 * n - 3).length > 0);
  return pairs.slice(0, HARDEST).flatMap(({ query, top }) => proofSequences(query, top, trainLength(n)));
}

/**
 * The inputs of the proof for a query and its most confusing gram v, with i and k as far as the length allows: X, Xbar and Xhat of
 * Equations 28, 29 and 67. There are none where the query stands in them more than twice.
 */
export function proofSequences(query: Signature, top: Signature, length: number): RecallSequence[] {
  const [q, v] = [query.gram, top.gram];
  const n = q.length;
  const [first, rest, last] = [q[0]!, q.slice(1), v.at(-1)!];
  const fill = (count: number) => new Array<number>(count).fill(last);
  const found: RecallSequence[] = [];
  const most = length - 8 * n + 3;
  for (let i = 0; i <= most; i++) {
    for (let k = 0; i + k <= most; k++) {
      const [a, b, c] = [fill(n - 1 + i), fill(n - 1 + k), fill(n - 1)];
      const inputs = [
        { start: [a, v, q, b, rest, [first], c], end: [v, q] },
        { start: [a, v, q, [first], b, rest, c], end: [v, q] },
        { start: [q, [v[0]!], a, v, b, rest, c], end: [q] },
      ];
      for (const { start, end } of inputs) {
        const [before, after] = [start.flat(), end.flat()];
        const input = asRecall([...before, ...fill(length - before.length - after.length), ...after], n);
        if (input) found.push(input);
      }
    }
  }
  return found;
}

/** The layer on an input. */
function runLayer({ embeddings, gramFilter, weights, filter }: Layer, input: RecallSequence) {
  const rows = input.tokens.map((token) => embeddings[token]!);
  const grams = normalizeRows(convolve(rows, gramFilter));
  const query = Float64Array.from(weights, (row) => dot(row, grams.at(-1)!));
  const values = convolve(rows, filter).map((row) => scaled(row, 2));
  const { map, output } = attend(query, grams, values);
  const golden = goldenMap(rows.length, [input.match, rows.length - 1]);
  return { map: l1Distance(map, golden), output: distance(output, embeddings[input.value]!) };
}

/** eps_0: the worst error at the length of training, on the inputs of the proof and on random ones, by the assumption. */
function measureEpsilon0(layer: Layer, rng: Rng, sequences: number): number {
  const inputs = [...hardestInputs(layer), ...randomInputs(layer, rng, trainLength(layer.n), sequences)];
  return layer.factor * Math.max(...inputs.map((input) => runLayer(layer, input).output));
}

/** The worst errors at a length, on random inputs and on those that confuse most. */
function measureAt(layer: Layer, length: number, rng: Rng, sequences: number) {
  const hardest = topGrams(layer).slice(0, HARDEST);
  const confusing = hardest.flatMap(({ query, top }) => {
    const value = layer.embeddings.findIndex((_, token) => !query.gram.includes(token) && !top.gram.includes(token));
    return confusingRecall(query.gram, Math.max(0, value), top.gram, length) ?? [];
  });
  const inputs = [...confusing, ...randomInputs(layer, rng, length, sequences)];
  const errors = inputs.map((input) => runLayer(layer, input));
  return {
    map: Math.max(...errors.map(({ map }) => map)),
    output: Math.max(...errors.map(({ output }) => output)),
  };
}

/** The three statements, at every length. */
export function checkLayer(layer: Layer, seed: number, { lengths, sequences }: Sizes) {
  const { label, n, filter } = layer;
  const rng = createRng(foldIn(seed, `inputs ${label}`));
  const length = trainLength(n);
  const epsilon0 = measureEpsilon0(layer, rng, sequences);
  const measured = lengths.map((longer) => ({ length: longer, ...measureAt(layer, longer, rng, sequences) }));
  // Equations 77 to 80 with |F - D_-1| <= L eps_0 and 1 - 2 s_q <= L' eps_0 / 2, for L' >= L.
  const constant = 3.5 + length * epsilon0;
  const slope = linearSlope(measured.map(({ length, output }) => [length, output]));
  const most = { relation: 'at most', expected: 'holds' } as const;
  const checks: Check[] = [
    { ...most, what: `eps_0, ${label}`, measured: epsilon0, bound: 1 / length },
    { ...most, what: `|F - D_-1|, ${label}`, measured: filterDistance(filter, 1), bound: length * epsilon0 },
    ...measured.flatMap(({ length, map, output }) => [
      { ...most, what: `map, L1 error, ${label}, L' = ${length}`, measured: map, bound: length * epsilon0 },
      { ...most, what: `|y - f|, ${label}, L' = ${length}`, measured: output, bound: constant * length * epsilon0 },
    ]),
    { ...most, what: `slope of |y - f| in L', ${label}`, measured: slope, bound: constant * epsilon0 },
  ];
  return { checks, plot: plotLengths(layer, measured, constant * epsilon0) };
}

/** The same layer with a tenth of its logits. */
const cooled = (layer: Layer): Layer => ({ ...layer, weights: layer.weights.map((row) => scaled(row, 0.1)) });

/** The counter-check: a tenth of the logits is no solution at all. */
function checkCooled(layer: Layer, seed: number, { sequences }: Sizes): Check {
  const rng = createRng(foldIn(seed, `cooled ${layer.label}`));
  const measured = measureEpsilon0(cooled(layer), rng, sequences);
  const what = `eps_0, a tenth of W, ${layer.label}`;
  return { what, measured, relation: 'at most', bound: 1 / trainLength(layer.n), expected: 'fails' };
}

/**
 * Equation 31 as printed: the coefficients of all tokens in f(X) sum to at most 1. They are 2 sum_t s_t F_{t-j}, and sum to more
 * wherever attention spreads.
 */
function checkPrinted(layer: Layer): Check {
  const ones = layer.embeddings.map((row) => Float64Array.of(...row, 1));
  const sums = hardestInputs(layer).map(({ tokens }) => {
    const rows = tokens.map((token) => layer.embeddings[token]!);
    const grams = normalizeRows(convolve(rows, layer.gramFilter));
    const direction = Float64Array.from(cooled(layer).weights, (row) => dot(row, grams.at(-1)!));
    const counted = convolve(
      tokens.map((token) => ones[token]!),
      layer.filter,
    );
    return 2 * attend(direction, grams, counted).output.at(-1)!;
  });
  const what = `as printed: sum of the coefficients, a tenth of W, ${layer.label}`;
  return { what, measured: Math.max(...sums), relation: 'at most', bound: 1, expected: 'fails' };
}

/** Proposition 3. */
export const proposition3 = defineClaim({
  id: 'proposition-3',
  title: 'Proposition 3: what solves N-gram recall at one length solves it at all',
  statement:
    'A layer with a value filter F >= 0 that answers every N-gram input of one length L within eps has a filter within L eps_0 of the delay -1, ' +
    "and at every length L' a map within L' eps_0 of the golden one (Appendix C.3). Its error there is at most R L' eps_0.",
  slips: [
    {
      printed:
        'Equation 31: under assumption a, where |F|_1 <= 1, the coefficients of the tokens in f(X) sum to at most 1.',
      corrected:
        'f has W_v = 2 I, as Equation 50 counts it: the coefficients sum to at most 2, and to 1 only as far as the query has all of the ' +
        'attention. Assumption a bounds them by 2 (1 - s_q).',
    },
    {
      printed: 'Equations 28 and 29 are inputs of the task, for every query and the gram v that is most like it.',
      corrected:
        'Where the tokens of the query repeat, or v ends as the query does (N = 2), the query stands in them a third time. ' +
        'v has to be the gram most like the query among those that leave it twice.',
    },
  ],
  sizes,
  run({ seed, sizes }) {
    const layers = sizes.ns.flatMap((n) => {
      const rng = createRng(foldIn(seed, `proposition-3 ${n}`));
      return [underAssumptionA(rng, n, sizes), underAssumptionB(rng, n, sizes)];
    });
    const results = layers.map((layer) => checkLayer(layer, seed, sizes));
    return {
      built:
        `layers perturbed at random, of reach W = ${sizes.reach}, for N of ${sizes.ns.join(', ')} on ${sizes.vocabSize} unit embeddings of width ` +
        `${sizes.dModel}: random (assumption a) and orthonormal (assumption b); L = 11 N - 5`,
      checks: [
        ...results.flatMap(({ checks }) => checks),
        ...layers.map((layer) => checkCooled(layer, seed, sizes)),
        checkPrinted(layers[0]!),
      ],
      plots: results.map(({ plot }) => plot),
    };
  },
});

const randomInputs = ({ embeddings, n }: Layer, rng: Rng, length: number, count: number): RecallSequence[] =>
  Array.from({ length: count }, () => drawRecall(rng, { vocabSize: embeddings.length, n, length }));

function plotLengths(
  { label }: Layer,
  measured: readonly { length: number; map: number; output: number }[],
  boundPerToken: number,
): Plot {
  const points = (value: (one: { length: number; map: number; output: number }) => number) =>
    measured.map((one) => ({ x: one.length, y: value(one) }));
  return {
    title: `Errors at other lengths, ${label}`,
    caption: "Worst |y - f(X)| and L1 error of the map, below R L' eps_0 with the R of the proof.",
    x: { label: "length L'", log: true },
    y: { label: 'error', log: true },
    series: [
      { label: "R L' eps_0", kind: 'line', points: points(({ length }) => length * boundPerToken) },
      { label: '|y - f(X)|', kind: 'points', points: points(({ output }) => output) },
      { label: 'map', kind: 'points', points: points(({ map }) => map) },
    ],
  };
}
