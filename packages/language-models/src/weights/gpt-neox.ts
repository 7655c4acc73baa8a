/**
 * GPT-NeoX, as Pythia is stored: `modeling_gpt_neox.py` of transformers.
 *
 * Queries, keys and values of a head lie together, [H, 3, p] rows of one matrix. Files of 2023 hold buffers beside the
 * weights: the causal mask and the frequencies.
 */
import { mlp } from '@mixerzoo/core';
import * as z from 'zod';
import { attentionOf, createAttention } from './attention-part.js';
import { backboneFields, backboneTensors, readBackbone, writeBackbone } from './backbone.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, rate, readFields } from './fields.js';
import { linear, type Place, type StoredLayout, same } from './layout.js';
import { readRope, ropeFields, writeRope } from './rope.js';
import { requireOptions, requirePart, type UniformModel, unplaced } from './uniform-model.js';

/** Names of config.json and ours. `gelu_fast` is the tanh form with its constants written out. */
const ACTIVATIONS = {
  gelu: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
} as const;
type Activation = keyof typeof ACTIVATIONS;

const schema = z.strictObject({
  ...backboneFields,
  num_attention_heads: count,
  intermediate_size: count,
  hidden_act: z.enum(Object.keys(ACTIVATIONS) as [Activation, ...Activation[]]).default('gelu'),
  layer_norm_eps: epsilon.default(1e-5),
  use_parallel_residual: z.boolean().default(true),
  attention_bias: z.boolean().default(true),
  hidden_dropout: rate,
  attention_dropout: rate,
  rotary_pct: z.number().gt(0).max(1).optional(),
  rotary_emb_base: z.number().gt(1).optional(),
  ...ropeFields,
});

const WHERE = 'GPT-NeoX';
const HEAD = 'embed_out.weight';

export const gptNeoX: WeightFamily = {
  name: WHERE,
  modelType: 'gpt_neox',
  architecture: 'GPTNeoXForCausalLM',
  head: HEAD,
  buffers: /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
  read(fields, where, names) {
    const config = readFields(schema, fields, where);
    const { hidden_size: dModel, num_attention_heads: nHeads, intermediate_size: dHidden } = config;
    const rope = readRope(
      {
        ...config,
        rope_theta: config.rope_theta ?? config.rotary_emb_base,
        rotaryFraction: config.rotary_pct ?? 0.25,
      },
      where,
    );
    const layer = {
      sequenceMixer: createAttention({
        dModel,
        nHeads,
        bias: config.attention_bias,
        dropout: config.attention_dropout ?? 0,
        ...rope,
      }),
      channelMixer: mlp({ dModel, dHidden, activation: ACTIVATIONS[config.hidden_act] }),
      residual: config.use_parallel_residual ? ('parallel' as const) : ('sequential' as const),
    };
    return {
      model: readBackbone(config, layer, {
        norm: 'layerNorm',
        normEps: config.layer_norm_eps,
        dropout: config.hidden_dropout,
        hasHead: names.has(HEAD),
      }),
      maxLength: config.max_position_embeddings,
    };
  },
  write(model, maxLength) {
    const { channel, norm } = partsOf(model);
    const { nHeads, dropout: attentionDropout, bias } = attentionPart(model);
    const rope = writeRope(model.mixer, maxLength, WHERE);
    const act = (Object.keys(ACTIVATIONS) as Activation[]).find((name) => ACTIVATIONS[name] === channel['activation']);
    return {
      ...writeBackbone(model),
      num_attention_heads: nHeads,
      intermediate_size: channel['dHidden'],
      hidden_act: act,
      layer_norm_eps: norm['eps'],
      use_parallel_residual: model.residual === 'parallel',
      attention_bias: bias.q,
      hidden_dropout: model.dropout.residual,
      attention_dropout: attentionDropout,
      rotary_pct: rope.rotaryFraction,
      rotary_emb_base: rope.ropeBase,
      rope_scaling: rope.scaling,
      max_position_embeddings: rope.maxLength,
    };
  },
  tensors(model) {
    const { dModel } = model;
    const { nHeads, headDim, bias } = attentionPart(model);
    const { channel } = partsOf(model);
    const dHidden = channel['dHidden'] as number;
    const norm = (name: string, path: string) => [
      same(`${name}.weight`, `${path}.weight`, [dModel]),
      same(`${name}.bias`, `${path}.bias`, [dModel]),
    ];
    const names = {
      embedding: 'gpt_neox.embed_in.weight',
      norm: norm('gpt_neox.final_layer_norm', 'normF'),
      head: HEAD,
    };
    return backboneTensors(model, names, (index) => {
      const [name, path] = [`gpt_neox.layers.${index}`, `layers.${index}`];
      return [
        ...norm(`${name}.input_layernorm`, `${path}.norm1`),
        ...queryKeyValue(`${name}.attention.query_key_value`, `${path}.mixer`, { dModel, nHeads, headDim }, bias.q),
        ...linear(`${name}.attention.dense`, `${path}.mixer.oProj`, [nHeads * headDim, dModel], bias.o),
        ...norm(`${name}.post_attention_layernorm`, `${path}.norm2`),
        ...linear(`${name}.mlp.dense_h_to_4h`, `${path}.channel.fc1`, [dModel, dHidden], true),
        ...linear(`${name}.mlp.dense_4h_to_h`, `${path}.channel.fc2`, [dHidden, dModel], true),
      ];
    });
  },
};

function partsOf({ channel, norm, residual }: UniformModel) {
  if (residual === 'mixerOnly') throw unplaced(WHERE, "residual 'parallel' or 'sequential'", `'${residual}'`);
  return {
    channel: requirePart(WHERE, 'the channel mixer', channel, ['mlp']).config,
    norm: requirePart(WHERE, 'the norm', norm, ['layerNorm']).config,
  };
}

/** Attention without what GPT-NeoX lacks. */
function attentionPart({ mixer, dModel }: UniformModel) {
  const part = attentionOf(WHERE, mixer);
  const { nHeads, nKvHeads, headDim, window, bias } = part;
  requireOptions(
    WHERE,
    { name: 'attention', config: { nKvHeads, headDim, window: window ?? 0 } },
    { nKvHeads: nHeads, headDim: dModel / nHeads, window: 0 },
  );
  if (new Set(Object.values(bias)).size > 1) throw unplaced(WHERE, 'biases of all projections or none', 'some');
  return part;
}

/** [q, k, v] of each head below each other, [H, 3, p] rows. */
function queryKeyValue(
  name: string,
  path: string,
  { dModel, nHeads, headDim }: { readonly dModel: number; readonly nHeads: number; readonly headDim: number },
  bias: boolean,
): readonly StoredLayout[] {
  const width = nHeads * headDim;
  const places = (leaf: string, of: (role: number) => Omit<Place, 'path'>): Place[] =>
    ['qProj', 'kProj', 'vProj'].map((role, index) => ({ path: `${path}.${role}.${leaf}`, ...of(index) }));
  const weight: StoredLayout = {
    name: `${name}.weight`,
    shape: [3 * width, dModel],
    places: places('weight', (role) => ({
      shape: [dModel, width],
      walk: [dModel, nHeads, headDim],
      strides: [1, 3 * headDim * dModel, dModel],
      start: role * headDim * dModel,
    })),
  };
  if (!bias) return [weight];
  const biases = places('bias', (role) => ({
    shape: [width],
    walk: [nHeads, headDim],
    strides: [3 * headDim, 1],
    start: role * headDim,
  }));
  return [weight, { name: `${name}.bias`, shape: [3 * width], places: biases }];
}
