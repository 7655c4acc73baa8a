/**
 * Figure 4: the width d that Landmark CAT needs against its block size B, at L = 2^20 and sigma^2 = 1. Beside the paper's
 * lines stand exact widths in place of its measured ones, what Proposition 2 says of exponential smoothing, and a simulation with
 * all L x d tokens, at a length where these fit.
 */
import { foldIn } from '@mixerzoo/core/rng';
import type { Plot, PlotSeries } from '../claim.js';
import { wilsonInterval } from '../math/normal.js';
import { type Context, successOfOne, sufficientWidth, widthForSuccess } from './block-sums.js';
import { drawSmoothedWidths, sufficientSmoothedWidth } from './exponential-smoothing.js';
import { simulateRecall } from './simulation.js';

/** What {@link figure4} takes. */
export interface Figure4Sizes {
  readonly seed: number;
  /** L of the curves. */
  readonly seqLen: number;
  readonly blockSizes: readonly number[];
  /** Dimensions r of the subspaces of queries. */
  readonly dimensions: readonly number[];
  /** Draws behind each width of exponential smoothing. */
  readonly draws: number;
  /** The contexts that are drawn whole. */
  readonly simulated: {
    readonly seqLen: number;
    /** Orthonormal queries of each. */
    readonly queries: number;
    readonly points: readonly { readonly blockSize: number; readonly error: number }[];
  };
}

/** 99 %, two-sided. */
const Z = 2.576;

/** The names of the series, by which claims find them. */
export const FIGURE_4 = {
  one: 'Theory (single query)',
  oneBand: '10–50 % error, exact',
  all: (dimension: number) => `Theory (uniform, dim=${dimension})`,
  allBand: (dimension: number) => `10–50 % error, exact (dim=${dimension})`,
  unlikely: '50–90 % error, exact',
  smoothed: 'Theory (Proposition 2)',
  smoothedBand: '10–50 % error, simulated',
  exact: (blockSize: number) => `Exact, B = ${blockSize}`,
  simulated: (blockSize: number) => `Simulated, B = ${blockSize}`,
} as const;

/** 1,048,576 */
const count = (n: number) => n.toLocaleString('en');

const X = { label: 'block size B', log: true };
const Y = { label: 'embedding d', log: true };

/** The plots: block sums as in the paper, exponential smoothing, and the simulation beside the integral. */
export function figure4(sizes: Figure4Sizes): readonly Plot[] {
  return [blockSums(sizes), smoothing(sizes), simulation(sizes)];
}

function blockSums({ seqLen, blockSizes, dimensions }: Figure4Sizes): Plot {
  const line = (label: string, dimension: number): PlotSeries => ({
    label,
    kind: 'line',
    points: blockSizes.map((blockSize) => ({ x: blockSize, y: sufficientWidth({ seqLen, blockSize }, { dimension }) })),
  });
  const band = (label: string, dimension: number): PlotSeries => ({
    label,
    kind: 'band',
    points: blockSizes.map((blockSize) => {
      const [low, high] = [0.5, 0.9].map((p) => widthForSuccess(p, { seqLen, blockSize }, { dimension }));
      return { x: blockSize, y: low!, low: low!, high: high! };
    }),
  });
  return {
    title: `Block sums, L = ${count(seqLen)}`,
    caption:
      'The width at which block sums find the query, as in the paper. Bands: widths of 10 to 50 % error, by the integral.',
    x: X,
    y: Y,
    series: [
      line(FIGURE_4.one, 0),
      ...dimensions.map((dimension) => line(FIGURE_4.all(dimension), dimension)),
      band(FIGURE_4.oneBand, 0),
      ...dimensions.map((dimension) => band(FIGURE_4.allBand(dimension), dimension)),
    ],
  };
}

function smoothing({ seqLen, blockSizes, draws, seed }: Figure4Sizes): Plot {
  const band = blockSizes.map((blockSize) => {
    const widths = drawSmoothedWidths({ seqLen, blockSize }, draws, foldIn(seed, `smoothing ${blockSize}`));
    const [low, high] = [0.5, 0.9].map((p) => widths[Math.ceil(p * draws) - 1]!);
    return { x: blockSize, y: low!, low: low!, high: high! };
  });
  return {
    title: `Exponential smoothing, L = ${count(seqLen)}`,
    caption: `The width at which exponential smoothing finds the query. Band: 10 to 50 % error over ${draws} draws of the smoothed noise, for a token anywhere in its block.`,
    x: X,
    y: Y,
    series: [
      {
        label: FIGURE_4.smoothed,
        kind: 'line',
        points: blockSizes.map((blockSize) => ({ x: blockSize, y: sufficientSmoothedWidth({ seqLen, blockSize }) })),
      },
      { label: FIGURE_4.smoothedBand, kind: 'band', points: band },
    ],
  };
}

function simulation({ seed, simulated: { seqLen, queries, points } }: Figure4Sizes): Plot {
  const blockSizes = [...new Set(points.map(({ blockSize }) => blockSize))];
  const curve = (context: Context): PlotSeries => ({
    label: FIGURE_4.exact(context.blockSize),
    kind: 'line',
    points: Array.from({ length: 25 }, (_, i) => {
      const width = (sufficientWidth(context) * 2 ** (i / 6)) / 4;
      return { x: width, y: successOfOne(width, context) };
    }),
  });
  const drawn = (context: Context): PlotSeries => ({
    label: FIGURE_4.simulated(context.blockSize),
    kind: 'points',
    points: points
      .filter(({ blockSize }) => blockSize === context.blockSize)
      .map(({ error }) => {
        const width = Math.round(widthForSuccess(1 - error, context));
        const successes = simulateRecall(context, {
          width,
          queries,
          seed: foldIn(seed, `simulation ${context.blockSize} ${width}`),
        });
        return { x: width, y: successes / queries, ...wilsonInterval(successes, queries, Z) };
      }),
  });
  return {
    title: `Simulated, L = ${count(seqLen)}`,
    caption: `Success with all L x d tokens drawn and ${queries} queries of each context, beside the integral. Bars: 99 % intervals.`,
    x: { label: 'embedding d', log: true },
    y: { label: 'success' },
    series: blockSizes.flatMap((blockSize) => [curve({ seqLen, blockSize }), drawn({ seqLen, blockSize })]),
  };
}
