/** Means over a density, and the argument at which a monotone function has a value. */

/**
 * The mean of f under a density that need not be normalised, by the trapezoidal rule: for smooth functions that vanish at both
 * ends its error falls faster than any power of the step.
 */
export function meanUnder(
  density: (u: number) => number,
  f: (u: number) => number,
  { from, to, points = 200 }: { readonly from: number; readonly to: number; readonly points?: number },
): number {
  let [sum, mass] = [0, 0];
  for (let i = 0; i <= points; i++) {
    const u = from + ((to - from) * i) / points;
    const weight = density(u);
    if (weight === 0) continue;
    mass += weight;
    sum += weight * f(u);
  }
  return sum / mass;
}

/** The x > 0 at which an increasing function reaches `value`, to 1e-7 of x. @param start - any x > 0. */
export function solveIncreasing(f: (x: number) => number, value: number, start: number): number {
  let [low, high] = [start, start];
  while (f(low) >= value) low /= 2;
  while (f(high) < value) high *= 2;
  while (high / low > 1 + 1e-7) {
    const middle = Math.sqrt(low * high);
    if (f(middle) < value) low = middle;
    else high = middle;
  }
  return high;
}
