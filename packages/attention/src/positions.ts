/**
 * How attention knows where a token is: not at all (NoPE), by rotating queries and keys (RoPE), or by a penalty on
 * distance (ALiBi, Press et al. 2021). Learned absolute positions belong to the model. Other mixers that attend
 * (CAT, landmarks) take these options and this code.
 */
import { InvalidConfigError, refuseIdle, tf } from '@mixerzoo/core';
import { z } from 'zod';
import { BETA_FAST, BETA_SLOW, rotaryAngles, rotaryFrequencies, yarnTemperature } from './ops/rotary/frequencies.js';
import { rotary } from './ops/rotary/index.js';

/** Options to spread into a mixer's schema. */
export const positionalOptions = {
  positional: z.enum(['none', 'rope', 'alibi']).default('none').describe('how attention knows positions'),
  ropeBase: z.number().gt(1).default(10_000).describe('slowest wavelength of RoPE over 2 pi'),
  rotaryFraction: z.number().gt(0).max(1).default(1).describe("share of each head's columns that RoPE rotates"),
  contextExtension: z
    .strictObject({
      method: z
        .enum(['interpolation', 'yarn'])
        .describe('positions squeezed evenly, or YaRN: fast columns as they are, slow ones squeezed'),
      factor: z.number().min(1).describe('times the original length that is to be reached'),
      originalLength: z.int().positive().describe('tokens of the context that was trained'),
      betaFast: z
        .number()
        .positive()
        .optional()
        .describe('YaRN: columns of more turns than this over the original length stay'),
      betaSlow: z
        .number()
        .positive()
        .optional()
        .describe('YaRN: columns of fewer turns than this are squeezed in full'),
    })
    .check(({ value, issues }) => {
      const { method, betaFast, betaSlow } = value;
      const fault = (message: string) => issues.push({ code: 'custom', message, input: value });
      if (method !== 'yarn' && (betaFast ?? betaSlow) !== undefined) {
        fault(`expected betaFast and betaSlow with method 'yarn' alone, got them with '${method}'. Leave them out`);
      }
      const [fast, slow] = [betaFast ?? BETA_FAST, betaSlow ?? BETA_SLOW];
      if (fast <= slow) fault(`expected betaFast above betaSlow, got ${fast} and ${slow}. Change one of them`);
    })
    .optional()
    .describe('stretches a trained context: positions by interpolation or YaRN, the temperature of logits by YaRN'),
};

/** A check for schemas that spread {@link positionalOptions}. */
export const positionalCheck = refuseIdle<Pick<PositionalConfig, 'positional'>, keyof typeof positionalOptions>(
  positionalOptions,
  {
    ropeBase: [({ positional }) => positional === 'rope', "positional 'rope'"],
    rotaryFraction: [({ positional }) => positional === 'rope', "positional 'rope'"],
  },
);

/** The parsed {@link positionalOptions}. */
export type PositionalConfig = z.output<z.ZodObject<typeof positionalOptions>>;

/** What positions do to attention. */
export interface Positions {
  /** Factor of the logits, on top of the usual scale: the squared YaRN temperature. */
  readonly logitScale: number;
  /** Whether {@link Positions.rotate} does anything. */
  readonly rotates: boolean;
  /** x [B, L, H p] rotated to the positions from `start` on; x itself without RoPE. */
  rotate(x: tf.Tensor3D, start?: number): tf.Tensor3D;
  /** ALiBi's slopes [H], a new tensor; undefined without ALiBi. */
  slopes(): tf.Tensor1D | undefined;
}

/**
 * Positions for heads of `headDim` columns.
 * @throws InvalidConfigError if the options do not fit together.
 */
export function createPositions(config: PositionalConfig, nHeads: number, headDim: number): Positions {
  const { positional, ropeBase, rotaryFraction, contextExtension } = config;
  if (contextExtension && positional === 'alibi') {
    throw new InvalidConfigError(
      "contextExtension: expected positional 'rope' or 'none', got 'alibi'. ALiBi extends by itself.",
    );
  }
  if (contextExtension?.method === 'interpolation' && positional === 'none') {
    throw new InvalidConfigError(
      "contextExtension: expected positional 'rope' for interpolation, got 'none'. Without positions use 'yarn', which sets the temperature.",
    );
  }
  const logitScale = contextExtension?.method === 'yarn' ? yarnTemperature(contextExtension.factor) ** 2 : 1;
  const rotated = positional === 'rope' ? 2 * Math.floor(Math.trunc(headDim * rotaryFraction) / 2) : 0;
  if (positional === 'rope' && rotated === 0) {
    throw new InvalidConfigError(
      `rotaryFraction: expected RoPE to rotate at least 2 columns of a head, got ${rotaryFraction} of ${headDim}. Widen the heads, raise rotaryFraction, or use positional 'none'.`,
    );
  }
  const frequencies = rotaryFrequencies(rotated, ropeBase, contextExtension);
  let angles = rotaryAngles(frequencies, 0, 0);
  let known = 0;

  return {
    logitScale,
    rotates: rotated > 0,
    slopes: () => (positional === 'alibi' ? tf.tensor1d(alibiSlopes(nHeads)) : undefined),
    rotate(x, start = 0) {
      if (rotated === 0) return x;
      const length = x.shape[1];
      if (start + length > known) {
        known = 2 ** Math.ceil(Math.log2(start + length));
        angles = rotaryAngles(frequencies, 0, known);
      }
      const rows = (table: Float32Array) =>
        tf.tensor2d(table.slice((start * rotated) / 2, ((start + length) * rotated) / 2), [length, rotated / 2]);
      return rotary(x, { cos: rows(angles.cos), sin: rows(angles.sin) }, nHeads);
    },
  };
}

/**
 * ALiBi's slopes: `2^(-8 (h + 1) / H)` for H a power of two; else those of the next lower power, then every second one
 * of the next higher.
 */
export function alibiSlopes(nHeads: number): number[] {
  const geometric = (count: number) => Array.from({ length: count }, (_, head) => 2 ** ((-8 * (head + 1)) / count));
  const power = 2 ** Math.floor(Math.log2(nHeads));
  const between = geometric(2 * power).filter((_, index) => index % 2 === 0);
  return [...geometric(power), ...between.slice(0, nHeads - power)];
}
