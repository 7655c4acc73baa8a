/**
 * Mamba: `modeling_mamba.py` of transformers, which the `-hf` repositories of its authors are made for. Their other ones
 * differ in the embedding's name, config.json, and weights that are pickled.
 */
import { mamba as mambaMixer } from '@mixerzoo/mamba';
import * as z from 'zod';
import { backboneFields, backboneTensors, readBackbone, writeBackbone } from './backbone.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, only, readFields } from './fields.js';
import { linear, same, taps } from './layout.js';
import { epsOf, requirePart, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

/** Fields that say how weights start, choose among kernels, or say in the words of the authors' code what others say. */
export const MAMBA_IDLE = [
  'chunk_size',
  'd_inner',
  'd_model',
  'fused_add_norm',
  'n_layer',
  'pad_vocab_size_multiple',
  'rescale_prenorm_residual',
  'residual_in_fp32',
  'ssm_cfg',
  'time_step_floor',
  'time_step_init_scheme',
  'time_step_max',
  'time_step_min',
  'time_step_scale',
  'use_associative_scan',
  'use_mambapy',
];

const schema = z.strictObject({
  ...backboneFields,
  state_size: count.default(16),
  conv_kernel: count.default(4),
  expand: z.number().positive().default(2),
  intermediate_size: count.nullish(),
  time_step_rank: z.union([count, z.literal('auto')]).default('auto'),
  layer_norm_epsilon: epsilon.default(1e-5),
  hidden_act: only('silu', 'swish'),
  rms_norm: only(true),
  use_bias: only(false),
  use_conv_bias: only(true),
});

const WHERE = 'Mamba';
const HEAD = 'lm_head.weight';

export const mamba: WeightFamily = {
  name: WHERE,
  modelType: 'mamba',
  architecture: 'MambaForCausalLM',
  head: HEAD,
  read(fields, where, names) {
    const config = readFields(
      schema.refine(({ expand, hidden_size, intermediate_size }) => {
        return (intermediate_size ?? Math.trunc(expand * hidden_size)) === expand * hidden_size;
      }, 'expected an intermediate_size of expand hidden_size'),
      fields,
      where,
      MAMBA_IDLE,
    );
    const { hidden_size: dModel } = config;
    const layer = {
      sequenceMixer: mambaMixer({
        dModel,
        dState: config.state_size,
        dConv: config.conv_kernel,
        expand: config.expand,
        dtRank: config.time_step_rank,
      }),
      residual: 'mixerOnly' as const,
    };
    return {
      model: readBackbone(config, layer, {
        norm: 'rmsNorm',
        normEps: config.layer_norm_epsilon,
        hasHead: names.has(HEAD),
      }),
    };
  },
  write(model) {
    const { dState, dConv, expand, inner, dtRank } = sizesOf(model);
    return {
      ...writeBackbone(model),
      state_size: dState,
      conv_kernel: dConv,
      expand,
      intermediate_size: inner,
      time_step_rank: dtRank,
      layer_norm_epsilon: epsOf(WHERE, model, 'rmsNorm'),
      hidden_act: 'silu',
      use_bias: false,
      use_conv_bias: true,
    };
  },
  tensors(model) {
    const { dModel } = model;
    const { dState, dConv, inner, dtRank } = sizesOf(model);
    const names = {
      embedding: 'backbone.embeddings.weight',
      norm: [same('backbone.norm_f.weight', 'normF.weight', [dModel])],
      head: HEAD,
    };
    return backboneTensors(model, names, (index) => {
      const [name, path] = [`backbone.layers.${index}.mixer`, `layers.${index}.mixer`];
      return [
        same(`backbone.layers.${index}.norm.weight`, `layers.${index}.norm1.weight`, [dModel]),
        ...linear(`${name}.in_proj`, `${path}.inProj`, [dModel, 2 * inner]),
        taps(`${name}.conv1d.weight`, `${path}.convWeight`, [inner, dConv]),
        same(`${name}.conv1d.bias`, `${path}.convBias`, [inner]),
        ...linear(`${name}.x_proj`, `${path}.xProj`, [inner, dtRank + 2 * dState]),
        ...linear(`${name}.dt_proj`, `${path}.dtProj`, [dtRank, inner], true),
        same(`${name}.A_log`, `${path}.aLog`, [inner, dState]),
        same(`${name}.D`, `${path}.dSkip`, [inner]),
        ...linear(`${name}.out_proj`, `${path}.outProj`, [inner, dModel]),
      ];
    });
  },
};

function sizesOf(model: UniformModel) {
  requireResidual(WHERE, model, ['mixerOnly']);
  const { config } = requirePart(WHERE, 'the mixer', model.mixer, ['mamba']);
  const { dState, dConv, expand, dtRank } = config as {
    dState: number;
    dConv: number;
    expand: number;
    dtRank: number | 'auto';
  };
  if (!Number.isInteger(expand)) throw unplaced(WHERE, 'a whole number for expand', `${expand}`);
  return {
    dState,
    dConv,
    expand,
    inner: expand * model.dModel,
    dtRank: dtRank === 'auto' ? Math.ceil(model.dModel / 16) : dtRank,
  };
}
