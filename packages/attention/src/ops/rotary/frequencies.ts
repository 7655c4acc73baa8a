/**
 * Frequencies of rotary positions, plain and stretched to longer contexts.
 *
 *   plain          inv_i = base^(-2 i / dim)                                            (Su et al. 2021)
 *   interpolation  positions divided by the factor                                      (Chen et al. 2023)
 *   yarn           "NTK by parts": fast dimensions as they are, slow ones interpolated, a ramp between
 *                  correction dimensions; temperature 0.1 ln(factor) + 1                (Peng et al. 2023)
 *   llama3         the same by rotations over the trained length, with a ramp linear in them; no temperature (Llama 3.1)
 *
 * Where both correction dimensions lie on one side of all there are, there is no ramp: a length so short that no dimension
 * makes `betaSlow` rotations over it interpolates every one, and one so long that all make `betaFast` none.
 *
 * The ramp is linear in the dimension's index, as in YaRN's released code; the paper's is linear in the number of
 * rotations.
 */

/** Default rotations over the trained length above which a dimension is left alone, and below which it is interpolated. */
export const BETAS = { yarn: { fast: 32, slow: 1 }, llama3: { fast: 4, slow: 1 } } as const;

/** Where a temperature is applied: nowhere, on all logits, or on the rotated columns of q and k alone. */
export type Temperature = 'none' | 'logits' | 'rotated';

/** How a context is stretched. */
export interface ContextExtension {
  readonly method: 'interpolation' | 'yarn' | 'llama3';
  /** New length over trained length. */
  readonly factor: number;
  /** The trained length; `yarn` and `llama3` count rotations over it. */
  readonly originalLength: number;
  /** Rotations over the trained length above which a dimension is left alone. Default: that of {@link BETAS}. */
  readonly betaFast?: number | undefined;
  /** Rotations below which a dimension is interpolated. */
  readonly betaSlow?: number | undefined;
  /** Default: that of {@link temperatureOf}. */
  readonly temperature?: Temperature | undefined;
  /** What the temperature is, in place of `0.1 ln(factor) + 1`. */
  readonly attentionFactor?: number | undefined;
}

/** Angles are `position * positionScale * invFreq`. */
export interface RotaryFrequencies {
  /** [dim / 2] */
  readonly invFreq: readonly number[];
  readonly positionScale: number;
  /** The temperature: factor of q and of k, so logits grow by its square; 1 where there is none. */
  readonly mscale: number;
}

/** Frequencies of `dim` rotated columns (even). */
export function rotaryFrequencies(dim: number, base: number, extension?: ContextExtension): RotaryFrequencies {
  const plain = Array.from({ length: dim / 2 }, (_, index) => base ** ((-2 * index) / dim));
  if (!extension) return { invFreq: plain, positionScale: 1, mscale: 1 };
  const { method, factor, originalLength } = extension;
  const mscale = mscaleOf(extension);
  if (method === 'interpolation') return { invFreq: plain, positionScale: 1 / factor, mscale };
  const { betaFast = BETAS[method].fast, betaSlow = BETAS[method].slow } = extension;

  /** The index, unbounded, whose frequency makes this many rotations over the trained length. */
  const correction = (rotations: number) =>
    (dim * Math.log(originalLength / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  const bounded = (index: number) => Math.min(Math.max(index, 0), dim - 1);
  const low = bounded(Math.floor(correction(betaFast)));
  const high = bounded(Math.ceil(correction(betaSlow)));
  /** How far a dimension is interpolated: 0 not at all, 1 in full. */
  const share = (frequency: number, index: number): number => {
    if (method === 'yarn') return high > low ? (index - low) / (high - low) : Number(index >= high);
    return (betaFast - (frequency * originalLength) / (2 * Math.PI)) / (betaFast - betaSlow);
  };
  const invFreq = plain.map((frequency, index) => {
    const interpolated = Math.min(Math.max(share(frequency, index), 0), 1);
    return frequency * (1 - interpolated) + (frequency / factor) * interpolated;
  });
  return { invFreq, positionScale: 1, mscale };
}

/** Where the temperature of an extension is applied: by YaRN, unless it is told otherwise, on all logits. */
export function temperatureOf({ method, temperature }: Pick<ContextExtension, 'method' | 'temperature'>): Temperature {
  return temperature ?? (method === 'yarn' ? 'logits' : 'none');
}

/** The factor of q and of k that an extension asks for; 1 where it leaves the temperature alone. */
export function mscaleOf(extension: ContextExtension): number {
  const { factor, attentionFactor = yarnTemperature(factor) } = extension;
  return temperatureOf(extension) === 'none' ? 1 : attentionFactor;
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
