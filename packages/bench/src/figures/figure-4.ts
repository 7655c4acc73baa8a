/** Figure 4 of the paper, computed by `@mixerzoo/theory`: how it is made at each scale, and what is claimed of it. */
import {
  FIGURE_4,
  type Figure4Sizes,
  figure4,
  type Plot,
  type PlotPoint,
  successOfOne,
  widthForSuccess,
} from '@mixerzoo/theory';
import type { Claim, ComputedFigure, Verdict } from './figure.js';
import type { Scale } from './scales.js';

const SEQ_LEN = 2 ** 20;
/** A slope on log-log axes that is about 1: d grows about linearly. */
const LINEAR = { least: 0.8, most: 1.2 };
const DIMENSIONS = [5, 20];
/** Contexts with all L x d tokens. */
const SIMULATED = { seqLen: 2 ** 14, blockSizes: [16, 32] };

/** From 10 to 1,000, `perDecade` steps for each factor of ten. */
const blockSizes = (perDecade: number) =>
  Array.from({ length: 2 * perDecade + 1 }, (_, i) => Math.round(10 ** (1 + i / perDecade)));

/** The same figure at every scale; a larger one draws more. */
const SIZES: Record<Scale, Figure4Sizes> = {
  quick: sizes(2, 200, 128, [0.5, 0.1]),
  small: sizes(4, 1000, 128, [0.9, 0.5, 0.1]),
  paper: sizes(8, 4000, 160, [0.9, 0.7, 0.5, 0.3, 0.1]),
};

function sizes(perDecade: number, draws: number, queries: number, errors: readonly number[]): Figure4Sizes {
  return {
    seed: 0,
    seqLen: SEQ_LEN,
    blockSizes: blockSizes(perDecade),
    dimensions: DIMENSIONS,
    draws,
    simulated: {
      seqLen: SIMULATED.seqLen,
      queries,
      points: SIMULATED.blockSizes.flatMap((blockSize) => errors.map((error) => ({ blockSize, error }))),
    },
  };
}

/** The points of a series, wherever it is. */
function pointsOf(plots: readonly Plot[], label: string): readonly PlotPoint[] {
  return plots.flatMap(({ series }) => series).find((series) => series.label === label)?.points ?? [];
}

/** A claim that has to hold at every point; the words say how it stands at the one where it is tightest. */
function everywhere(
  text: string,
  source: string,
  pointsIn: (plots: readonly Plot[]) => readonly { readonly margin: number; readonly words: string }[],
): Claim<Plot> {
  return {
    text,
    source,
    evaluate(plots): Verdict {
      const points = pointsIn(plots);
      const [first] = points;
      if (!first) return { status: 'not measured', evidence: 'no point' };
      const tightest = points.reduce((a, b) => (b.margin < a.margin ? b : a), first);
      return { status: tightest.margin >= 0 ? 'holding' : 'not holding', evidence: tightest.words };
    },
  };
}

const round = (value: number) => Math.round(value).toLocaleString('en');

/** How far y is inside of a band, on a logarithmic axis; negative outside. */
const inside = (y: number, low: number, high: number) => Math.min(Math.log(y / low), Math.log(high / y));

