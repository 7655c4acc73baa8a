/**
 * Proposition 5 (Appendix D.2): landmarks that are sums of blocks answer the worst query of any set S of unit vectors.
 *
 *   d >= 2 sigma^2 B (sqrt(log Lbar) + omega(S) + t)^2
 *
 * omega(S) = E sup_{x in S} g . x is the Gaussian width of S. Proposition 1 (C) is the case of a subspace; here S is a handful of
 * queries, whose width is far below that of the space they span. In each context every one of them is asked, by `landmarkCat`.
 */
import { createRng, foldIn, useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { type Check, defineClaim } from '../claim.js';
import { blocksOf, type Context, successOfAll, successOfOne, sufficientWidth } from '../figure-4/block-sums.js';
import {
  blockSums,
  builtOf,
  countAnswered,
  drawInput,
  intervalOf,
  type LandmarkLayer,
  type RecallInput,
} from '../landmark-recall.js';
import { normalCdf, normalDensity } from '../math/normal.js';
import { meanUnder } from '../math/numerical.js';
import { orthonormalRows } from '../math/random.js';
import { atLeast, atMost } from './bounds.js';

const sizes = z.strictObject({
  blocks: z.int().min(3).default(32).describe('blocks of an input, Lbar'),
  blockSize: z.int().min(2).default(2).describe('tokens of a block, B'),
  queries: z.int().min(1).default(8).describe('queries of S, orthonormal'),
  ts: z.array(z.number().positive()).min(1).default([1.5, 2]).describe('values of t'),
  contexts: z.int().min(10).default(40).describe('contexts drawn at each width'),
});
type Sizes = z.output<typeof sizes>;

/** What the proposition promises. */
const promisedUniformly = (t: number): number => 1 - 2 * Math.exp(-(t * t) / 2);

/** omega(S) of n orthonormal queries: the mean of the largest of n normals. */
export function widthOfQueries(n: number): number {
  const density = (u: number) => normalDensity(u) * normalCdf(u) ** (n - 1);
  return meanUnder(density, (u) => u, { from: -9, to: 9 });
}

/** 2 B (sqrt(log Lbar) + omega + t)^2 */
function widthForSet(context: Context, omega: number, t: number): number {
  return 2 * context.blockSize * (Math.sqrt(Math.log(blocksOf(context))) + omega + t) ** 2;
}

/** Contexts in which every query of a set is answered: one context, and each query in turn put into it. */
function countContexts(layer: LandmarkLayer, given: Sizes, width: number, seed: number): number {
  const shape = { ...given, width };
  let all = 0;
  for (let i = 0; i < given.contexts; i++) {
    const set = orthonormalRows(createRng(foldIn(seed, `set ${i}`)), given.queries, width);
    // The same seed draws the same context, whatever the query.
    const inputs = set.map((query): RecallInput => drawInput(createRng(foldIn(seed, i)), shape, () => query));
    if (countAnswered(layer, shape, inputs) === set.length) all++;
  }
  return all;
}

/** The checks of a layer. */
export function checkSet(layer: LandmarkLayer, given: Sizes, seed: number): Check[] {
  const { blocks, blockSize, queries, ts, contexts } = given;
  const context = { seqLen: blocks * blockSize, blockSize };
  const omega = widthOfQueries(queries);
  const counted = (width: number) => intervalOf(countContexts(layer, given, width, foldIn(seed, width)), contexts);
  const t = ts.at(-1)!;
  const small = Math.ceil(widthForSet(context, omega, t) / 10);
  return [
    ...ts.map((each): Check => {
      const width = Math.ceil(widthForSet(context, omega, each));
      const what = `contexts with all ${queries} queries answered, t = ${each}, d = ${width}, lower end of the 99 % interval`;
      return { what, ...atLeast(counted(width).low, promisedUniformly(each)) };
    }),
    {
      what: `at a tenth of the width of t = ${t}, d = ${small}, upper end`,
      ...atLeast(counted(small).high, promisedUniformly(t)),
      expected: 'fails',
    },
  ];
}

/** Proposition 5. */
export const proposition5 = defineClaim({
  id: 'proposition-5',
  title: 'Proposition 5: the worst query of a set',
  statement:
    'If d is at least 2 sigma^2 B (sqrt(log Lbar) + omega(S) + t)^2, with omega(S) the Gaussian width of a set S of unit vectors, Landmark CAT answers every ' +
    'query of S with probability at least 1 - 2 exp(-t^2 / 2) (Appendix D.2). A few queries cost little, a subspace of r dimensions sqrt(r).',
  slips: [
    {
      printed: 'In the proof: d > 2 sigma^2 B (log Lbar + omega(S) + t)^2.',
      corrected: 'The root of log Lbar, as in the statement: by Lemma 4.',
    },
    {
      printed: 'The block is found where inf_x |Z x|_inf - z_b . x > 0.',
      corrected:
        'Where inf_x z_b . x - max_i z_i . x > 0: the sign is reversed, and only scores above count, not below.',
    },
    {
      printed: 'Each of the two events of the proof fails with e^(-t^2 / 4), the statement with 2 e^(-t^2 / 2).',
      corrected:
        'Lemma 4 gives e^(-t^2 / 2) for each, so that the statement stands. Proposition 1 (C) is content with 3 e^(-t^2 / 4).',
    },
  ],
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const { queries, ts } = sizes;
    const omega = widthOfQueries(queries);
    const large = { seqLen: 2 ** 20, blockSize: 100 };
    const many = 1000;
    const subspaces = [1, 5, 20].flatMap((dimension) =>
      ts.map((t) => {
        const width = sufficientWidth(large, { dimension, t });
        return successOfAll(width, dimension, large) - promisedUniformly(t);
      }),
    );
    // A union bound over the queries is all that is needed to see that many of them fail where one does not.
    const aloneFails = 1 - successOfOne(sufficientWidth(large), large);
    return {
      built: builtOf(
        sizes,
        `S of ${queries} orthonormal queries, omega(S) = ${omega.toFixed(3)}, all asked in each of ${sizes.contexts} contexts`,
      ),
      checks: [
        ...checkSet(blockSums, sizes, foldIn(seed, 'proposition-5')),
        {
          what: `exact success less what is promised, S of 1, 5 and 20 dimensions, t = ${ts.join(', ')}, L = 2^20, B = 100`,
          ...atLeast(Math.min(...subspaces), 0),
        },
        {
          what: `without omega(S): ${many} orthonormal queries at 2 B log Lbar, exact failure of one or more, L = 2^20, B = 100`,
          ...atMost(1 - (1 - aloneFails) ** many, 2 * Math.exp(-(ts[0]! ** 2) / 2)),
          expected: 'fails',
        },
      ],
      plots: [
        {
          title: 'What a set of queries costs',
          caption:
            'Width at t = 2 for S of so many orthonormal queries, and for the space that they span; L = 2^20, B = 100.',
          x: { label: 'queries', log: true },
          y: { label: 'width d', log: true },
          series: [
            {
              label: 'the queries',
              kind: 'line',
              points: COUNTS.map((x) => ({ x, y: widthForSet(large, widthOfQueries(x), 2) })),
            },
            {
              label: 'their span',
              kind: 'line',
              points: COUNTS.map((x) => ({ x, y: sufficientWidth(large, { dimension: x, t: 2 }) })),
            },
          ],
        },
      ],
    };
  },
});

const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128];
