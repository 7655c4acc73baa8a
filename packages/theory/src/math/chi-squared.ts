/**
 * Tails of the chi-squared distribution, central and not, each to a small part of itself: the squared norms of Gaussians in r
 * dimensions, of which the uniform statements take maxima over very many.
 *
 * Source: the recurrence of the incomplete gamma function, Abramowitz and Stegun 6.5.21, and the mixture 26.4.25.
 */
import { upperTail } from './normal.js';

/** Terms beyond this many standard deviations of a Poisson variable are below 1e-16 of the sum. */
const REACH = 9;

/** P(|g|^2 > x) for g ~ N(0, I_r). */
export const chiSquaredTail = (x: number, dimension: number): number => noncentralTail(x, dimension, 0);

/**
 * P(|g + m|^2 > x) for g ~ N(0, I_r) and |m|^2 = `shift`: the mean of the tails with r + 2k degrees of freedom, k Poisson with
 * mean shift / 2.
 */
export function noncentralTail(x: number, dimension: number, shift: number): number {
  if (x <= 0) return 1;
  const [half, mean] = [x / 2, shift / 2];
  const last = Math.ceil(mean + REACH * Math.sqrt(mean) + REACH);
  // Q(a, y) = Q(a - 1, y) + y^(a - 1) e^-y / Gamma(a), up from Q(1/2, y) = 2 P(Z > sqrt(2 y)) or Q(1, y) = e^-y.
  const odd = dimension % 2 === 1;
  let a = odd ? 0.5 : 1;
  let tail = odd ? 2 * upperTail(Math.sqrt(x)) : Math.exp(-half);
  let step = odd ? 2 * Math.sqrt(half / Math.PI) * Math.exp(-half) : half * Math.exp(-half);
  const rise = () => {
    tail += step;
    a += 1;
    step *= half / a;
  };
  while (a < dimension / 2) rise();
  let weight = Math.exp(-mean);
  let sum = 0;
  for (let k = 0; k <= last; k++) {
    sum += weight * tail;
    rise();
    weight *= mean / (k + 1);
  }
  return Math.min(1, sum);
}
