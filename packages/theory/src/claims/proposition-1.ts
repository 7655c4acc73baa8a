/**
 * Proposition 1 (Section 5, proof in Appendix D.1): Landmark CAT with landmarks that are sums of blocks of B tokens finds a token of
 * the random context model (Definition 6) if and only if d is above about 2 sigma^2 B log Lbar.
 *
 *   (A) d >= 2 sigma^2 B (sqrt(log Lbar) + t)^2                       answers one query with probability 1 - 3 e^(-t^2 / 4)
 *   (B) d <= 2 sigma^2 B (sqrt((1 - eps) log Lbar) - t)^2             fails with the same probability, for Lbar >= C_eps
 *   (C) d >= 2 sigma^2 B (sqrt(log Lbar) + sqrt(dim S) + t)^2         answers every query of a subspace S, as (A)
 *
 * The layer is the zoo's `landmarkCat` (landmark-recall.ts), counted over contexts that are drawn. What it counts is held to the
 * exact probability (figure-4/block-sums.ts), which reaches sizes that no layer runs at.
 */
import { createRng, foldIn, useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { type Check, defineClaim, type Plot } from '../claim.js';
import {
  blocksOf,
  type Context,
  successOfAll,
  successOfOne,
  sufficientWidth,
  widthForSuccess,
} from '../figure-4/block-sums.js';
import {
  blockSums,
  builtOf,
  countAnswered,
  countRecalls,
  drawInput,
  hardestQuery,
  intervalOf,
  type LandmarkLayer,
  promised,
  type Shape,
} from '../landmark-recall.js';
import { orthonormalRows } from '../math/random.js';
import { atLeast, atMost } from './bounds.js';

const shape = {
  blocks: z.int().min(3).default(32).describe('blocks of an input, Lbar'),
  blockSize: z.int().min(2).default(4).describe('tokens of a block, B'),
};
/** Contexts that no layer runs at: exact probabilities alone. */
const LARGE: readonly Context[] = [10, 100, 1000].map((blockSize) => ({ seqLen: 2 ** 20, blockSize }));
const contextOf = ({ blocks, blockSize }: { readonly blocks: number; readonly blockSize: number }): Context => ({
  seqLen: blocks * blockSize,
  blockSize,
});
const nameOf = ({ seqLen, blockSize }: Context) => `L = ${seqLen}, B = ${blockSize}`;

const sizesA = z.strictObject({
  ...shape,
  ts: z.array(z.number().positive()).min(1).default([2.5, 3.5]).describe('values of t'),
  sequences: z.int().min(10).default(100).describe('contexts drawn at each width'),
});

/** (A) and its counter-checks, for a layer. */
export function checkSufficient(layer: LandmarkLayer, sizes: z.output<typeof sizesA>, seed: number): Check[] {
  const { sequences, ts } = sizes;
  const context = contextOf(sizes);
  const counted = (of: LandmarkLayer, width: number, label: string) =>
    intervalOf(countRecalls(of, { ...sizes, width }, sequences, foldIn(seed, label)), sequences);
  const t = ts.at(-1)!;
  const width = Math.ceil(sufficientWidth(context, { t }));
  const half = Math.round(widthForSuccess(0.5, context));
  const atHalf = counted(layer, half, 'half');
  const exact = successOfOne(half, context);
  return [
    ...ts.map((each): Check => {
      const sufficient = Math.ceil(sufficientWidth(context, { t: each }));
      const what = `success at t = ${each}, d = ${sufficient}, lower end of the 99 % interval`;
      return { what, ...atLeast(counted(layer, sufficient, `t ${each}`).low, promised(each)) };
    }),
    { what: `upper end at d = ${half}, above the exact ${exact.toFixed(3)}`, ...atLeast(atHalf.high, exact) },
    { what: `lower end at d = ${half}, below the exact ${exact.toFixed(3)}`, ...atLeast(exact, atHalf.low) },
    {
      what: `at a twentieth of the width of t = ${t}, d = ${Math.ceil(width / 20)}, upper end`,
      ...atLeast(counted(layer, Math.ceil(width / 20), 'twentieth').high, promised(t)),
      expected: 'fails',
    },
    {
      what: `as printed, local keys filtered too, d = ${width}, upper end`,
      ...atLeast(counted({ ...layer, localKeys: 'convolved' }, width, 'printed').high, promised(t)),
      expected: 'fails',
    },
  ];
}

/** Proposition 1 (A). */
export const proposition1A = defineClaim({
  id: 'proposition-1a',
  title: 'Proposition 1 (A): a width that is enough for landmarks',
  statement:
    'If d is at least 2 sigma^2 B (sqrt(log Lbar) + t)^2, Landmark CAT with block sums as landmarks answers a fixed query of the random ' +
    'context model with probability at least 1 - 3 exp(-t^2 / 4) (Section 5, Appendix D.1). A landmark holds one token among the noise of B - 1 others, and has to be told from Lbar - 2 blocks of noise.',
  slips: [
    {
      printed: 'Local attention has K_loc = concat(K_i, K_b) as keys, rows of K = (X * F_k) W_k (Eq. LCAT).',
      corrected:
        'The proof compares the query with the tokens themselves. Over filtered keys every position after the token in its block scores as high: K_loc has to be of X W_k.',
    },
    {
      printed: 'With probability at least 1 - 3 exp(-t^2 / 4), for every t.',
      corrected: 'Below t = sqrt(4 ln 3) = 2.1 that is less than 0: the statement begins at t = 2.1.',
    },
  ],
  sizes: sizesA,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const own = foldIn(seed, 'proposition-1a');
    const exact = LARGE.map((context): Check => {
      const excess = [2.2, 2.5, 3, 4, 6].map(
        (t) => successOfOne(sufficientWidth(context, { t }), context) - promised(t),
      );
      return {
        what: `exact success less what is promised, t = 2.2 to 6, ${nameOf(context)}`,
        ...atLeast(Math.min(...excess), 0),
      };
    });
    return {
      built: builtOf(sizes, `${sizes.sequences} contexts at each width`),
      checks: [...checkSufficient(blockSums, sizes, own), ...exact],
      plots: [plotSuccess(sizes, own)],
    };
  },
});