export const figure4Definition: ComputedFigure = {
  id: 'fig4',
  title: 'Embedding width against block size',
  caption: `Figure 4: the width d that Landmark CAT needs to find one token among L = ${SEQ_LEN.toLocaleString('en')}, noise level 1.`,
  compute: (scale) => figure4(SIZES[scale]),
  claims: [
    everywhere(
      'The theory for a single query lies inside the band of 10 to 50 % error at every block size',
      'Figure 4, Proposition 1',
      (plots) => {
        const theory = pointsOf(plots, FIGURE_4.one);
        return pointsOf(plots, FIGURE_4.oneBand).map(({ x, low = 0, high = 0 }, i) => {
          const { y } = theory[i]!;
          return {
            margin: inside(y, low, high),
            words: `nearest to an edge at B = ${x}: d = ${round(y)} within ${round(low)} to ${round(high)}`,
          };
        });
      },
    ),
    everywhere(
      'It lies inside the band of 10 to 50 % success, as the caption has it in place of error',
      'Figure 4, caption',
      (plots) =>
        pointsOf(plots, FIGURE_4.one).map(({ x, y }) => {
          const [low, high] = [0.1, 0.5].map((p) => widthForSuccess(p, { seqLen: SEQ_LEN, blockSize: x }));
          return {
            margin: inside(y, low!, high!),
            words: `at B = ${x} d = ${round(y)}, the band from ${round(low!)} to ${round(high!)}`,
          };
        }),
    ),
    everywhere(
      `The width grows about linearly with the block size (slope ${LINEAR.least} to ${LINEAR.most} on logarithmic axes)`,
      'Section 5',
      (plots) => {
        const band = pointsOf(plots, FIGURE_4.oneBand);
        const [first, last] = [band[0], band.at(-1)];
        if (!first || !last) return [];
        return [
          { error: '50 %', from: first.low!, to: last.low! },
          { error: '10 %', from: first.high!, to: last.high! },
        ].map(({ error, from, to }) => {
          const slope = Math.log(to / from) / Math.log(last.x / first.x);
          return {
            margin: Math.min(slope - LINEAR.least, LINEAR.most - slope),
            words: `slope ${slope.toFixed(3)} of the width of ${error} error, from B = ${first.x} to ${last.x}`,
          };
        });
      },
    ),
    everywhere(
      'Success for every query of a subspace needs a larger width, the larger its dimension',
      'Figure 4',
      (plots) => {
        const bands = [FIGURE_4.oneBand, ...DIMENSIONS.map(FIGURE_4.allBand)].map((label) => pointsOf(plots, label));
        return bands.slice(1).flatMap((band, i) =>
          band.map(({ x, low = 0 }, at) => {
            const before = bands[i]![at]!.high!;
            return {
              margin: Math.log(low / before),
              words: `closest at B = ${x}: half of the contexts fail at d = ${round(low)} in ${DIMENSIONS[i]} dimensions, a tenth at ${round(before)} with ${i === 0 ? 'one query' : `${DIMENSIONS[i - 1]}`}`,
            };
          }),
        );
      },
    ),
    everywhere('On the lines for uniform queries less than 10 % fail', 'Proposition 1 (C)', (plots) =>
      DIMENSIONS.flatMap((dimension) => {
        const band = pointsOf(plots, FIGURE_4.allBand(dimension));
        return pointsOf(plots, FIGURE_4.all(dimension)).map(({ x, y }, i) => {
          const high = band[i]!.high!;
          return {
            margin: Math.log(y / high),
            words: `closest at B = ${x}, ${dimension} dimensions: the line at ${round(y)}, 10 % error at ${round(high)}`,
          };
        });
      }),
    ),
    everywhere(
      'With exponential smoothing the width of Proposition 2 fails less than 10 %',
      'Proposition 2',
      (plots) => {
        const band = pointsOf(plots, FIGURE_4.smoothedBand);
        return pointsOf(plots, FIGURE_4.smoothed).map(({ x, y }, i) => {
          const high = band[i]!.high!;
          return {
            margin: Math.log(y / high),
            words: `closest at B = ${x}: the line at ${round(y)}, 10 % error at ${round(high)}, ${(y / high).toFixed(1)} times less`,
          };
        });
      },
    ),
    everywhere(
      'With all tokens drawn the integral is within the 99 % interval of what was simulated',
      'this repository',
      (plots) =>
        SIMULATED.blockSizes.flatMap((blockSize) =>
          pointsOf(plots, FIGURE_4.simulated(blockSize)).map(({ x, low = 0, high = 1 }) => {
            const exact = successOfOne(x, { seqLen: SIMULATED.seqLen, blockSize });
            const [is, from, to] = [exact, low, high].map((share) => (100 * share).toFixed(1));
            return {
              margin: Math.min(exact - low, high - exact),
              words: `nearest to an edge at B = ${blockSize}, d = ${x}: ${is} % within ${from} to ${to} %`,
            };
          }),
        ),
    ),
  ],
};
