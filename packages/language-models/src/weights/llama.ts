/** LLaMA: `modeling_llama.py` of transformers, with grouped keys and values and scaled positions. */
import { swiGlu } from '@mixerzoo/core';
import { z } from 'zod';
import { attentionOf, createAttention, projectionTensors } from './attention-part.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, only, rate, readFields, tied } from './fields.js';
import { same } from './layout.js';
import { readRope, ropeFields, writeRope } from './rope.js';
import { swiGluTensors, swiGluWidth } from './swi-glu-part.js';
import { epsOf, requireOptions, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

const schema = z.strictObject({
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  intermediate_size: count,
  hidden_act: only('silu', 'swish'),
  rms_norm_eps: epsilon.default(1e-6),
  attention_bias: z.boolean().nullish(),
  mlp_bias: only(false),
  attention_dropout: rate,
  tie_word_embeddings: tied,
  partial_rotary_factor: only(1),
  ...ropeFields,
});

const WHERE = 'LLaMA';
const HEAD = 'lm_head.weight';

export const llama: WeightFamily = {
  name: WHERE,
  modelType: 'llama',
  architecture: 'LlamaForCausalLM',
  head: HEAD,
  buffers: /\.rotary_emb\.inv_freq$/,
  read(fields, where, names) {
    const config = readFields(schema, fields, where);
    const { hidden_size: dModel, num_attention_heads: nHeads } = config;
    const layer = {
      sequenceMixer: createAttention({
        dModel,
        nHeads,
        nKvHeads: config.num_key_value_heads ?? nHeads,
        ...(config.head_dim && { headDim: config.head_dim }),
        bias: config.attention_bias ?? false,
        dropout: config.attention_dropout ?? 0,
        ...readRope(config, where),
      }),
      channelMixer: swiGlu({ dModel, dHidden: config.intermediate_size }),
    };
    return {
      model: {
        vocabSize: config.vocab_size,
        dModel,
        layers: Array.from({ length: config.num_hidden_layers }, () => layer),
        norm: 'rmsNorm',
        normEps: config.rms_norm_eps,
        dropout: { embedding: 0, residual: 0 },
        tieEmbeddings: config.tie_word_embeddings ?? !names.has(HEAD),
      },
      maxLength: config.max_position_embeddings,
    };
  },
  write(model, maxLength) {
    const { attention, dHidden, normEps } = partsOf(model);
    const { nHeads, nKvHeads, headDim, bias, dropout } = attention;
    const rope = writeRope(model.mixer, maxLength, WHERE);
    requireOptions(WHERE, model.mixer, { rotaryFraction: 1 });
    return {
      vocab_size: model.vocabSize,
      hidden_size: model.dModel,
      num_hidden_layers: model.nLayers,
      num_attention_heads: nHeads,
      num_key_value_heads: nKvHeads,
      head_dim: headDim,
      intermediate_size: dHidden,
      hidden_act: 'silu',
      rms_norm_eps: normEps,
      attention_bias: bias.q,
      mlp_bias: false,
      attention_dropout: dropout,
      tie_word_embeddings: model.tied,
      rope_theta: rope.ropeBase,
      rope_scaling: rope.scaling,
      max_position_embeddings: rope.maxLength,
    };
  },
  tensors(model) {
    const { vocabSize, dModel, nLayers } = model;
    const { attention, dHidden } = partsOf(model);
    return [
      same('model.embed_tokens.weight', 'embedding.weight', [vocabSize, dModel]),
      ...Array.from({ length: nLayers }, (_, index) => {
        const [name, path] = [`model.layers.${index}`, `layers.${index}`];
        return [
          same(`${name}.input_layernorm.weight`, `${path}.norm1.weight`, [dModel]),
          ...projectionTensors(`${name}.self_attn`, `${path}.mixer`, dModel, attention),
          same(`${name}.post_attention_layernorm.weight`, `${path}.norm2.weight`, [dModel]),
          ...swiGluTensors(`${name}.mlp`, `${path}.channel`, { dModel, dHidden }),
        ];
      }).flat(),
      same('model.norm.weight', 'normF.weight', [dModel]),
      ...(model.tied ? [] : [same(HEAD, 'head.weight', [vocabSize, dModel])]),
    ];
  },
};

function partsOf(model: UniformModel) {
  const attention = attentionOf(WHERE, model.mixer);
  if (attention.window) throw unplaced(WHERE, 'attention to all tokens', `a window of ${attention.window}`);
  if (new Set(Object.values(attention.bias)).size > 1)
    throw unplaced(WHERE, 'biases of all projections or none', 'some');
  requireResidual(WHERE, model, ['sequential']);
  return {
    attention,
    dHidden: swiGluWidth(WHERE, model.channel),
    normEps: epsOf(WHERE, model, 'rmsNorm'),
  };
}
