/**
 * Frequencies of rotary positions, plain and stretched to longer contexts.
 *
 *   plain          inv_i = base^(-2 i / dim)                                            (Su et al. 2021)
 *   interpolation  positions divided by the factor                                      (Chen et al. 2023)
 *   yarn           "NTK by parts": fast dimensions as they are, slow ones interpolated, a ramp between
 *                  correction dimensions; temperature 0.1 ln(factor) + 1                (Peng et al. 2023)
 *
 * Where both correction dimensions lie on one side of all there are, there is no ramp: a length so short that no dimension
 * makes `betaSlow` rotations over it interpolates every one, and one so long that all make `betaFast` none.
 *
 * The ramp is linear in the dimension's index, as in YaRN's released code; the paper's is linear in the number of
 * rotations.
 */

/** Default rotations over the trained length above which a dimension is left alone, and below which it is interpolated. */
export const [BETA_FAST, BETA_SLOW] = [32, 1];

/** How a context is stretched. */
export interface ContextExtension {
  readonly method: 'interpolation' | 'yarn';
  /** New length over trained length. */
  readonly factor: number;
  /** The trained length; `yarn` needs it for its correction dimensions. */
  readonly originalLength: number;
  /** Rotations over the trained length above which a dimension is left alone. Default 32. */
  readonly betaFast?: number | undefined;
  /** Rotations below which a dimension is interpolated. Default 1. */
  readonly betaSlow?: number | undefined;
}

/** Angles are `position * positionScale * invFreq`. */
export interface RotaryFrequencies {
  /** [dim / 2] */
  readonly invFreq: readonly number[];
  readonly positionScale: number;
  /** Factor of cos and sin, so logits grow by its square. */
  readonly mscale: number;
}

/** Frequencies of `dim` rotated columns (even). */
export function rotaryFrequencies(dim: number, base: number, extension?: ContextExtension): RotaryFrequencies {
  const plain = Array.from({ length: dim / 2 }, (_, index) => base ** ((-2 * index) / dim));
  if (!extension) return { invFreq: plain, positionScale: 1, mscale: 1 };
  const { method, factor, originalLength, betaFast = BETA_FAST, betaSlow = BETA_SLOW } = extension;
  if (method === 'interpolation') return { invFreq: plain, positionScale: 1 / factor, mscale: 1 };

  /** The index, unbounded, whose frequency makes this many rotations over the trained length. */
  const correction = (rotations: number) =>
    (dim * Math.log(originalLength / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  const bounded = (index: number) => Math.min(Math.max(index, 0), dim - 1);
  const low = bounded(Math.floor(correction(betaFast)));
  const high = bounded(Math.ceil(correction(betaSlow)));
  const invFreq = plain.map((frequency, index) => {
    const interpolated = high > low ? Math.min(Math.max((index - low) / (high - low), 0), 1) : Number(index >= high);
    return frequency * (1 - interpolated) + (frequency / factor) * interpolated;
  });
  return { invFreq, positionScale: 1, mscale: yarnTemperature(factor) };
}

/** YaRN's `1 / sqrt(t)`: 0.1 ln(factor) + 1. Logits are multiplied by its square. */
export function yarnTemperature(factor: number): number {
  return factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
}

/** cos and sin of the positions [start, start + length), row-major [length, dim / 2], without `mscale`. */
export function rotaryAngles(
  { invFreq, positionScale }: RotaryFrequencies,
  start: number,
  length: number,
): { cos: Float32Array; sin: Float32Array } {
  const half = invFreq.length;
  const cos = new Float32Array(length * half);
  const sin = new Float32Array(length * half);
  for (let row = 0; row < length; row += 1) {
    for (let index = 0; index < half; index += 1) {
      const angle = (start + row) * positionScale * (invFreq[index] as number);
      cos[row * half + index] = Math.cos(angle);
      sin[row * half + index] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