function plotSuccess(sizes: z.output<typeof sizesA>, seed: number): Plot {
  const { sequences, ts } = sizes;
  const context = contextOf(sizes);
  const widths = [0.1, 0.3, 0.5, 0.8, 0.95].map((p) => Math.round(widthForSuccess(p, context)));
  const [from, to] = [widths[0]! / 1.5, sufficientWidth(context, { t: Math.max(4, ...ts) })];
  const along = Array.from({ length: 40 }, (_, i) => from * (to / from) ** (i / 39));
  return {
    title: 'Success against the width',
    caption: `The zoo's landmarkCat over ${sequences} contexts, with 99 % intervals, on the exact probability; right of both what (A) promises.`,
    x: { label: 'width d', log: true },
    y: { label: 'success' },
    series: [
      { label: 'exact', kind: 'line', points: along.map((x) => ({ x, y: successOfOne(x, context) })) },
      {
        label: 'promised by (A)',
        kind: 'line',
        points: Array.from({ length: 20 }, (_, i) => 2.1 + i * 0.1).map((t) => ({
          x: sufficientWidth(context, { t }),
          y: Math.max(0, promised(t)),
        })),
      },
      {
        label: 'landmarkCat',
        kind: 'points',
        points: widths.map((width) => {
          const count = countRecalls(blockSums, { ...sizes, width }, sequences, foldIn(seed, `plot ${width}`));
          return { x: width, y: count / sequences, ...intervalOf(count, sequences) };
        }),
      },
    ],
  };
}

const sizesB = z.strictObject({
  blocks: z.int().min(3).default(256).describe('blocks of an input, Lbar'),
  blockSize: z.int().min(2).default(2).describe('tokens of a block, B'),
  epsilon: z.number().gt(0).lt(1).default(0.1).describe('eps'),
  sequences: z.int().min(10).default(200).describe('contexts drawn at each width'),
});

/** (B): widths that are too small, where t leaves a width at all. */
export function insufficientWidth({ blockSize, ...context }: Context, epsilon: number, t: number): number {
  const root = Math.sqrt((1 - epsilon) * Math.log(blocksOf({ blockSize, ...context })));
  return 2 * blockSize * (root - t) ** 2;
}

