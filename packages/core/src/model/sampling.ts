/** The choice of a next token by its logits. */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { NumericalError } from '../errors.js';
import type { Rng } from '../rng.js';

const samplingSchema = z.strictObject({
  temperature: z
    .number()
    .nonnegative()
    .default(1)
    .describe('What logits are divided by; 0 takes the most likely token'),
  topK: z.int().positive().optional().describe('Choose among so many of the most likely tokens; default: all'),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe('Choose among the fewest most likely tokens whose probabilities reach this together'),
});

export type SamplingConfig = z.input<typeof samplingSchema>;

/** Chooses a token by logits [V]. */
export type Sampler = (logits: ArrayLike<number>, rng: Rng) => number;

/**
 * A sampler: temperature first, then top-k, then top-p (Holtzman et al. 2019, arXiv 1904.09751) of what is left. Of equal logits the
 * first come first; a token of logit -Infinity is never chosen, unless all have it.
 *
 * @example
 * const sample = createSampler({ temperature: 0.8, topK: 40 });
 * const token = sample(await logits.data(), createRng(0));
 * @throws InvalidConfigError; the sampler NumericalError for a logit that is NaN, or +Infinity.
 */
export function createSampler(input: SamplingConfig = {}): Sampler {
  const { temperature, topK, topP } = parseConfig(samplingSchema, input, 'createSampler');
  return (logits, rng) => {
    const best = largest(logits);
    if (temperature === 0 || topK === 1 || logits[best] === Number.NEGATIVE_INFINITY) return best;
    const max = logits[best] as number;
    const weights = Float64Array.from(logits, (logit) => Math.exp((logit - max) / temperature));
    const chosen =
      topK === undefined && topP === 1 ? weights.keys() : nucleus(logits, weights, topK ?? weights.length, topP);
    return draw(weights, [...chosen], rng);
  };
}

/** Index of the largest, the first of equals. */
function largest(logits: ArrayLike<number>): number {
  let best = 0;
  for (let index = 0; index < logits.length; index += 1) {
    const logit = logits[index] as number;
    if (Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY) {
      throw new NumericalError(
        `sampling: expected finite logits, got ${logit} for token ${index}. Take parameters of a training that did not diverge.`,
      );
    }
    if (logit > (logits[best] as number)) best = index;
  }
  return best;
}

/** The most likely tokens: `topK` of them, and of these the fewest that have a share of `topP`; one at least. */
function nucleus(logits: ArrayLike<number>, weights: Float64Array, topK: number, topP: number): number[] {
  const sorted = Array.from(weights.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const kept = sorted.slice(0, topK);
  if (topP === 1) return kept;
  const total = kept.reduce((sum, index) => sum + (weights[index] as number), 0);
  let reached = 0;
  const count = kept.findIndex((index) => {
    reached += weights[index] as number;
    return reached >= topP * total;
  });
  return kept.slice(0, count < 0 ? kept.length : count + 1);
}

function draw(weights: Float64Array, tokens: readonly number[], rng: Rng): number {
  const total = tokens.reduce((sum, token) => sum + (weights[token] as number), 0);
  let left = rng.uniform() * total;
  let last = tokens[0] as number;
  for (const token of tokens) {
    const weight = weights[token] as number;
    if (weight === 0) continue;
    if (left < weight) return token;
    left -= weight;
    last = token;
  }
  return last; // what rounding left over
}
