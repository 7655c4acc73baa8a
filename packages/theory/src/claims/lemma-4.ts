/**
 * Lemma 4 (Appendix D.2, from Slepian's lemma): how large a Gaussian matrix X [L, d] makes the worst vector of a set S.
 *
 *   sup_{b in S} |X b|_inf <= sqrt(2) (sqrt(log L) + omega(S) + t)   with probability 1 - e^(-t^2 / 2)
 *
 * For the unit sphere of an r-dimensional subspace, with omega(S) <= sqrt(r), the supremum is the longest of L Gaussians of r
 * dimensions, whose distribution is known exactly. Proposition 5 needs the same of sup (x_i - g) . b, the distances of all rows to
 * one more, which is what the proof bounds.
 */
import { createRng, foldIn, type Rng } from '@mixerzoo/core/rng';
import * as z from 'zod';
import { type Check, defineClaim, type Plot } from '../claim.js';
import { chiSquaredTail, noncentralTail } from '../math/chi-squared.js';
import { fillNormals } from '../math/fill-normals.js';
import { wilsonInterval } from '../math/normal.js';
import { meanUnder, solveIncreasing } from '../math/numerical.js';
import { orthonormalRows } from '../math/random.js';
import { dot } from '../math/vectors.js';
import { atLeast, atMost } from './bounds.js';

const sizes = z.strictObject({
  rows: z.int().min(2).default(200).describe('rows L of the matrix that is drawn'),
  width: z.int().positive().default(48).describe('its width d'),
  dimensions: z.array(z.int().positive()).min(1).default([1, 5, 20]).describe('dimensions r of the subspaces'),
  ts: z.array(z.number().min(0)).min(1).default([0.5, 1, 2, 3]).describe('values of t'),
  draws: z.int().min(20).default(200).describe('matrices drawn for each dimension'),
});
type Sizes = z.output<typeof sizes>;

/** The bound; `root` is what stands for omega(S), sqrt(r) of a subspace. */
export type SupremumBound = (rows: number, root: number, t: number) => number;

export const lemmaBound: SupremumBound = (rows, root, t) => Math.SQRT2 * (Math.sqrt(Math.log(rows)) + root + t);

/** Exactly: the chance that sup |X b|_inf over an r-dimensional sphere is above a level. */
export function supremumAbove(level: number, rows: number, dimension: number): number {
  return -Math.expm1(rows * Math.log1p(-chiSquaredTail(level * level, dimension)));
}

/** The level below which sup |X b|_inf is with a probability. */
export function supremumQuantile(probability: number, rows: number, dimension: number): number {
  return solveIncreasing((level) => 1 - supremumAbove(level, rows, dimension), probability, 1);
}

/** Exactly: the chance that sup (x_i - g) . b is above a level; the mean over |P g|. */
export function differenceAbove(level: number, rows: number, dimension: number): number {
  const density = (h: number) => (h <= 0 ? 0 : Math.exp((dimension - 1) * Math.log(h) - (h * h) / 2));
  const above = (h: number) => -Math.expm1(rows * Math.log1p(-noncentralTail(level * level, dimension, h * h)));
  return meanUnder(density, above, { from: 0, to: Math.sqrt(dimension) + 9 });
}

/** sup |X b|_inf for an X that is drawn whole, over the sphere of a random subspace: the longest projection of a row. */
function drawSupremum(rng: Rng, { rows, width }: Pick<Sizes, 'rows' | 'width'>, dimension: number): number {
  const basis = orthonormalRows(rng, dimension, width);
  const row = new Float64Array(width);
  let longest = 0;
  for (let i = 0; i < rows; i++) {
    fillNormals(rng, row);
    longest = Math.max(longest, Math.hypot(...basis.map((axis) => dot(axis, row))));
  }
  return longest;
}

