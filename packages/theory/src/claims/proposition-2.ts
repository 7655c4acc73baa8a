/**
 * Proposition 2 (Section 5, proof in Appendix D.3): exponential smoothing, an SSM with a state of one number per channel, makes
 * landmarks as block sums do.
 *
 *   F_i = rho^i, rho = e^(-1/B);   d >= 50 sigma^2 B (sqrt(log Lbar) + t)^2   answers with probability 1 - 3 e^(-t^2 / 4)
 *
 * The layer is the zoo's `landmarkCat` with `keyFilter: 'exponential'`. The width of the proposition is far beyond what is needed, and
 * beyond what a layer runs at in seconds: there the smoothed noise is drawn along the query alone (figure-4/exponential-smoothing.ts),
 * and the layer is run at a sixteenth of it.
 */
import { createRng, foldIn, useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { type Check, defineClaim, type Plot } from '../claim.js';
import { drawSmoothedWidths, sufficientSmoothedWidth } from '../figure-4/exponential-smoothing.js';
import {
  builtOf,
  countRecalls,
  intervalOf,
  type LandmarkLayer,
  neighbouringLandmarks,
  promised,
  type Shape,
  smoothing,
} from '../landmark-recall.js';
import { atLeast, atMost } from './bounds.js';

const sizes = z.strictObject({
  blocks: z.int().min(3).default(32).describe('blocks of an input, Lbar'),
  blockSize: z.int().min(2).default(4).describe('tokens of a block, B'),
  ts: z.array(z.number().positive()).min(1).default([2.5, 3, 4]).describe('values of t'),
  sequences: z.int().min(10).default(100).describe('contexts drawn at each width'),
  draws: z.int().min(100).default(4000).describe('draws of the smoothed noise'),
});
type Sizes = z.output<typeof sizes>;

/** The share of the stated width at which the layer itself is run. */
const SHARE = 16;

/** The checks of a layer. */
export function checkSmoothing(layer: LandmarkLayer, given: Sizes, seed: number): Check[] {
  const { blocks, blockSize, ts, sequences, draws } = given;
  const context = { seqLen: blocks * blockSize, blockSize };
  const widths = drawSmoothedWidths(context, draws, foldIn(seed, 'draws'));
  const drawnBelow = (width: number) => widths.filter((least) => least <= width).length;
  const counted = (width: number) =>
    intervalOf(countRecalls(layer, { ...given, width }, sequences, foldIn(seed, width)), sequences);
  const t = ts[0]!;
  const stated = sufficientSmoothedWidth(context, { t });
  const [run, small, half] = [stated / SHARE, stated / 300, widths[draws / 2]!].map((width) => Math.ceil(width)) as [
    number,
    number,
    number,
  ];
  const atHalf = counted(half);
  const drawn = intervalOf(drawnBelow(half), draws);
  return [
    ...ts.map((each): Check => {
      const width = sufficientSmoothedWidth(context, { t: each });
      const what = `success of ${draws} draws at t = ${each}, d = ${Math.ceil(width)}, lower end of the 99 % interval`;
      return { what, ...atLeast(intervalOf(drawnBelow(width), draws).low, promised(each)) };
    }),
    {
      what: `the mixer at a sixteenth of the width of t = ${t}, d = ${run}, lower end`,
      ...atLeast(counted(run).low, promised(3)),
    },
    {
      what: `the mixer at d = ${half}, upper end, above the lower end of the draws`,
      ...atLeast(atHalf.high, drawn.low),
    },
    {
      what: `the mixer at d = ${half}, lower end, below the upper end of the draws`,
      ...atMost(atHalf.low, drawn.high),
    },
    {
      what: `the mixer at a three-hundredth of the width, d = ${small}, upper end`,
      ...atLeast(counted(small).high, promised(3)),
      expected: 'fails',
    },
  ];
}

/** The correlation of landmarks of neighbouring blocks, over channels and contexts. */
export function correlationOfLandmarks(layer: LandmarkLayer, at: Shape, contexts: number, seed: number): number {
  let [cross, first, second] = [0, 0, 0];
  for (let i = 0; i < contexts; i++) {
    const [a, b] = neighbouringLandmarks(layer, at, createRng(foldIn(seed, i)));
    for (const [c, value] of a.entries()) {
      cross += value * b[c]!;
      first += value * value;
      second += b[c]! * b[c]!;
    }
  }
  return cross / Math.sqrt(first * second);
}

/** Proposition 2. */
export const proposition2 = defineClaim({
  id: 'proposition-2',
  title: 'Proposition 2: exponential smoothing makes landmarks',
  statement:
    'With the filter F_i = rho^i, rho = e^(-1/B), in place of block sums, a width d of at least 50 B (sqrt(log Lbar) + t)^2 is enough for Landmark CAT to answer ' +
    'with probability at least 1 - 3 exp(-t^2 / 4) (Section 5, Appendix D.3). So an SSM with one number of state per channel can summarise blocks.',
  slips: [
    {
      printed: 'g_max is a supremum of independent Gaussians.',
      corrected:
        'Smoothing goes on across blocks: landmarks are AR(1), neighbours correlated by e^-1. The bound stands, for the union bound behind it needs no independence.',
    },
    {
      printed: 'd >= 50 B (sqrt(log Lbar) + t)^2, without sigma^2; and tau = t / 2 in the proof.',
      corrected:
        'd >= 50 sigma^2 B (sqrt(log Lbar) + t)^2, as the proof ends; and tau = 2 t, which turns e^(-t^2) into e^(-tau^2 / 4).',
    },
    {
      printed: 'A token at place k of its block adds e^(-p) to its landmark, p = (k - 1) / B.',
      corrected: 'p = (B - k) / B, where a landmark is read at the end of its block. Both run from 0 to 1 - 1/B.',
    },
  ],
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const own = foldIn(seed, 'proposition-2');
    const shape = { blocks: 16, blockSize: sizes.blockSize, width: 128 };
    const correlation = correlationOfLandmarks(smoothing, shape, 16, foldIn(own, 'correlation'));
    const large = [10, 100, 1000].map((blockSize): Check => {
      const context = { seqLen: 2 ** 16, blockSize };
      const widths = drawSmoothedWidths(context, 300, foldIn(own, `large ${blockSize}`));
      const width = sufficientSmoothedWidth(context, { t: 2.5 });
      const successes = widths.filter((least) => least <= width).length;
      const what = `success of 300 draws at t = 2.5, d = ${Math.ceil(width)}, L = 2^16, B = ${blockSize}, lower end`;
      return { what, ...atLeast(intervalOf(successes, 300).low, promised(2.5)) };
    });
    return {
      built: builtOf(
        sizes,
        `keyFilter 'exponential', rho = e^(-1/B); ${sizes.sequences} contexts at each width, and ${sizes.draws} draws of the smoothed noise`,
      ),
      checks: [
        ...checkSmoothing(smoothing, sizes, own),
        ...large,
        {
          what: 'correlation of landmarks of neighbouring blocks, above e^-1 less 0.1',
          ...atLeast(correlation, 1 / Math.E - 0.1),
        },
        { what: 'the same, below e^-1 and 0.1', ...atMost(correlation, 1 / Math.E + 0.1) },
        {
          what: 'as printed, landmarks independent: their correlation',
          ...atMost(Math.abs(correlation), 0.1),
          expected: 'fails',
        },
      ],
      plots: [plotSmoothing(sizes, own)],
    };
  },
});

function plotSmoothing({ blocks, blockSize, draws }: Sizes, seed: number): Plot {
  const context = { seqLen: blocks * blockSize, blockSize };
  const widths = drawSmoothedWidths(context, draws, foldIn(seed, 'draws'));
  const shares = Array.from({ length: 40 }, (_, i) => (i + 0.5) / 40);
  const ts = Array.from({ length: 20 }, (_, i) => 2.1 + i * 0.1);
  return {
    title: 'Success against the width, exponential smoothing',
    caption: `${draws} draws of the smoothed noise, and what Proposition 2 promises.`,
    x: { label: 'width d', log: true },
    y: { label: 'success' },
    series: [
      {
        label: 'drawn',
        kind: 'line',
        points: shares.map((share) => ({ x: widths[Math.floor(share * draws)]!, y: share })),
      },
      {
        label: 'promised by Proposition 2',
        kind: 'line',
        points: ts.map((t) => ({ x: sufficientSmoothedWidth(context, { t }), y: Math.max(0, promised(t)) })),
      },
    ],
  };
}
