/**
 * Mamba-2: `modeling_mamba2.py` of transformers. Its gated norm is over all columns however many groups there are, as ours;
 * that of its authors' code is per group where there are several.
 */
import { mamba2 as mamba2Mixer } from '@mixerzoo/mamba';
import * as z from 'zod';
import { backboneFields, backboneTensors, readBackbone, writeBackbone } from './backbone.js';
import type { WeightFamily } from './family.js';
import { count, epsilon, only, readFields } from './fields.js';
import { linear, same, taps } from './layout.js';
import { MAMBA_IDLE } from './mamba.js';
import { epsOf, requireOptions, requirePart, requireResidual, type UniformModel, unplaced } from './uniform-model.js';

/** A bound, which Python may have written as `{ "__float__": "Infinity" }`. */
const bound = z.preprocess(
  (value) => {
    const text = (value as { __float__?: unknown } | null)?.__float__;
    return typeof text === 'string' ? Number(text) : value;
  },
  z.union([z.number().min(0), z.literal(Number.POSITIVE_INFINITY)]),
);

const schema = z
  .strictObject({
    ...backboneFields,
    num_heads: count,
    head_dim: count,
    state_size: count.default(128),
    n_groups: count.default(8),
    conv_kernel: count.default(4),
    expand: z.number().positive().default(2),
    time_step_limit: z.tuple([bound, bound]).nullish(),
    layer_norm_epsilon: epsilon.default(1e-5),
    hidden_act: only('silu', 'swish'),
    rms_norm: only(true),
    use_bias: only(false),
    use_conv_bias: only(true),
    norm_before_gate: only(false),
  })
  .check(({ value, issues }) => {
    const { expand, hidden_size, num_heads, head_dim } = value;
    if (expand * hidden_size === num_heads * head_dim) return;
    const message = `expected num_heads head_dim to be expand hidden_size, got ${num_heads * head_dim} and ${expand * hidden_size}`;
    issues.push({ code: 'custom', message, input: value });
  });

/** The largest float32 stands for no bound where JSON has no Infinity. */
const LARGEST = 3.4028234663852886e38;

const WHERE = 'Mamba-2';
const HEAD = 'lm_head.weight';

export const mamba2: WeightFamily = {
  name: WHERE,
  modelType: 'mamba2',
  architecture: 'Mamba2ForCausalLM',
  head: HEAD,
  read(fields, where, names) {
    const config = readFields(schema, fields, where, [...MAMBA_IDLE, 'time_step_rank']);
    const { hidden_size: dModel } = config;
    const [min, max] = config.time_step_limit ?? [0, Number.POSITIVE_INFINITY];
    const layer = {
      sequenceMixer: mamba2Mixer({
        dModel,
        dState: config.state_size,
        dConv: config.conv_kernel,
        expand: config.expand,
        headDim: config.head_dim,
        nGroups: config.n_groups,
        normEps: config.layer_norm_epsilon,
        ...((min > 0 || max < LARGEST) && { dtLimit: { min, ...(max < LARGEST && { max }) } }),
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
    const { dState, dConv, expand, nHeads, headDim, nGroups, dtLimit, normEps } = sizesOf(model);
    requireOptions(WHERE, model.mixer, { normBeforeGate: false });
    const eps = epsOf(WHERE, model, 'rmsNorm');
    if (normEps !== eps) throw unplaced(WHERE, 'one eps for all norms', `${normEps} and ${eps}`);
    return {
      ...writeBackbone(model),
      num_heads: nHeads,
      head_dim: headDim,
      state_size: dState,
      n_groups: nGroups,
      conv_kernel: dConv,
      expand,
      ...(dtLimit && { time_step_limit: [dtLimit.min, dtLimit.max ?? LARGEST] }),
      layer_norm_epsilon: eps,
      hidden_act: 'silu',
      use_bias: false,
      use_conv_bias: true,
    };
  },
  tensors(model) {
    const { dModel } = model;
    const { dState, dConv, inner, nHeads, nGroups } = sizesOf(model);
    const convolved = inner + 2 * nGroups * dState;
    const names = {
      embedding: 'backbone.embeddings.weight',
      norm: [same('backbone.norm_f.weight', 'normF.weight', [dModel])],
      head: HEAD,
    };
    return backboneTensors(model, names, (index) => {
      const [name, path] = [`backbone.layers.${index}.mixer`, `layers.${index}.mixer`];
      return [
        same(`backbone.layers.${index}.norm.weight`, `layers.${index}.norm1.weight`, [dModel]),
        ...linear(`${name}.in_proj`, `${path}.inProj`, [dModel, inner + convolved + nHeads]),
        taps(`${name}.conv1d.weight`, `${path}.convWeight`, [convolved, dConv]),
        same(`${name}.conv1d.bias`, `${path}.convBias`, [convolved]),
        same(`${name}.dt_bias`, `${path}.dtBias`, [nHeads]),
        same(`${name}.A_log`, `${path}.aLog`, [nHeads]),
        same(`${name}.D`, `${path}.dSkip`, [nHeads]),
        same(`${name}.norm.weight`, `${path}.norm.weight`, [inner]),
        ...linear(`${name}.out_proj`, `${path}.outProj`, [inner, dModel]),
      ];
    });
  },
};

function sizesOf(model: UniformModel) {
  requireResidual(WHERE, model, ['mixerOnly']);
  const { config } = requirePart(WHERE, 'the mixer', model.mixer, ['mamba2']);
  const { expand, headDim, ...rest } = config as {
    dState: number;
    dConv: number;
    expand: number;
    headDim?: number;
    nGroups: number;
    normEps: number;
    dtLimit?: { min: number; max?: number };
  };
  const inner = Math.round(expand * model.dModel);
  if (!Number.isInteger(expand)) throw unplaced(WHERE, 'a whole number for expand', `${expand}`);
  if (headDim === undefined) throw unplaced(WHERE, 'a headDim that is given', 'none');
  return { ...rest, expand, inner, headDim, nHeads: inner / headDim };
}
