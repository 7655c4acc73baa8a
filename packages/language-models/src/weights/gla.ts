/**
 * GLA of flash-linear-attention, `models/gla`. Files from before February 2025 hold gate and up projection of the gated
 * perceptron in one `gate_proj`, gate first; the gate's norm is `g_norm_swish_gate`, or `g_norm` where it is not fused.
 */
import { swiGlu } from '@mixerzoo/core';
import { gla as glaMixer } from '@mixerzoo/gla';
import * as z from 'zod';
import { backboneFields, backboneTensors, readBackbone, writeBackbone } from './backbone.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, FLA_IDLE, only, readFields, USUAL_LENGTH } from './fields.js';
import { linear, same } from './layout.js';
import { swiGluTensors, swiGluWidth, widthOfRatio } from './swi-glu-part.js';
import { epsOf, requirePart, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

/** What the layer of flash-linear-attention has where a model's config.json does not say. */
const [LOW_RANK, NORMALIZER] = [16, 16];

const schema = z
  .strictObject({
    ...backboneFields,
    num_heads: count.default(4),
    num_kv_heads: count.nullish(),
    expand_k: z.number().positive().default(0.5),
    expand_v: z.number().positive().default(1),
    intermediate_size: count.nullish(),
    hidden_ratio: z.number().positive().nullish(),
    hidden_act: only('swish', 'silu'),
    gate_fn: only('swish', 'silu'),
    gate_low_rank_dim: count.default(LOW_RANK),
    gate_logit_normalizer: z.number().positive().default(NORMALIZER),
    norm_eps: epsilon.default(1e-6),
    elementwise_affine: only(true),
    feature_map: z.null().optional(),
    clamp_min: z.null().optional(),
    use_short_conv: only(false),
    use_output_gate: only(true),
    use_gk: only(true),
    use_gv: only(false),
    attn: z.null().optional(),
    attnres_block_size: z.null().optional(),
    max_position_embeddings: count.nullish(),
  })
  .check(({ value, issues }) => {
    const { num_heads, num_kv_heads } = value;
    if ((num_kv_heads ?? num_heads) === num_heads) return;
    const message = `expected num_kv_heads of num_heads ${num_heads}, got ${num_kv_heads}`;
    issues.push({ code: 'custom', message, input: value });
  });

const WHERE = 'GLA';
const HEAD = 'lm_head.weight';

export const gla: WeightFamily = {
  name: WHERE,
  modelType: 'gla',
  architecture: 'GLAForCausalLM',
  head: HEAD,
  read(fields, where, names) {
    const config = readFields(schema, fields, where, FLA_IDLE);
    const { hidden_size: dModel, norm_eps: normEps } = config;
    const layer = {
      sequenceMixer: glaMixer({
        dModel,
        nHeads: config.num_heads,
        expandK: config.expand_k,
        expandV: config.expand_v,
        gateLowRank: config.gate_low_rank_dim,
        gateLogitNormalizer: config.gate_logit_normalizer,
        normEps,
      }),
      channelMixer: swiGlu({
        dModel,
        dHidden: config.intermediate_size ?? widthOfRatio(dModel, config.hidden_ratio ?? 4),
      }),
    };
    return {
      model: readBackbone(config, layer, { norm: 'rmsNorm', normEps, hasHead: names.has(HEAD) }),
    };
  },
  write(model, maxLength) {
    const { nHeads, expandK, expandV, gateLowRank, gateLogitNormalizer, normEps, dHidden } = sizesOf(model);
    const eps = epsOf(WHERE, model, 'rmsNorm');
    if (normEps !== eps) throw unplaced(WHERE, 'one eps for all norms', `${normEps} and ${eps}`);
    if (gateLowRank !== LOW_RANK || gateLogitNormalizer !== NORMALIZER) {
      throw unplaced(
        WHERE,
        `gateLowRank ${LOW_RANK} and gateLogitNormalizer ${NORMALIZER}`,
        `${gateLowRank} and ${gateLogitNormalizer}`,
      );
    }
    return {
      ...writeBackbone(model),
      num_heads: nHeads,
      expand_k: expandK,
      expand_v: expandV,
      intermediate_size: dHidden,
      hidden_act: 'swish',
      norm_eps: eps,
      max_position_embeddings: maxLength ?? USUAL_LENGTH,
    };
  },
  tensors(model, stored) {
    const { dModel } = model;
    const { keyWidth, valueWidth, nHeads, gateLowRank, dHidden } = sizesOf(model);
    const merged = stored !== undefined && !stored.has('model.layers.0.mlp.up_proj.weight');
    const norm = stored?.has('model.layers.0.attn.g_norm.weight') ? 'g_norm' : 'g_norm_swish_gate';
    const names = {
      embedding: 'model.embeddings.weight',
      norm: [same('model.norm.weight', 'normF.weight', [dModel])],
      head: HEAD,
    };
    return backboneTensors(model, names, (index) => {
      const layer = `model.layers.${index}`;
      const [name, path] = [`${layer}.attn`, `layers.${index}.mixer`];
      return [
        same(`${layer}.attn_norm.weight`, `layers.${index}.norm1.weight`, [dModel]),
        ...linear(`${name}.q_proj`, `${path}.qProj`, [dModel, keyWidth]),
        ...linear(`${name}.k_proj`, `${path}.kProj`, [dModel, keyWidth]),
        ...linear(`${name}.v_proj`, `${path}.vProj`, [dModel, valueWidth]),
        ...linear(`${name}.g_proj`, `${path}.gProj`, [dModel, valueWidth]),
        ...linear(`${name}.gk_proj.0`, `${path}.gkDown`, [dModel, gateLowRank]),
        ...linear(`${name}.gk_proj.1`, `${path}.gkUp`, [gateLowRank, keyWidth], true),
        same(`${name}.${norm}.weight`, `${path}.gNorm.weight`, [valueWidth / nHeads]),
        ...linear(`${name}.o_proj`, `${path}.oProj`, [valueWidth, dModel]),
        same(`${layer}.mlp_norm.weight`, `layers.${index}.norm2.weight`, [dModel]),
        ...swiGluTensors(`${layer}.mlp`, `layers.${index}.channel`, { dModel, dHidden }, merged),
      ];
    });
  },
};

function sizesOf(model: UniformModel) {
  requireResidual(WHERE, model, ['sequential']);
  const { config } = requirePart(WHERE, 'the mixer', model.mixer, ['gla']);
  const sizes = config as {
    nHeads: number;
    expandK: number;
    expandV: number;
    gateLowRank: number;
    gateLogitNormalizer: number;
    normEps: number;
  };
  return {
    ...sizes,
    keyWidth: Math.round(sizes.expandK * model.dModel),
    valueWidth: Math.round(sizes.expandV * model.dModel),
    dHidden: swiGluWidth(WHERE, model.channel),
  };
}
