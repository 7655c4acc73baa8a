/** Transformer++ of flash-linear-attention, `models/transformer`: LLaMA under other names; keys and values may have biases. */
import { swiGlu } from '@mixerzoo/core';
import * as z from 'zod';
import { attentionOf, createAttention, projectionTensors } from './attention-part.js';
import { backboneFields, backboneTensors, readBackbone, writeBackbone } from './backbone.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, FLA_IDLE, only, readFields, USUAL_LENGTH } from './fields.js';
import { same } from './layout.js';
import { swiGluTensors, swiGluWidth, widthOfRatio } from './swi-glu-part.js';
import { epsOf, requireOptions, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

const schema = z.strictObject({
  ...backboneFields,
  num_heads: count,
  num_kv_heads: count.nullish(),
  intermediate_size: count.nullish(),
  hidden_ratio: z.number().positive().nullish(),
  hidden_act: only('swish', 'silu'),
  norm_eps: epsilon.default(1e-6),
  elementwise_affine: only(true),
  qkv_bias: z.boolean().nullish(),
  qk_norm: only(false),
  window_size: count.nullish(),
  rope_theta: z.number().gt(1).default(10_000),
  max_position_embeddings: count.default(USUAL_LENGTH),
  attnres_block_size: z.null().optional(),
});

const WHERE = 'Transformer++';
const HEAD = 'lm_head.weight';

export const transformerPlusPlus: WeightFamily = {
  name: WHERE,
  modelType: 'transformer',
  architecture: 'TransformerForCausalLM',
  head: HEAD,
  read(fields, where, names) {
    const config = readFields(schema, fields, where, FLA_IDLE);
    const { hidden_size: dModel, num_heads: nHeads, qkv_bias } = config;
    const bias = qkv_bias ? { q: true, k: true, v: true, o: false } : false;
    const layer = {
      sequenceMixer: createAttention(
        {
          dModel,
          nHeads,
          nKvHeads: config.num_kv_heads ?? nHeads,
          bias,
          dropout: 0,
          positional: 'rope',
          ropeBase: config.rope_theta,
        },
        config.window_size,
      ),
      channelMixer: swiGlu({
        dModel,
        dHidden: config.intermediate_size ?? widthOfRatio(dModel, config.hidden_ratio ?? 4),
      }),
    };
    return {
      model: readBackbone(config, layer, { norm: 'rmsNorm', normEps: config.norm_eps, hasHead: names.has(HEAD) }),
      maxLength: config.max_position_embeddings,
    };
  },
  write(model, maxLength) {
    const { attention, dHidden, normEps } = partsOf(model);
    const { nHeads, nKvHeads, headDim, bias, window } = attention;
    requireOptions(WHERE, model.mixer, { positional: 'rope', rotaryFraction: 1, contextExtension: undefined });
    if (headDim !== model.dModel / nHeads) throw unplaced(WHERE, 'heads of dModel / nHeads columns', `${headDim}`);
    return {
      ...writeBackbone(model),
      num_heads: nHeads,
      num_kv_heads: nKvHeads,
      intermediate_size: dHidden,
      hidden_act: 'swish',
      norm_eps: normEps,
      qkv_bias: bias.q,
      qk_norm: false,
      window_size: window ?? null,
      rope_theta: model.mixer.config['ropeBase'],
      max_position_embeddings: maxLength ?? USUAL_LENGTH,
    };
  },
  tensors(model) {
    const { dModel } = model;
    const { attention, dHidden } = partsOf(model);
    const names = {
      embedding: 'model.embeddings.weight',
      norm: [same('model.norm.weight', 'normF.weight', [dModel])],
      head: HEAD,
    };
    return backboneTensors(model, names, (index) => {
      const [name, path] = [`model.layers.${index}`, `layers.${index}`];
      return [
        same(`${name}.attn_norm.weight`, `${path}.norm1.weight`, [dModel]),
        ...projectionTensors(`${name}.attn`, `${path}.mixer`, dModel, attention),
        same(`${name}.mlp_norm.weight`, `${path}.norm2.weight`, [dModel]),
        ...swiGluTensors(`${name}.mlp`, `${path}.channel`, { dModel, dHidden }),
      ];
    });
  },
};

function partsOf(model: UniformModel) {
  const attention = attentionOf(WHERE, model.mixer);
  const { q, k, v, o } = attention.bias;
  if (o || q !== k || k !== v) throw unplaced(WHERE, 'biases of q, k and v or none', JSON.stringify(attention.bias));
  requireResidual(WHERE, model, ['sequential']);
  return { attention, dHidden: swiGluWidth(WHERE, model.channel), normEps: epsOf(WHERE, model, 'rmsNorm') };
}