/** (B) about a layer: it fails at half of 2 B log Lbar, and no longer at twice it. */
export function checkThreshold(layer: LandmarkLayer, sizes: z.output<typeof sizesB>, seed: number): Check[] {
  const { sequences } = sizes;
  const line = sufficientWidth(contextOf(sizes));
  const counted = (ratio: number) => {
    const width = Math.round(ratio * line);
    return {
      width,
      ...intervalOf(countRecalls(layer, { ...sizes, width }, sequences, foldIn(seed, width)), sequences),
    };
  };
  const [below, above] = [counted(0.5), counted(2)];
  return [
    {
      what: `success at half of 2 B log Lbar, d = ${below.width}, upper end of the 99 % interval`,
      ...atMost(below.high, 0.5),
    },
    { what: `success at twice it, d = ${above.width}, lower end`, ...atLeast(above.low, 0.75) },
    { what: `success at twice it, d = ${above.width}, upper end`, ...atMost(above.high, 0.5), expected: 'fails' },
  ];
}

/** Success at a share of 2 B log Lbar, for blocks that are long and many. */
const atRatio = (blocks: number, ratio: number) => {
  const context = { seqLen: blocks * 64, blockSize: 64 };
  return successOfOne(ratio * sufficientWidth(context), context);
};

/** Proposition 1 (B). */
export const proposition1B = defineClaim({
  id: 'proposition-1b',
  title: 'Proposition 1 (B): below it landmarks fail',
  statement:
    'For any eps, at Lbar large enough, Landmark CAT fails with probability at least 1 - 3 exp(-t^2 / 4) if d is at most ' +
    '2 sigma^2 B (sqrt((1 - eps) log Lbar) - t)^2 (Section 5, Appendix D.1). With (A), d / (2 B log Lbar) = 1 divides failure from success, the more sharply the longer the context.',
  slips: [
    {
      printed: 'd <= 2 sigma^2 B (sqrt((1 - eps) log Lbar) - t)^2 fails, for every t.',
      corrected:
        'Only for t below sqrt((1 - eps) log Lbar). Beyond it the difference is negative, its square grows again, and the printed condition holds of widths that succeed.',
    },
  ],
  sizes: sizesB,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const { epsilon } = sizes;
    const context = LARGE[0]!;
    const exact = [2.2, 2.5, 2.8].map((t): Check => {
      const width = insufficientWidth(context, epsilon, t);
      const what = `exact failure at t = ${t}, d = ${width.toFixed(1)}, ${nameOf(context)}`;
      return { what, ...atLeast(1 - successOfOne(width, context), promised(t)) };
    });
    const small = contextOf(sizes);
    const large = 6;
    const printed = insufficientWidth(small, epsilon, large);
    const farthest = 2 ** 160;
    return {
      built: builtOf(sizes, `${sizes.sequences} contexts at each width`),
      checks: [
        ...checkThreshold(blockSums, sizes, foldIn(seed, 'proposition-1b')),
        ...exact,
        { what: 'exact success at half of 2 B log Lbar, Lbar = 2^160', ...atMost(atRatio(farthest, 0.5), 0.01) },
        { what: 'exact success at twice it, Lbar = 2^160', ...atLeast(atRatio(farthest, 2), 0.99) },
        {
          what: `as printed, t = ${large} beyond sqrt((1 - eps) log Lbar): failure at d = ${Math.round(printed)}`,
          ...atLeast(1 - successOfOne(printed, small), promised(large)),
          expected: 'fails',
        },
      ],
      plots: [
        {
          title: 'The threshold sharpens',
          caption: 'Exact success against d over 2 B log Lbar, for ever more blocks.',
          x: { label: 'd / (2 B log Lbar)' },
          y: { label: 'success' },
          series: [10, 20, 80, 160].map((power) => ({
            label: `Lbar = 2^${power}`,
            kind: 'line' as const,
            points: Array.from({ length: 41 }, (_, i) => i / 16).map((x) => ({
              x,
              y: x === 0 ? 0 : atRatio(2 ** power, x),
            })),
          })),
        },
      ],
    };
  },
});

const sizesC = z.strictObject({
  blocks: shape.blocks,
  blockSize: shape.blockSize.default(2),
  dimensions: z.array(z.int().positive()).min(1).default([5, 20]).describe('dimensions of the subspaces'),
  t: z.number().positive().default(2.5).describe('t'),
  sequences: z.int().min(10).default(60).describe('contexts drawn at each width'),
});

