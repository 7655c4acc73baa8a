/**
 * Mamba: `modeling_mamba.py` of transformers, which the `-hf` repositories of its authors are made for. Their other ones
 * differ in the embedding's name, config.json, and weights that are pickled.
 */
import { mamba as mambaMixer } from '@mixerzoo/mamba';
import { z } from 'zod';
import type { WeightFamily } from './family.js';
import { count, epsilon, only, readFields, tied } from './fields.js';
import { linear, same, taps } from './layout.js';
import { epsOf, requirePart, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

/** Fields that say how weights start, or choose among kernels. */
export const MAMBA_IDLE = [
  'chunk_size',
  'rescale_prenorm_residual',
  'residual_in_fp32',
  'time_step_floor',
  'time_step_init_scheme',
  'time_step_max',
  'time_step_min',
  'time_step_scale',
  'use_associative_scan',
  'use_mambapy',
];

const schema = z.strictObject({
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
  state_size: count.default(16),
  conv_kernel: count.default(4),
  expand: z.number().positive().default(2),
  intermediate_size: count.nullish(),
  time_step_rank: z.union([count, z.literal('auto')]).default('auto'),
  layer_norm_epsilon: epsilon.default(1e-5),
  hidden_act: only('silu', 'swish'),
  use_bias: only(false),
  use_conv_bias: only(true),
  tie_word_embeddings: tied,
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
      model: {
        vocabSize: config.vocab_size,
        dModel,
        layers: Array.from({ length: config.num_hidden_layers }, () => layer),
        norm: 'rmsNorm',
        normEps: config.layer_norm_epsilon,
        dropout: { embedding: 0, residual: 0 },
        tieEmbeddings: config.tie_word_embeddings ?? !names.has(HEAD),
      },
    };
  },
  write(model) {
    const { dState, dConv, expand, inner, dtRank } = sizesOf(model);
    return {
      vocab_size: model.vocabSize,
      hidden_size: model.dModel,
      num_hidden_layers: model.nLayers,
      state_size: dState,
      conv_kernel: dConv,
      expand,
      intermediate_size: inner,
      time_step_rank: dtRank,
      layer_norm_epsilon: epsOf(WHERE, model, 'rmsNorm'),
      hidden_act: 'silu',
      use_bias: false,
      use_conv_bias: true,
      tie_word_embeddings: model.tied,
    };
  },
  tensors(model) {
    const { vocabSize, dModel, nLayers } = model;
    const { dState, dConv, inner, dtRank } = sizesOf(model);
    return [
      same('backbone.embeddings.weight', 'embedding.weight', [vocabSize, dModel]),
      ...Array.from({ length: nLayers }, (_, index) => {
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
      }).flat(),
      same('backbone.norm_f.weight', 'normF.weight', [dModel]),
      ...(model.tied ? [] : [same(HEAD, 'head.weight', [vocabSize, dModel])]),
    ];
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
