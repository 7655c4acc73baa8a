/**
 * Causal attention with weights phi(q_t) . phi(k_s) on the webgpu engine, linear in L: in chunks of 128 tokens that run side by
 * side (Hua et al. 2022; Yang et al. 2024).
 *
 *   within a chunk   the tiles of `pairwise.ts`, with chunks for sequences
 *   across chunks    o_t += phi(q_t) S,   S = sum of phi(k_s) [v_s 1]^T over earlier chunks; the ones sum up the normaliser
 *   backward         g_t = [do_t  -do_t . o_t + N_t dN_t] / N_t,   T = sum of phi(q_t) g_t^T over later chunks
 *                    dphi(q_t) = S g_t,   dphi(k_s) = T [v_s 1],   dv_s += T^T phi(k_s)
 *
 * This file is the order of things; `chunkwise-rows.ts` what they are made of: beside matrix products
 * only elementwise work. Sequences pass through in parts that fit into a bounded memory.
 */
import { dims } from '../../dims.js';
import * as tf from '../../tf.js';
import {
  addSlopes,
  type ChunkwiseForm,
  carry,
  eachToken,
  featureRows,
  gradientRows,
  inChunks,
  normaliserAt,
  outerProducts,
  partsOf,
  sizesOf,
  throughStates,
  valueRows,
} from './chunkwise-rows.js';
import type { WebgpuCall } from './kernel.js';
import { pairwiseForward } from './pairwise.js';
import { pairwiseBackward } from './pairwise-gradient.js';
import type { PairwiseInputs } from './pairwise-tiles.js';
import { tensor, wgsl } from './wgsl.js';

export type { ChunkwiseForm, FeatureMap } from './chunkwise-rows.js';
export { FEATURE_GRADIENT, FEATURE_INPUT } from './chunkwise-rows.js';

const SUMS = tensor('sums');

/** o [B, L, H r] and the normaliser (ones where there is none), as `pairwiseForward` has them. */
export function chunkwiseForward(
  gpu: WebgpuCall,
  inputs: PairwiseInputs,
  form: ChunkwiseForm,
): { o: tf.Tensor3D; normaliser: tf.Tensor3D } {
  const sizes = sizesOf(inputs, form);
  if (sizes.chunks === 1) return pairwiseForward(gpu, inputs, form);
  const { q, k, v } = inputs;
  const { batch, length, nHeads, r } = sizes;
  const within = inChunks(sizes, { q, k, v }, (chunks) =>
    pairwiseForward(gpu, chunks as unknown as PairwiseInputs, { ...form, headsLast: true }),
  );
  const o = gpu.output([batch, length, nHeads * r]);
  const normaliser = gpu.output(form.headsLast ? [batch, length, nHeads] : [batch, nHeads, length]);
  const [phi, values, states] = [sizes.features, sizes.values, sizes.states].map((size) => gpu.scratch([size])) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const sums = gpu.scratch([sizes.values]);
  for (const part of partsOf(sizes)) {
    valueRows(gpu, v, values, part, form);
    featureRows(gpu, k, phi, part, form.features, form.features.keyFactor);
    outerProducts(gpu, phi, values, states, part);
    carry(gpu, states, part, 'forward');
    featureRows(gpu, q, phi, part, form.features, form.features.queryFactor);
    throughStates(gpu, phi, states, sums, part, 'toValues');
    eachToken(gpu, part, 'r', {
      code: wgsl`
  let share = ${tensor('within')}[inChunk];
  let all = ${form.normalize ? wgsl`share + ${SUMS}[padded * u.columns + u.r]` : '1.0'};
  o[element] = (${tensor('withinO')}[inChunk * u.r + column] * share + ${SUMS}[padded * u.columns + column]) / all;
  if (column == 0) { normaliser[${normaliserAt(form)}] = all; }`,
      tensors: { within: within.normaliser, withinO: within.o, sums },
      write: { o, normaliser },
    });
  }
  tf.dispose(within);
  return { o, normaliser };
}

/** Gradients; `dNormaliser` is that of the normaliser, where one flows into it. */
export function chunkwiseBackward(
  gpu: WebgpuCall,
  inputs: PairwiseInputs & {
    readonly o: tf.Tensor;
    readonly normaliser: tf.Tensor;
    readonly dO: tf.Tensor;
    readonly dNormaliser?: tf.Tensor | undefined;
  },
  form: ChunkwiseForm,
): { dq: tf.Tensor3D; dk: tf.Tensor3D; dv: tf.Tensor3D } {
  const sizes = sizesOf(inputs, form);
  if (sizes.chunks === 1) return pairwiseBackward(gpu, inputs, form);
  const { q, k, v, o, normaliser, dO, dNormaliser } = inputs;
  const heads = (x: tf.Tensor) => (form.headsLast ? x : tf.transpose(x, [0, 2, 1]));
  const normalisers = tf.tidy(() => ({
    normaliser: heads(normaliser).clone(),
    ...(dNormaliser && { dNormaliser: heads(dNormaliser).clone() }),
  }));
  // Weights and row terms are those of the whole sequence: the tiles within chunks need no more.
  const within = inChunks(sizes, { q, k, v, o, dO, ...normalisers }, (chunks) =>
    pairwiseBackward(gpu, chunks as unknown as Parameters<typeof pairwiseBackward>[1], { ...form, headsLast: true }),
  );
  const [dq, dk, dv] = [q, k, v].map((x) => gpu.output(dims(x, 3))) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const [phi, dPhi, values, gradients, states] = [
    sizes.features,
    sizes.features,
    sizes.values,
    sizes.values,
    sizes.states,
  ].map((size) => gpu.scratch([size])) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const { features } = form;
  for (const part of partsOf(sizes)) {
    valueRows(gpu, v, values, part, form);
    gradientRows(gpu, { o, dO, normaliser, dNormaliser }, gradients, part, form);
    featureRows(gpu, k, phi, part, features, features.keyFactor);
    outerProducts(gpu, phi, values, states, part);
    carry(gpu, states, part, 'forward');
    throughStates(gpu, gradients, states, dPhi, part, 'toFeatures');
    addSlopes(gpu, q, within.dq, dPhi, dq, part, features, features.queryFactor);

    featureRows(gpu, q, phi, part, features, features.queryFactor);
    outerProducts(gpu, phi, gradients, states, part);
    carry(gpu, states, part, 'backward');
    throughStates(gpu, values, states, dPhi, part, 'toFeatures');
    addSlopes(gpu, k, within.dk, dPhi, dk, part, features, features.keyFactor);

    featureRows(gpu, k, phi, part, features, features.keyFactor);
    throughStates(gpu, phi, states, gradients, part, 'toValues');
    eachToken(gpu, part, 'r', {
      code: wgsl`dv[element] = ${tensor('withinDv')}[inChunk * u.r + column] + ${SUMS}[padded * u.columns + column];`,
      tensors: { withinDv: within.dv, sums: gradients },
      write: { dv },
    });
  }
  tf.dispose([within, normalisers] as never);
  return { dq, dk, dv };
}
