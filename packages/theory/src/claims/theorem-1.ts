/**
 * Theorem 1 (Section 4, proof in Appendix C.1): one CAT layer solves N-gram associative recall.
 *
 *   f(X) = (X_v W_v)^T S(c X_k q),   X_q = norm(X * F), q its last row
 *   value delay:  F_k = F,        F_v = D_-1,  W_v = 2 I
 *   key delay:    F_k = D_1 * F,  F_v = D_0,   W_v = I
 *   c = log(4 L / eps) / Delta
 *
 * eps is the smallest distance between two embeddings, Delta = 1 - max a.b over two signatures. In f64; the key delay also as
 * the `cat` of the zoo. The value delay looks ahead, which no causal mixer does.
 */
import { cat } from '@mixerzoo/cat';
import { createRng, foldIn, type Rng, useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { attend, goldenMap, normalizeRows } from '../attention.js';
import { type Check, defineClaim, type Plot, type PlotPoint } from '../claim.js';
import { unitVector } from '../math/random.js';
import { convolve, delayBy, distance, type Filter, l1Distance, nearest, scaled, type Vector } from '../math/vectors.js';
import { lastOutput, scaledIdentity } from '../mixer-values.js';
import { confusingRecall, drawRecall, type RecallSequence } from '../recall-sequences.js';
import { comparePairs, createSignatures, drawFilter, type Signature } from './signatures.js';

const sizes = z.strictObject({
  ns: z.array(z.int().min(1).max(5)).min(1).default([1, 2, 3, 4]).describe('lengths N of the grams'),
  vocabSize: z.int().min(3).default(6).describe('tokens there are'),
  dModel: z.int().min(2).default(16).describe('width of the embeddings'),
  seqLen: z.int().min(16).default(64).describe('length L of the inputs'),
  sequences: z.int().positive().default(24).describe('random inputs per N'),
  filters: z.int().positive().default(8).describe('random filters, of which the one with the largest Delta is taken'),
});
type Sizes = z.output<typeof sizes>;

/** One of the two layers of the theorem. */
export interface Construction {
  readonly name: string;
  readonly keyDelay: number;
  readonly valueDelay: number;
  readonly valueScale: number;
  /** Where the map has its weight, of the last position and that at which the earlier occurrence ends. */
  golden(match: number, last: number): readonly number[];
  /** The bound of the proof on the L1 error of the map; `odds` = e^(-c Delta). */
  mapBound(length: number, odds: number): number;
}

export const valueDelay: Construction = {
  name: 'value delay',
  keyDelay: 0,
  valueDelay: -1,
  valueScale: 2,
  golden: (match, last) => [match, last],
  mapBound: (length, odds) => (2 * (length - 2) * odds) / (2 + (length - 2) * odds),
};

export const keyDelay: Construction = {
  name: 'key delay',
  keyDelay: 1,
  valueDelay: 0,
  valueScale: 1,
  golden: (match) => [match + 1],
  mapBound: (length, odds) => (2 * (length - 1) * odds) / (1 + (length - 1) * odds),
};

/** What a layer is built on, and what it is tried on. */
export interface Setting {
  readonly n: number;
  /** Unit vectors, a row per token. */
  readonly embeddings: readonly Vector[];
  readonly filter: Filter;
  /** 1 - max a.b over signatures. */
  readonly delta: number;
  /** Smallest distance between two embeddings. */
  readonly epsilon: number;
  /** The c of the theorem. */
  readonly temperature: number;
  readonly sequences: readonly RecallSequence[];
}

/** Random embeddings, a random filter, and inputs: random ones and those that confuse it most. */
export function createSetting(seed: number, n: number, given: Sizes): Setting {
  const { vocabSize, seqLen, filters } = given;
  const embeddings = drawEmbeddings(createRng(foldIn(seed, 'theorem-1')), given);
  const rng = createRng(foldIn(seed, `theorem-1 ${n}`));
  const candidates = Array.from({ length: filters }, () => {
    const filter = drawFilter(rng, n);
    const signatures = createSignatures(embeddings, filter);
    const { delta } = comparePairs(signatures);
    return { filter, signatures, delta };
  });
  const { filter, signatures, delta } = candidates.reduce((best, one) => (one.delta > best.delta ? one : best));
  const epsilon = smallestDistance(embeddings);
  const temperature = Math.log((4 * seqLen) / epsilon) / delta;
  const random = Array.from({ length: given.sequences }, () => drawRecall(rng, { vocabSize, n, length: seqLen }));
  const sequences = [...random, ...mostConfusing(rng, signatures, given)];
  return { n, embeddings, filter, delta, epsilon, temperature, sequences };
}

const drawEmbeddings = (rng: Rng, { vocabSize, dModel }: Sizes): Vector[] =>
  Array.from({ length: vocabSize }, () => unitVector(rng, dModel));

/** The layer on one input, at a temperature. */
function runLayer(construction: Construction, setting: Setting, { tokens }: RecallSequence, temperature: number) {
  const rows = tokens.map((token) => setting.embeddings[token]!);
  const queries = normalizeRows(convolve(rows, setting.filter));
  const keys = convolve(queries, delayBy(construction.keyDelay));
  const values = convolve(rows, delayBy(construction.valueDelay)).map((row) => scaled(row, construction.valueScale));
  return attend(scaled(queries.at(-1)!, temperature), keys, values);
}

/** The worst errors of a layer over all inputs, at a share of the temperature of the theorem. */
function worstErrors(construction: Construction, setting: Setting, share = 1) {
  const { embeddings, sequences, temperature } = setting;
  const errors = sequences.map((sequence) => {
    const { map, output } = runLayer(construction, setting, sequence, share * temperature);
    const last = sequence.tokens.length - 1;
    const golden = goldenMap(last + 1, construction.golden(sequence.match, last));
    return { map: l1Distance(map, golden), ...outputErrors(embeddings, sequence, output) };
  });
  return worst(errors);
}

/** The key delay as the `cat` of the zoo, in f32: the worst errors of its outputs over all inputs. */
export function worstErrorsOfCat({ n, embeddings, filter, temperature, sequences }: Setting) {
  const dModel = embeddings[0]!.length;
  const mixer = cat({
    dModel,
    filters: { q: 'perHead', k: 'perHead' },
    filterWidth: n + 1,
    normalizeQK: true,
    temperature,
    learnTemperature: false,
  });
  const identity = scaledIdentity(dModel);
  const values = {
    'qProj.weight': identity,
    'kProj.weight': identity,
    'vProj.weight': identity,
    'oProj.weight': identity,
    qFilter: [...filter.taps, 0],
    kFilter: [0, ...filter.taps],
  };
  const errors = sequences.map((sequence) => {
    const rows = sequence.tokens.map((token) => embeddings[token]!);
    return { map: 0, ...outputErrors(embeddings, sequence, lastOutput(mixer, values, rows)) };
  });
  return worst(errors);
}

/** Every check of a layer in a setting. */
export function checkLayer(construction: Construction, setting: Setting): Check[] {
  const { n, delta, epsilon, temperature, sequences } = setting;
  const length = sequences[0]!.tokens.length;
  const at = `${construction.name}, N = ${n}`;
  const stated = worstErrors(construction, setting);
  const tenth = worstErrors(construction, setting, 0.1);
  const mapBound = construction.mapBound(length, Math.exp(-temperature * delta));
  const most = { relation: 'at most', expected: 'holds' } as const;
  return [
    { ...most, what: `attention map, L1 error, ${at}`, measured: stated.map, bound: mapBound },
    { ...most, what: `|f - v|, ${at}`, measured: stated.output, bound: epsilon / 2 },
    { ...most, what: `share of wrong answers, ${at}`, measured: stated.wrong, bound: 0 },
    { ...most, what: `|f - v| at a tenth of c, ${at}`, measured: tenth.output, bound: epsilon / 2, expected: 'fails' },
  ];
}

/** The check that signatures are distinct, and those of the zoo's own layer. */
function checkSetting(setting: Setting): Check[] {
  const { n, delta, epsilon } = setting;
  const { output, wrong } = worstErrorsOfCat(setting);
  const holds = { expected: 'holds' } as const;
  return [
    { ...holds, what: `Delta of signatures, N = ${n}`, measured: delta, relation: 'at least', bound: 1e-9 },
    { ...holds, what: `|f - v|, the zoo's cat, N = ${n}`, measured: output, relation: 'at most', bound: epsilon / 2 },
    {
      ...holds,
      what: `share of wrong answers, the zoo's cat, N = ${n}`,
      measured: wrong,
      relation: 'at most',
      bound: 0,
    },
  ];
}

/** Theorem 1. */
export const theorem1 = defineClaim({
  id: 'theorem-1',
  title: 'Theorem 1: one CAT layer solves N-gram recall',
  statement:
    'With a filter F on queries and keys that tells N-grams apart, a delay on the values or on the keys, and the temperature ' +
    'c = log(4 L / eps) / Delta, one layer answers within eps / 2 of the right embedding for every input up to length L (Section 4, Appendix C.1). ' +
    'The attention map is as near to the golden one as Equation 3 says.',
  slips: [
    {
      printed: 'Almost every filter F gives every N-gram a signature of its own.',
      corrected:
        'The first N - 1 rows of X * F see fewer than N tokens. Where the first taps of F and all of them have sums of equal sign, ' +
        'a short run of a token at the start has the signature of N of them. The partial sums of F need another sign than the whole sum.',
    },
  ],
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const settings = sizes.ns.map((n) => createSetting(seed, n, sizes));
    const checks = settings.flatMap((setting) => [
      ...checkSetting(setting),
      ...[valueDelay, keyDelay].flatMap((construction) => checkLayer(construction, setting)),
    ]);
    return {
      built:
        `${sizes.vocabSize} random unit embeddings of width ${sizes.dModel}, a random filter for each N of ${sizes.ns.join(', ')}, ` +
        `inputs of length ${sizes.seqLen}: ${sizes.sequences} random, and those that confuse it most`,
      checks: [...checks, ...checkPrinted(seed, sizes)],
      plots: [plotTemperature(settings, sizes)],
    };
  },
});

