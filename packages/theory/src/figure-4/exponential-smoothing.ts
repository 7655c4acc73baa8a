/**
 * Landmarks by exponential smoothing (Proposition 2): F_i = rho^i with rho = e^(-1/B), an SSM with a state of one number per
 * channel, read at the last token of each block.
 *
 * Along the query it is a scalar: u_j = e^-1 u_{j-1} + xi_j over the blocks j, with Var xi = (1/d) (1 - e^-2) / (1 - e^(-2/B)).
 * The query's token, m places before the end of block b, adds rho^m to u_b and rho^m e^-(j-b) to every later u_j. The paper takes
 * the u_j as independent; here they are what they are. A draw of the noise fixes the least width at which the layer succeeds, so
 * nothing has to be drawn again for another width.
 */
import { createRng, foldIn, type Rng } from '@mixerzoo/core/rng';
import { fillNormals } from '../math/fill-normals.js';
import { blocksOf, type Context } from './block-sums.js';

/** Proposition 2: the width 50 sigma^2 B (sqrt(log Lbar) + t)^2 that is enough. */
export function sufficientSmoothedWidth(context: Context, { t = 0 } = {}): number {
  const { blockSize, variance = 1 } = context;
  return 50 * variance * blockSize * (Math.sqrt(Math.log(blocksOf(context))) + t) ** 2;
}

/** The least widths of independent draws, ascending: their quantile at p is the width of success p. */
export function drawSmoothedWidths(context: Context, draws: number, seed: number): Float64Array {
  return Float64Array.from({ length: draws }, (_, draw) =>
    drawSmoothedWidth(createRng(foldIn(seed, draw)), context),
  ).sort();
}

/** The least width for one draw of the noise, and of where the query's token stands. */
export function drawSmoothedWidth(rng: Rng, context: Context): number {
  const { blockSize, variance = 1 } = context;
  const candidates = blocksOf(context) - 1; // the last block is the query's own
  const block = rng.integer(candidates);
  const fromEnd = rng.integer(blockSize); // m
  const share = Math.exp(-fromEnd / blockSize); // rho^m
  const power = (1 - Math.exp(-2)) / (1 - Math.exp(-2 / blockSize)); // d Var xi
  const noise = fillNormals(rng, new Float64Array(candidates));
  const spread = Math.sqrt(power);
  noise[block] = noise[block]! * Math.sqrt(1 - (share * share) / power); // the query's token stands where noise would

  let u = 0;
  let own = 0; // sqrt(d) u_b, without the query's token
  let before = Number.NEGATIVE_INFINITY; // the largest sqrt(d) u_j of the blocks before b
  let least = 0; // the least rho^m sqrt(d) so far
  for (let j = 0; j < candidates; j++) {
    u = u / Math.E + spread * noise[j]!;
    if (j < block) before = Math.max(before, u);
    else if (j === block) {
      own = u;
      least = Math.max(0, before - own);
    } else least = Math.max(least, (u - own) / (1 - Math.exp(block - j)));
  }
  // Local attention has the tokens themselves as keys: it needs sqrt(d) above the largest of 2 B - 2 normals.
  const local = fillNormals(rng, new Float64Array(2 * blockSize - 2)).reduce((a, b) => Math.max(a, b), 0);
  return variance * Math.max(least / share, local) ** 2;
}
