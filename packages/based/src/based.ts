/**
 * Based: linear attention with a second-order Taylor feature map.
 *
 *   Q = x W_q, K = x W_k [B, L, H f];  V = x W_v [B, L, H p];  y = taylorAttention(Q, K, V) W_o
 *
 * Code to paper: `featureDim` is f (d' in the paper), `headDim` p = d / H. Recurrent form: the state holds
 * sum_s phi(k_s) [v_s, 1]^T with the packed features, H (p + 1) D_phi numbers whatever the length.
 *
 * Sources: 1. Arora et al. 2024 (arXiv 2402.18668). 2. HazyResearch/zoology `mixers/based.py`,
 * `feature_maps/taylor.py` (same function; there f^2 + f + 1 unpacked features).
 */
import {
  defineMixer,
  foldIn,
  linear,
  type Mixer,
  type MixerFactory,
  randomNormal,
  type Tree,
  tf,
} from '@mixerzoo/core';
import { z } from 'zod';
import { packedFeatures, taylorFeatures } from './ops/taylor-attention/features.js';
import { taylorAttention } from './ops/taylor-attention/index.js';
import { CHUNK, quadraticCrossover, splitHeads } from './ops/taylor-attention/reference.js';

/** Tokens whose features `prefill` holds at a time. */
const PREFILL_CHUNK = 1024;

/** Config of {@link based}. */
export const basedSchema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z.int().positive().default(1).describe('heads H; must divide dModel'),
    featureDim: z
      .int()
      .positive()
      .default(8)
      .describe('query and key width f of a head; 8, 16 or 24 in the literature'),
    eps: z.number().nonnegative().default(1e-12).describe('added to the normaliser'),
  })
  .refine(({ dModel, nHeads }) => dModel % nHeads === 0, {
    error: ({ input }) => {
      const { dModel, nHeads } = input as { dModel: number; nHeads: number };
      return `expected nHeads to divide dModel, got ${nHeads} and ${dModel}. Change one of them`;
    },
  });

type Projection = { weight: tf.Tensor2D };

/** Bias-free projections: q, k [d, H f]; v, o [d, d]. */
export type BasedParams = Tree & { qProj: Projection; kProj: Projection; vProj: Projection; oProj: Projection };

/** `sums` [B, H, D_phi, p + 1]: sum_s phi(k_s) [v_s, 1]^T. */
export type BasedState = Tree & { sums: tf.Tensor4D };

/**
 * Based: attention whose weights are `1 + s + s^2 / 2` of `s = q . k / sqrt(f)`, the Taylor polynomial of exp(s), divided by
 * their sum. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example based({ dModel: 64, featureDim: 16 })
 */
export const based: MixerFactory<typeof basedSchema, Mixer<BasedParams, BasedState>> = defineMixer({
  name: 'based',
  summary: 'Linear attention with a second-order Taylor feature map (Based).',
  schema: basedSchema,
  create({ dModel, nHeads, featureDim, eps }) {
    const headDim = dModel / nHeads;
    const features = packedFeatures(featureDim);
    const keyWidth = nHeads * featureDim;

    const apply = ({ qProj, kProj, vProj, oProj }: BasedParams, x: tf.Tensor3D) => {
      const heads = taylorAttention({ q: linear(x, qProj), k: linear(x, kProj), v: linear(x, vProj) }, { nHeads, eps });
      return linear(heads, oProj);
    };

    /** [v, 1] of every head: [B, L, d] -> [B H, L, p + 1]. */
    const extendedValues = (v: tf.Tensor3D) =>
      tf.concat3d([splitHeads(v, nHeads), tf.ones([v.shape[0] * nHeads, v.shape[1], 1])], 2);

    return {
      init(seed: number, nLayers = 1): BasedParams {
        const projection = (name: string, columns: number, std = 0.02) => ({
          weight: randomNormal<tf.Rank.R2>([dModel, columns], std, foldIn(seed, name)),
        });
        return {
          qProj: projection('qProj', keyWidth),
          kProj: projection('kProj', keyWidth),
          vProj: projection('vProj', dModel),
          oProj: projection('oProj', dModel, 0.02 / Math.sqrt(2 * nLayers)),
        };
      },
      apply,
      initState: (batchSize: number): BasedState => ({ sums: tf.zeros([batchSize, nHeads, features, headDim + 1]) }),
      step({ qProj, kProj, vProj, oProj }: BasedParams, x: tf.Tensor2D, state: BasedState) {
        const [batch] = x.shape;
        const [y, sums] = tf.tidy(() => {
          const token = x.expandDims<tf.Tensor3D>(1);
          const phi = (projection: Projection) => taylorFeatures(splitHeads(linear(token, projection), nHeads));
          const added = tf.matMul(phi(kProj), extendedValues(linear(token, vProj)), true); // [B H, D_phi, p + 1]
          const next = state.sums.add<tf.Tensor4D>(added.reshape(state.sums.shape));
          const read = tf.matMul(phi(qProj), next.reshape<tf.Tensor3D>([batch * nHeads, features, headDim + 1]));
          const o = read.slice([0, 0, 0], [-1, -1, headDim]).div(read.slice([0, 0, headDim]).add(eps));
          return [linear(o.reshape<tf.Tensor2D>([batch, dModel]), oProj), next];
        });
        state.sums.dispose();
        return { y, state: { sums } };
      },
      prefill(params: BasedParams, x: tf.Tensor3D) {
        const [batch, length] = x.shape;
        return tf.tidy(() => {
          const keys = splitHeads(linear(x, params.kProj), nHeads);
          const values = extendedValues(linear(x, params.vProj));
          const parts = Array.from({ length: Math.ceil(length / PREFILL_CHUNK) }, (_, index) => {
            const start = index * PREFILL_CHUNK;
            const part = (rows: tf.Tensor3D) =>
              rows.slice([0, start, 0], [-1, Math.min(PREFILL_CHUNK, length - start), -1]);
            return tf.tidy(() => tf.matMul(taylorFeatures(part(keys)), part(values), true));
          });
          const sums = tf.addN(parts).reshape<tf.Tensor4D>([batch, nHeads, features, headDim + 1]);
          return { y: apply(params, x), state: { sums } };
        });
      },
      stateSize: () => nHeads * (headDim + 1) * features,
      flops(seqLen: number) {
        const projections = 2 * seqLen * dModel * (2 * keyWidth + 2 * dModel);
        const chunkwise = seqLen > quadraticCrossover(featureDim, headDim);
        const within = 2 * seqLen * (chunkwise ? CHUNK : seqLen) * (featureDim + headDim + 1);
        const across = chunkwise ? 4 * seqLen * features * (headDim + 1) : 0;
        return projections + nHeads * (within + across);
      },
    };
  },
});