/** The printed condition on F, where it can go wrong: N > 1. */
function checkPrinted(seed: number, sizes: Sizes): Check[] {
  const n = sizes.ns.find((each) => each > 1);
  if (n === undefined) return [];
  const rng = createRng(foldIn(seed, 'theorem-1 printed'));
  const embeddings = drawEmbeddings(rng, sizes);
  const filters = Array.from({ length: 50 }, () => drawFilter(rng, n, 'any'));
  const distinct = filters.filter((filter) => comparePairs(createSignatures(embeddings, filter)).delta > 1e-9);
  const measured = distinct.length / filters.length;
  const what = `as printed: share of random F with distinct signatures, N = ${n}`;
  return [{ what, measured, relation: 'at least', bound: 1, expected: 'fails' }];
}

function plotTemperature(settings: readonly Setting[], { seqLen }: Sizes): Plot {
  const shares = Array.from({ length: 9 }, (_, i) => 10 ** (-1 + i / 6));
  const series = settings.map((setting) => ({
    label: `N = ${setting.n}`,
    kind: 'points' as const,
    points: shares.map((share): PlotPoint => ({ x: share, y: worstErrors(keyDelay, setting, share).map })),
  }));
  const { temperature, delta } = settings[0]!;
  const odds = (share: number) => Math.exp(-share * temperature * delta);
  return {
    title: 'Error of the map by temperature',
    caption:
      'Worst L1 error of the map over all inputs, below the bound of the proof; 1 is the temperature of the theorem.',
    x: { label: 'share of the stated temperature', log: true },
    y: { label: 'L1 error of the map', log: true },
    series: [
      {
        label: 'bound (Equation 3)',
        kind: 'line',
        points: shares.map((share) => ({ x: share, y: keyDelay.mapBound(seqLen, odds(share)) })),
      },
      ...series,
    ],
  };
}

