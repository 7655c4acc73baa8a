/**
 * How wide Landmark CAT has to be to find a block by the sum of its tokens: the paper's prediction (Proposition 1) and the exact
 * probability, in the random context model (Definition 6), where all tokens but the query are N(0, sigma^2 I / d).
 *
 * Only the tokens' shares along the query matter, so no L x d tensor is needed. With Lbar = ceil(L / B) blocks, the last of them
 * the query's own, n = Lbar - 2 blocks compete with the one that holds the query's token. For sigma = 1
 *
 *   a block that competes    z_i . x ~ N(0, B / d)
 *   the query's block        z_b . x ~ N(1, (B - 1) / d)
 *   a token of both blocks   x_j . x ~ N(0, 1 / d), 2 B - 2 of them: local attention needs all below 1
 *
 * and for another sigma the same with d / sigma^2 in place of d. Found and told apart are taken as independent: they share the
 * noise of one block, and the probability is exact to the chance that local attention fails, below 1e-20 in Figure 4.
 */
import { chiSquaredTail, noncentralTail } from '../math/chi-squared.js';
import { logNormalCdf, normalDensity } from '../math/normal.js';
import { meanUnder, solveIncreasing } from '../math/numerical.js';

/** A sequence cut into blocks, and the variance sigma^2 of its noise. */
export interface Context {
  /** L */
  readonly seqLen: number;
  /** B */
  readonly blockSize: number;
  /** sigma^2; default 1. */
  readonly variance?: number;
}

/** Lbar = ceil(L / B). */
export const blocksOf = ({ seqLen, blockSize }: Context): number => Math.ceil(seqLen / blockSize);

/**
 * Proposition 1: the width 2 sigma^2 B (sqrt(log Lbar) + sqrt(r) + t)^2 that is enough; with r = t = 0 the line of Figure 4.
 * @param dimension - r of the subspace whose every query has to succeed; 0 for one fixed query.
 */
export function sufficientWidth(context: Context, { dimension = 0, t = 0 } = {}): number {
  const { blockSize, variance = 1 } = context;
  return 2 * variance * blockSize * (Math.sqrt(Math.log(blocksOf(context))) + Math.sqrt(dimension) + t) ** 2;
}

/** Exactly how likely one fixed query is to be answered at a width d: the mean over the noise of its own block. */
export function successOfOne(width: number, context: Context): number {
  const { blockSize, variance = 1 } = context;
  const d = width / variance;
  const competing = blocksOf(context) - 2;
  const [signal, noise] = [Math.sqrt(d / blockSize), Math.sqrt(1 - 1 / blockSize)];
  const found = meanUnder(normalDensity, (u) => Math.exp(competing * logNormalCdf(signal + noise * u)), {
    from: -9,
    to: 9,
  });
  return found * Math.exp((2 * blockSize - 2) * logNormalCdf(Math.sqrt(d)));
}

/**
 * Exactly how likely every unit query of a subspace of r dimensions is to be answered. The worst query of a competitor lies
 * along P (z_i - n_b), with n_b the noise of the query's block and P the projection: all succeed if and only if these are shorter
 * than 1. Given |P n_b| they are independent, and their squares non-central chi-squared.
 */
export function successOfAll(width: number, dimension: number, context: Context): number {
  const { blockSize, variance = 1 } = context;
  const d = width / variance;
  const competing = blocksOf(context) - 2;
  const density = (h: number) => (h <= 0 ? 0 : Math.exp((dimension - 1) * Math.log(h) - (h * h) / 2));
  const found = meanUnder(
    density,
    (h) => Math.exp(competing * Math.log1p(-noncentralTail(d / blockSize, dimension, (1 - 1 / blockSize) * h * h))),
    { from: 0, to: Math.sqrt(dimension) + 9 },
  );
  return found * Math.exp((2 * blockSize - 2) * Math.log1p(-chiSquaredTail(d, dimension)));
}

/** The width at which success reaches a probability. @param dimension - as of {@link sufficientWidth}. */
export function widthForSuccess(probability: number, context: Context, { dimension = 0 } = {}): number {
  const success = (width: number) =>
    dimension === 0 ? successOfOne(width, context) : successOfAll(width, dimension, context);
  return solveIncreasing(success, probability, sufficientWidth(context, { dimension }));
}
