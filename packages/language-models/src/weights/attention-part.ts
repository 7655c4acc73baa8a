/** Softmax attention of the checkpoints that have it: one mixer for all of them, with or without a window. */
import { attention, slidingWindow } from '@mixerzoo/attention';
import type { z } from 'zod';
import { linear, type StoredLayout } from './layout.js';
import { type Part, requirePart } from './uniform-model.js';

type AttentionConfig = z.input<typeof attention.schema>;

/** @param window - tokens a query sees, its own included; null for all. */
export function createAttention(config: AttentionConfig, window?: number | null) {
  return window ? slidingWindow({ ...config, window }) : attention(config);
}

/** The sizes of a model's attention, and which of its projections have biases. */
export function attentionOf(where: string, part: Part) {
  const { config } = requirePart(where, 'the mixer', part, ['attention', 'slidingWindow']);
  const given = config as {
    dModel: number;
    nHeads: number;
    nKvHeads?: number;
    headDim?: number;
    dropout: number;
    window?: number;
    bias: boolean | { q?: boolean; k?: boolean; v?: boolean; o?: boolean };
  };
  const { nHeads, nKvHeads = nHeads, headDim = given.dModel / nHeads, dropout, window } = given;
  const bias = (role: 'q' | 'k' | 'v' | 'o') =>
    typeof given.bias === 'boolean' ? given.bias : (given.bias[role] ?? false);
  return {
    nHeads,
    nKvHeads,
    headDim,
    queryWidth: nHeads * headDim,
    kvWidth: nKvHeads * headDim,
    dropout,
    window,
    bias: { q: bias('q'), k: bias('k'), v: bias('v'), o: bias('o') },
  };
}

/** `q_proj`, `k_proj`, `v_proj` and `o_proj`. */
export function projectionTensors(
  name: string,
  path: string,
  dModel: number,
  { queryWidth, kvWidth, bias }: ReturnType<typeof attentionOf>,
): readonly StoredLayout[] {
  return [
    ...linear(`${name}.q_proj`, `${path}.qProj`, [dModel, queryWidth], bias.q),
    ...linear(`${name}.k_proj`, `${path}.kProj`, [dModel, kvWidth], bias.k),
    ...linear(`${name}.v_proj`, `${path}.vProj`, [dModel, kvWidth], bias.v),
    ...linear(`${name}.o_proj`, `${path}.oProj`, [queryWidth, dModel], bias.o),
  ];
}
