/** LLaMA: `modeling_llama.py` of transformers, with grouped keys and values and scaled positions. */
import { swiGlu } from '@mixerzoo/core';
import * as z from 'zod';
import { attentionOf, createAttention, projectionTensors } from './attention-part.js';
import { backboneFields, backboneTensors, readBackbone, writeBackbone } from './backbone.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, only, rate, readFields } from './fields.js';
import { same } from './layout.js';
import { readRope, ropeFields, writeRope } from './rope.js';
import { swiGluTensors, swiGluWidth } from './swi-glu-part.js';
import { epsOf, requireOptions, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

const schema = z.strictObject({
  ...backboneFields,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  intermediate_size: count,
  hidden_act: only('silu', 'swish'),
  rms_norm_eps: epsilon.default(1e-6),
  attention_bias: z.boolean().nullish(),
  mlp_bias: only(false),
  attention_dropout: rate,
  partial_rotary_factor: only(1),
  rope_interleaved: only(false),
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
      model: readBackbone(config, layer, { norm: 'rmsNorm', normEps: config.rms_norm_eps, hasHead: names.has(HEAD) }),
      maxLength: config.max_position_embeddings,
    };
  },
  write(model, maxLength) {
    const { attention, dHidden, normEps } = partsOf(model);
    const { nHeads, nKvHeads, headDim, bias, dropout } = attention;
    const rope = writeRope(model.mixer, maxLength, WHERE);
    requireOptions(WHERE, model.mixer, { rotaryFraction: 1 });
    return {
      ...writeBackbone(model),
      num_attention_heads: nHeads,
      num_key_value_heads: nKvHeads,
      head_dim: headDim,
      intermediate_size: dHidden,
      hidden_act: 'silu',
      rms_norm_eps: normEps,
      attention_bias: bias.q,
      mlp_bias: false,
      attention_dropout: dropout,
      rope_theta: rope.ropeBase,
      rope_scaling: rope.scaling,
      max_position_embeddings: rope.maxLength,
    };
  },
  tensors(model) {
    const { dModel } = model;
    const { attention, dHidden } = partsOf(model);
    const names = {
      embedding: 'model.embed_tokens.weight',
      norm: [same('model.norm.weight', 'normF.weight', [dModel])],
      head: HEAD,
    };
    return backboneTensors(model, names, (index) => {
      const [name, path] = [`model.layers.${index}`, `layers.${index}`];
      return [
        same(`${name}.input_layernorm.weight`, `${path}.norm1.weight`, [dModel]),
        ...projectionTensors(`${name}.self_attn`, `${path}.mixer`, dModel, attention),
        same(`${name}.post_attention_layernorm.weight`, `${path}.norm2.weight`, [dModel]),
        ...swiGluTensors(`${name}.mlp`, `${path}.channel`, { dModel, dHidden }),
      ];
    });
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
