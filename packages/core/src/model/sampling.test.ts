/** Properties of sampling, and of generations by it. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError, NumericalError, ShapeError } from '../errors.js';
import { createRng } from '../rng.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { build, perturbed, V } from './__fixtures__/small-model.js';
import { type GenerationOptions, generateTokens } from './generate-tokens.js';
import { createSampler, type SamplingConfig } from './sampling.js';

const logitsOf = fc.array(fc.float({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 12 });
const firstLargest = (logits: readonly number[]) => logits.indexOf(Math.max(...logits));
const draws = (config: SamplingConfig, logits: readonly number[], count: number) => {
  const [sample, rng] = [createSampler(config), createRng(7)];
  return Array.from({ length: count }, () => sample(logits, rng));
};

describe('a sampler', () => {
  it('takes the first of the most likely tokens at temperature 0, of one token, and of the smallest share', () => {
    fc.assert(
      fc.property(logitsOf, fc.integer(), (logits, seed) => {
        for (const config of [
          { temperature: 0 },
          { topK: 1 },
          { topP: 1e-9 },
          { temperature: 0, topK: 3, topP: 0.5 },
        ]) {
          expect(createSampler(config)(logits, createRng(seed | 0))).toBe(firstLargest(logits));
        }
      }),
    );
  });

  it('stays among the most likely k, and within the share p', () => {
    fc.assert(
      fc.property(
        logitsOf,
        fc.integer({ min: 1, max: 14 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (logits, topK, topP) => {
          const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
          const max = Math.max(...logits);
          const top = order.slice(0, topK);
          const total = top.reduce((sum, token) => sum + Math.exp(logits[token]! - max), 0);
          let before = 0;
          const allowed = top.filter((token) => {
            const inside = before < topP * total;
            before += Math.exp(logits[token]! - max);
            return inside;
          });
          for (const token of draws({ topK, topP }, logits, 20)) expect(allowed).toContain(token);
        },
      ),
    );
  });

  it.each([0.5, 1, 2])('draws as often as a softmax at temperature %s says', (temperature) => {
    const logits = [1, 0, -1, 2, Number.NEGATIVE_INFINITY];
    const weights = logits.map((logit) => Math.exp(logit / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const count = 20_000;
    const drawn = draws({ temperature }, logits, count);
    for (const [token, weight] of weights.entries()) {
      const share = drawn.filter((one) => one === token).length / count;
      expect(Math.abs(share - weight / total)).toBeLessThan(0.015); // 4 standard deviations
    }
    expect(drawn).not.toContain(4);
  });

  it('gives the shares of those that are left to top-k and top-p', () => {
    const logits = [0.5, 0.3, 0.15, 0.05].map(Math.log);
    const share = (config: SamplingConfig) =>
      draws(config, logits, 20_000).filter((token) => token === 0).length / 20_000;
    expect(share({ topK: 2 })).toBeCloseTo(0.5 / 0.8, 1);
    expect(share({ topP: 0.9 })).toBeCloseTo(0.5 / 0.95, 1);
    expect(new Set(draws({ topP: 0.79 }, logits, 500))).toEqual(new Set([0, 1]));
    expect(new Set(draws({ topP: 0.81 }, logits, 500))).toEqual(new Set([0, 1, 2]));
    expect(new Set(draws({ topK: 99 }, logits, 2000))).toEqual(new Set([0, 1, 2, 3]));
  });

  it('refuses what it cannot sample by', () => {
    for (const config of [{ temperature: -1 }, { topK: 0 }, { topK: 1.5 }, { topP: 0 }, { topP: 1.1 }, { top_p: 1 }]) {
      expect(() => createSampler(config as SamplingConfig)).toThrow(InvalidConfigError);
    }
    expect(() => createSampler()([0, Number.NaN], createRng(0))).toThrow(NumericalError);
    expect(() => createSampler({ temperature: 0 })([Number.NaN, 0], createRng(0))).toThrow(NumericalError);
  });
});

describe('a generation', () => {
  const model = build();
  let params: ReturnType<typeof perturbed>;
  beforeAll(async () => {
    await useEngine();
    params = perturbed(model.init(1));
  });
  afterAll(() => disposeTree(params));

  async function generate(options: GenerationOptions, prompt = [3, 1, 4]): Promise<number[]> {
    const tokens: number[] = [];
    for await (const token of generateTokens(model, params, prompt, options)) tokens.push(token);
    return tokens;
  }

  it('at temperature 0 goes on by the most likely token of the whole text', async () => {
    const before = tf.memory().numTensors;
    const found = await generate({ maxTokens: 6, temperature: 0 });
    const text = [3, 1, 4];
    for (let count = 0; count < 6; count += 1) {
      const logits = tf.tidy(() => {
        const ids = tf.tensor2d(text, [1, text.length], 'int32');
        return tf.slice(model.logits(params, model.hidden(params, ids)), [0, text.length - 1, 0]).flatten();
      });
      text.push(firstLargest([...(await logits.data())]));
      logits.dispose();
    }
    expect(found).toEqual(text.slice(3));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is decided by its seed', async () => {
    const of = (seed: number) => generate({ maxTokens: 20, seed, temperature: 2 });
    expect(await of(1)).toEqual(await of(1));
    expect(await of(1)).not.toEqual(await of(2));
  });

  it('ends where it is told, and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    const greedy = await generate({ maxTokens: 6, temperature: 0 });
    const end = greedy.at(-1) as number;
    expect(await generate({ maxTokens: 99, temperature: 0, stop: [end] })).toEqual(
      greedy.slice(0, greedy.indexOf(end)),
    );
    expect(await generate({ maxTokens: 0 })).toEqual([]);
    for await (const _ of generateTokens(model, params, [1], { maxTokens: 9 })) break;
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps to the first tokens of a padded vocabulary', async () => {
    const tokens = await generate({ maxTokens: 60, temperature: 9, vocabSize: 3 });
    expect(new Set(tokens)).toEqual(new Set([0, 1, 2]));
  });

  it('refuses prompts and options that cannot be', async () => {
    await expect(generate({ maxTokens: 1 }, [])).rejects.toThrow(ShapeError);
    await expect(generate({ maxTokens: 1 }, [V])).rejects.toThrow(`got ${V}`);
    await expect(generate({ maxTokens: 0.5 })).rejects.toThrow(InvalidConfigError);
    await expect(generate({ maxTokens: 1, vocabSize: V + 1 })).rejects.toThrow(InvalidConfigError);
  });
});
