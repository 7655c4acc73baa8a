/** Against Hugging Face's transformers: `__fixtures__/hugging-face.py` made the numbers. */
import { readFileSync } from 'node:fs';
import { type Tree, tf, useEngine } from '@mixerzoo/core';
import { expectClose } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { attention } from './attention.js';
import { type ContextExtension, rotaryFrequencies } from './ops/rotary/frequencies.js';

interface Layer {
  readonly tensors: Readonly<Record<string, { readonly shape: number[]; readonly values: number[] }>>;
  readonly length: number;
  readonly x: number[];
  readonly y: number[];
}

interface RopeParameters {
  readonly rope_theta: number;
  readonly rope_type: 'yarn' | 'llama3';
  readonly factor: number;
  readonly original_max_position_embeddings: number;
  readonly [key: string]: unknown;
}

interface Frequencies {
  readonly dim: number;
  readonly parameters: RopeParameters;
  readonly invFreq: number[];
  readonly attentionFactor: number;
}

const made = JSON.parse(readFileSync(new URL('__fixtures__/hugging-face.json', import.meta.url), 'utf8')) as {
  readonly frequencies: Frequencies[];
  readonly llama: Layer;
  readonly neox: Layer;
};

/** Their scaling in our words. */
function extensionOf(parameters: RopeParameters): ContextExtension {
  const { rope_type: method, factor, original_max_position_embeddings: originalLength } = parameters;
  const number = (key: string) => parameters[key] as number | undefined;
  return {
    method,
    factor,
    originalLength,
    betaFast: number('beta_fast') ?? number('high_freq_factor'),
    betaSlow: number('beta_slow') ?? number('low_freq_factor'),
    ...(method === 'yarn' ? { temperature: 'rotated', attentionFactor: number('attention_factor') } : {}),
  };
}

describe('frequencies', () => {
  it.each(made.frequencies)('of $dim columns, $parameters.rope_type', ({ dim, parameters, ...expected }) => {
    const { invFreq, mscale } = rotaryFrequencies(dim, parameters.rope_theta, extensionOf(parameters));
    for (const [index, frequency] of invFreq.entries()) {
      expect(frequency / (expected.invFreq[index] as number)).toBeCloseTo(1, 5);
    }
    expect(mscale).toBeCloseTo(expected.attentionFactor, 12);
  });
});

describe('a layer', () => {
  beforeAll(async () => {
    await useEngine();
  });

  /** A weight [out, in] as ours, [in, out], with its bias. */
  const projection = (weight: tf.Tensor, bias: tf.Tensor) => ({ weight: weight.transpose<tf.Tensor2D>(), bias });
  const read = ({ tensors }: Layer, name: string) => {
    const { shape, values } = tensors[name] as Layer['tensors'][string];
    return tf.tensor(values, shape);
  };
  const expectLayer = async (mixer: ReturnType<typeof attention>, params: Tree, { x, y, length }: Layer) => {
    const shape: [number, number, number] = [1, length, mixer.config['dModel'] as number];
    await expectClose(mixer.apply(params as never, tf.tensor3d(x, shape)), tf.tensor3d(y, shape), 1e-5);
  };

  it('of LLaMA: shared keys and values, wide heads, biases, llama3', async () => {
    const of = (name: string) => projection(read(made.llama, `${name}.weight`), read(made.llama, `${name}.bias`));
    const mixer = attention({
      dModel: 8,
      nHeads: 4,
      nKvHeads: 2,
      headDim: 4,
      positional: 'rope',
      contextExtension: { method: 'llama3', factor: 8, originalLength: 16 },
    });
    await expectLayer(
      mixer,
      { qProj: of('q_proj'), kProj: of('k_proj'), vProj: of('v_proj'), oProj: of('o_proj') },
      made.llama,
    );
  });

  it('of GPT-NeoX: YaRN with its temperature on the rotated half of the columns', async () => {
    const [heads, p, d] = [2, 8, 16];
    const weight = read(made.neox, 'query_key_value.weight').reshape([heads, 3, p, d]);
    const bias = read(made.neox, 'query_key_value.bias').reshape([heads, 3, p]);
    const part = (index: number) =>
      projection(
        weight.slice([0, index, 0, 0], [-1, 1, -1, -1]).reshape([d, d]),
        bias.slice([0, index, 0], [-1, 1, -1]).flatten(),
      );
    const oProj = projection(read(made.neox, 'dense.weight'), read(made.neox, 'dense.bias'));
    const params = { qProj: part(0), kProj: part(1), vProj: part(2), oProj };
    const made16 = (temperature: 'rotated' | 'logits') =>
      attention({
        dModel: d,
        nHeads: heads,
        positional: 'rope',
        rotaryFraction: 0.5,
        contextExtension: { method: 'yarn', factor: 4, originalLength: 12, temperature },
      });
    await expectLayer(made16('rotated'), params, made.neox);
    await expect(expectLayer(made16('logits'), { ...params }, made.neox)).rejects.toThrow();
  });
});
