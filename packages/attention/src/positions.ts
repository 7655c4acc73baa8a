/**
 * How attention knows where a token is: not at all (NoPE), by rotating queries and keys (RoPE), or by a penalty on
 * distance (ALiBi, Press et al. 2021). Learned absolute positions belong to the model. Other mixers that attend
 * (CAT, landmarks) take these options and this code.
 */
import { InvalidConfigError, refuseIdle, tf } from '@mixerzoo/core';
import * as z from 'zod';
import { BETAS, mscaleOf, rotaryAngles, rotaryFrequencies, temperatureOf } from './ops/rotary/frequencies.js';
import { rotary } from './ops/rotary/index.js';

/** Options to spread into a mixer's schema. */
export const positionalOptions = {
  positional: z.enum(['none', 'rope', 'alibi']).default('none').describe('how attention knows positions'),
  ropeBase: z.number().gt(1).default(10_000).describe('slowest wavelength of RoPE over 2 pi'),
  rotaryFraction: z.number().gt(0).max(1).default(1).describe("share of each head's columns that RoPE rotates"),
  contextExtension: z
    .strictObject({
      method: z
        .enum(['interpolation', 'yarn', 'llama3'])
        .describe(
          'positions squeezed evenly; YaRN, or that of Llama 3: fast columns as they are, slow ones squeezed, a ramp between',
        ),
      factor: z.number().min(1).describe('times the original length that is to be reached'),
      originalLength: z.int().positive().describe('tokens of the context that was trained'),
      betaFast: z
        .number()
        .positive()
        .optional()
        .describe('columns of more turns than this over the original length stay; default 32, for llama3 4'),
      betaSlow: z
        .number()
        .positive()
        .optional()
        .describe('columns of fewer turns than this are squeezed in full; default 1'),
      temperature: z
        .enum(['none', 'logits', 'rotated'])
        .optional()
        .describe(
          "where YaRN's temperature is applied: nowhere, on all logits (its paper), or on the rotated columns of q and k alone (Hugging Face); default logits for yarn, else none",
        ),
      attentionFactor: z
        .number()
        .positive()
        .optional()
        .describe('the temperature, a factor of q and of k; default 0.1 ln(factor) + 1'),
    })
    .check(({ value, issues }) => {
      const { method, betaFast, betaSlow, attentionFactor } = value;
      const fault = (message: string) => issues.push({ code: 'custom', message, input: value });
      if (attentionFactor !== undefined && temperatureOf(value) === 'none') {
        fault("expected attentionFactor with a temperature 'logits' or 'rotated', got 'none'. Change one of them");
      }
      if (method === 'interpolation') {
        if ((betaFast ?? betaSlow) === undefined) return;
        fault(
          `expected betaFast and betaSlow with 'yarn' and 'llama3' alone, got them with '${method}'. Leave them out`,
        );
      } else {
        const [fast, slow] = [betaFast ?? BETAS[method].fast, betaSlow ?? BETAS[method].slow];
        if (fast <= slow) fault(`expected betaFast above betaSlow, got ${fast} and ${slow}. Change one of them`);
      }
    })
    .optional()
    .describe('stretches a trained context: squeezes positions, and raises the temperature of logits'),
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
  /** Factor of the logits, on top of the usual scale: the squared temperature, where it is applied on all of them. */
  readonly logitScale: number;
  /** Whether {@link Positions.rotate} does anything. */
  readonly rotates: boolean;
  /** x [B, L, G p] of any number of heads rotated to the positions from `start` on; x itself without RoPE. */
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
  const temperature = contextExtension ? temperatureOf(contextExtension) : 'none';
  if (contextExtension && positional === 'none' && temperature !== 'logits') {
    throw new InvalidConfigError(
      `contextExtension: expected positional 'rope' for '${contextExtension.method}' with temperature '${temperature}', got 'none'. Without positions only a temperature 'logits' has an effect.`,
    );
  }
  const rotated = positional === 'rope' ? 2 * Math.floor(Math.trunc(headDim * rotaryFraction) / 2) : 0;
  if (positional === 'rope' && rotated === 0) {
    throw new InvalidConfigError(
      `rotaryFraction: expected RoPE to rotate at least 2 columns of a head, got ${rotaryFraction} of ${headDim}. Widen the heads, raise rotaryFraction, or use positional 'none'.`,
    );
  }
  const mscale = contextExtension ? mscaleOf(contextExtension) : 1;
  // Made at the first use: a config is put together before it is known whether its model fits.
  let angles: ReturnType<typeof rotaryAngles> = { cos: new Float32Array(0), sin: new Float32Array(0) };
  let known = 0;

  return {
    logitScale: temperature === 'logits' ? mscale ** 2 : 1,
    rotates: rotated > 0,
    slopes: () => (positional === 'alibi' ? tf.tensor1d(alibiSlopes(nHeads)) : undefined),
    rotate(x, start = 0) {
      if (rotated === 0) return x;
      const length = x.shape[1];
      if (start + length > known) {
        known = 2 ** Math.ceil(Math.log2(start + length));
        angles = rotaryAngles(rotaryFrequencies(rotated, ropeBase, contextExtension), 0, known);
        if (temperature === 'rotated') for (const table of [angles.cos, angles.sin]) scale(table, mscale);
      }
      const rows = (table: Float32Array) =>
        tf.tensor2d(table.slice((start * rotated) / 2, ((start + length) * rotated) / 2), [length, rotated / 2]);
      return rotary(x, { cos: rows(angles.cos), sin: rows(angles.sin) }, x.shape[2] / headDim);
    },
  };
}

function scale(table: Float32Array, factor: number): void {
  for (let index = 0; index < table.length; index += 1) table[index] = (table[index] as number) * factor;
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