/** Every check of a bound at the sizes given, and at the L of Figure 4. */
export function checkBound(bound: SupremumBound, given: Sizes): Check[] {
  const { rows, dimensions, ts } = given;
  const slack = (above: typeof supremumAbove) =>
    Math.min(
      ...[rows, 2 ** 20].flatMap((count) =>
        dimensions.flatMap((dimension) =>
          ts.map((t) => Math.exp(-(t * t) / 2) - above(bound(count, Math.sqrt(dimension), t), count, dimension)),
        ),
      ),
    );
  const at = `L = ${rows} and 2^20, r = ${dimensions.join(', ')}, t = ${ts.join(', ')}`;
  return [
    {
      what: `e^(-t^2 / 2) less the exact chance of sup |X b|_inf above the bound, ${at}`,
      ...atLeast(slack(supremumAbove), 0),
    },
    { what: `the same of sup (x_i - g) . b, ${at}`, ...atLeast(slack(differenceAbove), 0) },
  ];
}

/** Draws beside the exact distribution: their share above its median is a half. */
function checkDraws(given: Sizes, seed: number): Check[] {
  const { rows, dimensions, draws } = given;
  return dimensions.flatMap((dimension) => {
    const rng = createRng(foldIn(seed, `lemma-4 ${dimension}`));
    const level = supremumQuantile(0.5, rows, dimension);
    const exact = supremumAbove(level, rows, dimension);
    const above = Array.from({ length: draws }, () => drawSupremum(rng, given, dimension)).filter((one) => one > level);
    const { low, high } = wilsonInterval(above.length, draws, 2.576);
    const what = `of the share of ${draws} drawn matrices above ${level.toFixed(2)}, r = ${dimension}`;
    return [
      { what: `upper end ${what}, above the exact ${exact.toFixed(3)}`, ...atLeast(high, exact) },
      { what: `lower end ${what}, below it`, ...atLeast(exact, low) },
    ];
  });
}

/** Lemma 4. */
export const lemma4 = defineClaim({
  id: 'lemma-4',
  title: 'Lemma 4: the worst vector of a set, by Slepian’s lemma',
  statement:
    'For a Gaussian matrix X of L rows and a set S of unit vectors, sup |X b|_inf is at most sqrt(2) (sqrt(log L) + omega(S) + t) with probability ' +
    '1 - exp(-t^2 / 2) (Appendix D.2); omega(S) is at most sqrt(r) for a subspace of r dimensions. It is what makes landmarks work for all queries at once.',
  slips: [
    {
      printed: 'The lemma bounds sup |X b|_inf.',
      corrected:
        'Its proof, and Proposition 5, are about sup (x_i - g) . b with one more Gaussian g: the sqrt(2) before omega(S) and t is there for g. The same bound holds of both.',
    },
  ],
  sizes,
  run({ seed, sizes }) {
    const { rows, width, dimensions, ts, draws } = sizes;
    const wide = Math.max(...dimensions);
    const t = Math.max(...ts);
    const without = lemmaBound(rows, 0, t);
    return {
      built: `exact distributions at L = ${rows} and 2^20; ${draws} matrices of ${rows} x ${width} for each of r = ${dimensions.join(', ')}`,
      checks: [
        ...checkBound(lemmaBound, sizes),
        ...checkDraws(sizes, seed),
        {
          what: `without omega(S): exact chance above sqrt(2) (sqrt(log L) + t), r = ${wide + 60}, t = ${t}`,
          ...atMost(supremumAbove(without, rows, wide + 60), Math.exp(-(t * t) / 2)),
          expected: 'fails',
        },
      ],
      plots: [plotSupremum(rows)],
    };
  },
});

function plotSupremum(rows: number): Plot {
  const dimensions = [1, 2, 4, 8, 16, 32, 64];
  return {
    title: 'The supremum over a subspace',
    caption: `Between the exact 5 and 95 % quantiles of sup |X b|_inf, and the bound at t = 0 and 2, for L = ${rows}.`,
    x: { label: 'dimension r', log: true },
    y: { label: 'supremum' },
    series: [
      ...[0, 2].map((t) => ({
        label: `bound, t = ${t}`,
        kind: 'line' as const,
        points: dimensions.map((x) => ({ x, y: lemmaBound(rows, Math.sqrt(x), t) })),
      })),
      {
        label: '5 to 95 %, exact',
        kind: 'band',
        points: dimensions.map((x) => {
          const [low, high] = [supremumQuantile(0.05, rows, x), supremumQuantile(0.95, rows, x)];
          return { x, y: low, low, high };
        }),
      },
    ],
  };
}
