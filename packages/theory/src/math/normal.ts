/**
 * The standard normal distribution, exact to f64 in its tails too, where the claims take logarithms of it.
 *
 * Sources: [1] the series and the continued fraction of the error function, Abramowitz and Stegun 7.1.6 and 7.1.14.
 * [2] E. B. Wilson, Probable inference, JASA 22 (1927).
 */

/** The density at x. */
export const normalDensity = (x: number): number => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);

/** P(Z > x), to 1e-14 of itself for x >= 0. */
export function upperTail(x: number): number {
  if (x < 0) return 1 - upperTail(-x);
  return x < 2.5 ? 0.5 - centralMass(x) : normalDensity(x) * millsRatio(x);
}

/** Phi(x) = P(Z <= x). */
export const normalCdf = (x: number): number => upperTail(-x);

/** ln Phi(x), also where Phi is 0 or 1 in f64. */
export function logNormalCdf(x: number): number {
  if (x >= 0) return Math.log1p(-upperTail(x));
  return x > -2.5 ? Math.log(upperTail(-x)) : Math.log(millsRatio(-x)) - (x * x) / 2 - Math.log(2 * Math.PI) / 2;
}

/** The x with Phi(x) = p. @param p - within (0, 1). */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  let [low, high] = [-40, 0];
  while (high - low > 1e-13 * Math.max(1, -low)) {
    const middle = (low + high) / 2;
    if (logNormalCdf(middle) < Math.log(p)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Wilson's interval of a share of successes [2]. @param z - 1.96 for 95 %. */
export function wilsonInterval(successes: number, trials: number, z = 1.96): { low: number; high: number } {
  const share = successes / trials;
  const center = share + (z * z) / (2 * trials);
  const spread = z * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  const total = 1 + (z * z) / trials;
  return { low: Math.max(0, (center - spread) / total), high: Math.min(1, (center + spread) / total) };
}

/** P(0 < Z < x) by the series density(x) (x + x^3 / 3 + x^5 / 15 + ...) [1]. */
function centralMass(x: number): number {
  let sum = 0;
  for (let term = x, n = 1; term > 1e-18 * sum; n += 2, term *= (x * x) / n) sum += term;
  return normalDensity(x) * sum;
}

/** P(Z > x) / density(x) by the continued fraction 1 / (x + 1 / (x + 2 / (x + 3 / ...))) [1]. */
function millsRatio(x: number): number {
  let tail = x;
  for (let k = 200; k >= 1; k--) tail = x + k / tail;
  return 1 / tail;
}