/** Contexts asked for the query of a random subspace that is hardest in each. */
export function countUniform(layer: LandmarkLayer, at: Shape, dimension: number, sequences: number, seed: number) {
  const closeness: number[] = [];
  const inputs = Array.from({ length: sequences }, (_, i) => {
    const rng = createRng(foldIn(seed, i));
    const basis = orthonormalRows(rng, dimension, at.width);
    return drawInput(rng, at, (tokens, answer) => {
      const hardest = hardestQuery({ tokens, answer }, at, basis);
      closeness.push(hardest.closeness);
      return hardest.query;
    });
  });
  return { answered: countAnswered(layer, at, inputs), predicted: closeness.filter((each) => each < 1).length };
}

/** (C) and its counter-check, for a layer and a subspace. */
export function checkUniform(
  layer: LandmarkLayer,
  sizes: z.output<typeof sizesC>,
  dimension: number,
  seed: number,
): Check[] {
  const { t, sequences } = sizes;
  const context = contextOf(sizes);
  const counted = (width: number) =>
    countUniform(layer, { ...sizes, width }, dimension, sequences, foldIn(seed, width));
  const width = Math.ceil(sufficientWidth(context, { dimension, t }));
  const half = Math.round(widthForSuccess(0.5, context, { dimension }));
  const one = Math.ceil(sufficientWidth(context));
  const atHalf = counted(half);
  const share = intervalOf(atHalf.answered, sequences);
  const exact = successOfAll(half, dimension, context);
  const of = `${dimension} dimensions`;
  return [
    {
      what: `hardest query of ${of}, t = ${t}, d = ${width}, lower end of the 99 % interval`,
      ...atLeast(intervalOf(counted(width).answered, sequences).low, promised(t)),
    },
    {
      what: `contexts in which the mixer and |P (z_i - n_b)| < 1 disagree, ${of}, d = ${half}, of ${sequences}`,
      ...atMost(Math.abs(atHalf.answered - atHalf.predicted), 0),
    },
    { what: `upper end at d = ${half}, ${of}, above the exact ${exact.toFixed(3)}`, ...atLeast(share.high, exact) },
    { what: `lower end at d = ${half}, ${of}, below the exact ${exact.toFixed(3)}`, ...atLeast(exact, share.low) },
    {
      what: `hardest query of ${of} at 2 B log Lbar, without the dimension, d = ${one}, upper end`,
      ...atLeast(intervalOf(counted(one).answered, sequences).high, promised(t)),
      expected: 'fails',
    },
  ];
}

/** Proposition 1 (C). */
export const proposition1C = defineClaim({
  id: 'proposition-1c',
  title: 'Proposition 1 (C): every query of a subspace',
  statement:
    'If d is at least 2 sigma^2 B (sqrt(log Lbar) + sqrt(dim S) + t)^2, every query of the subspace S is answered at once, with probability ' +
    'at least 1 - 3 exp(-t^2 / 4) (Section 5, Appendix D.2). In each context the query is asked that is hardest in it: along the projection of the difference of two landmarks.',
  sizes: sizesC,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const { dimensions, t } = sizes;
    const exact = LARGE.flatMap((context) =>
      dimensions.map((dimension): Check => {
        const width = sufficientWidth(context, { dimension, t });
        const what = `exact success at t = ${t}, ${dimension} dimensions, ${nameOf(context)}`;
        return { what, ...atLeast(successOfAll(width, dimension, context), promised(t)) };
      }),
    );
    const context = contextOf(sizes);
    return {
      built: builtOf(
        sizes,
        `${sizes.sequences} contexts at each width, a random subspace and its hardest query in each`,
      ),
      checks: [
        ...dimensions.flatMap((dimension) =>
          checkUniform(blockSums, sizes, dimension, foldIn(seed, `proposition-1c ${dimension}`)),
        ),
        ...exact,
      ],
      plots: [
        {
          title: 'Width for every query of a subspace',
          caption: `Exact widths of 10 to 50 % failure beside 2 B (sqrt(log Lbar) + sqrt(r))^2, ${nameOf(context)}.`,
          x: { label: 'dimension r', log: true },
          y: { label: 'width d', log: true },
          series: [
            {
              label: 'sufficient, t = 0',
              kind: 'line',
              points: [1, 2, 4, 8, 16, 32].map((x) => ({ x, y: sufficientWidth(context, { dimension: x }) })),
            },
            {
              label: '10–50 % fail, exact',
              kind: 'band',
              points: [1, 2, 4, 8, 16, 32].map((x) => {
                const [low, high] = [0.5, 0.9].map((p) => widthForSuccess(p, context, { dimension: x }));
                return { x, y: low!, low: low!, high: high! };
              }),
            },
          ],
        },
      ],
    };
  },
});