/** Inputs of the pairs of grams whose signatures are nearest: the distractor over and over. */
function mostConfusing(rng: Rng, signatures: readonly Signature[], { vocabSize, seqLen }: Sizes): RecallSequence[] {
  const { nearestPairs } = comparePairs(signatures);
  return nearestPairs.flatMap(([query, distractor]) => {
    const value = rng.integer(vocabSize);
    const found = confusingRecall(query.gram, value, distractor.gram, seqLen);
    return found && value !== distractor.gram[0] ? [found] : [];
  });
}

const smallestDistance = (rows: readonly Vector[]): number =>
  Math.min(...rows.flatMap((a, i) => rows.slice(i + 1).map((b) => distance(a, b))));

function outputErrors(embeddings: readonly Vector[], { value }: RecallSequence, output: Vector) {
  return { output: distance(output, embeddings[value]!), wrong: nearest(embeddings, output) === value ? 0 : 1 };
}

/** The largest error of the map and of the output, and the share of wrong answers. */
function worst(errors: readonly { map: number; output: number; wrong: number }[]) {
  return {
    map: Math.max(...errors.map(({ map }) => map)),
    output: Math.max(...errors.map(({ output }) => output)),
    wrong: errors.reduce((sum, { wrong }) => sum + wrong, 0) / errors.length,
  };
}
