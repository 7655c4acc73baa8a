/**
 * RWKV-7 ("Goose"), its time mixing. For every role c of r, w, k, v, a, g: x_c = x_t + (x_{t-1} - x_t) o mix_c (token shift).
 *
 *   r, k, v = x_r W_r, x_k W_k, x_v W_v;  gate = sigmoid(x_g G1) G2
 *   log w   = -e^(-1/2) sigmoid(w0 + tanh(x_w W1) W2);  a = sigmoid(a0 + x_a A1 A2)       decay in (.545, 1), rate in (0, 1)
 *   v      <- v + (v_first - v) o sigmoid(v0 + x_v V1 V2)                                  from the second layer on; v_first that of the first
 *   kappa   = kK o k / |kK o k| per head;  k <- k o (1 + (a - 1) o kA)
 *   S_t     = diag(w_t) S_{t-1} - (a_t o kappa_t)(kappa_t^T S_{t-1}) + k_t v_t^T           per head, S [K, K]; what is removed is read before the decay
 *   y       = ((GroupNorm(S_t^T r_t) + (sum_c r_t k_t rK) v_t) o gate) W_o                 norm and sum per head
 *
 * Code to paper: kappa, a, v, w, g, r, k as there; `mix` its mu; kK, kA, rK its xi, alpha, rho; W1 W2 and the like its low-rank MLPs.
 *
 * Sources: 1. Peng et al. 2025 (arXiv 2503.14456), section 4.1, equations 3 to 19. 2. BlinkDL/RWKV-LM `RWKV-v7/train_temp/src/model.py`
 * (`RWKV_Tmix_x070`), whose initial values are those of {@link initMixes} and its neighbours, and whose optimizer's rates are `factors`.
 */
import {
  defineMixer,
  foldIn,
  type Mixer,
  type MixerFactory,
  randomUniform,
  ShapeError,
  type Tree,
  tf,
} from '@mixerzoo/core';
import {
  headDimOf,
  l2Norm,
  layerNorm,
  linear,
  type Projection,
  splitHeads,
  weightsOfValues,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { initMixes, initOrthogonal, initVectors, rankOf } from './initial-values.js';
import { rwkv7Scan, rwkv7ScanOutput } from './ops/rwkv7-scan/index.js';
import { CHUNK } from './ops/rwkv7-scan/reference.js';

/** RWKV-7's width of a head. */
const HEAD_DIM = 64;
/** |log w| at most. */
const MOST_DECAY = Math.exp(-0.5);
/** What the first layer leaves to those after it: its v. */
const FIRST_VALUE = 'rwkv7.v';

const rank = z.int().positive().optional();

const schema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z
      .int()
      .positive()
      .optional()
      .describe('heads H; default the fewest of at most 64 channels that divide dModel'),
    decayLowRank: rank.describe("rank of the decay's map; default 2.5 sqrt(d) in steps of 32"),
    rateLowRank: rank.describe("rank of the rate's map; default 2.5 sqrt(d) in steps of 32"),
    valueLowRank: rank.describe("rank of the value residual's map; default 1.7 sqrt(d) in steps of 32"),
    gateLowRank: rank.describe("rank of the gate's map; default 5 sqrt(d) in steps of 32"),
    normEps: z.number().positive().optional().describe('eps of the GroupNorm; default 1e-5 K'),
    valueResidual: z.boolean().default(true).describe("mix the first layer's values into those of later layers"),
    layer: z.int().nonnegative().default(0).describe('place among the layers of this mixer; a model sets it'),
    nLayers: z.int().positive().default(1).describe('layers of this mixer; a model sets it'),
  })
  .refine(({ layer, nLayers }) => layer < nLayers, {
    error: ({ input }) => {
      const { layer, nLayers } = input as { layer: number; nLayers: number };
      return `expected layer to be below nLayers, got ${layer} of ${nLayers}. Leave both out: a model sets them`;
    },
  })
  .transform(
    ({
      dModel,
      nHeads = headsOf(dModel),
      decayLowRank = rankOf(2.5, dModel),
      rateLowRank = rankOf(2.5, dModel),
      valueLowRank = rankOf(1.7, dModel),
      gateLowRank = rankOf(5, dModel),
      normEps = (1e-5 * dModel) / nHeads,
      ...rest
    }) => ({ dModel, nHeads, decayLowRank, rateLowRank, valueLowRank, gateLowRank, normEps, ...rest }),
  );

/** Options of {@link rwkv7}. */
export type Rwkv7Config = z.input<typeof schema>;

function headsOf(dModel: number): number {
  let nHeads = Math.ceil(dModel / HEAD_DIM);
  while (dModel % nHeads !== 0) nHeads += 1;
  return nHeads;
}

/** The roles of the token shift. */
type Role = 'r' | 'w' | 'k' | 'v' | 'a' | 'g';

/**
 * mix.* [d]; r, k, v, o [d, d]; factors w1 [d, rank] and w2 [rank, d], and so a and g; w0, a0, kK, kA [d]; rK [H, K]; lnX [d]. With a value
 * residual, from the second layer on, v0, v1 and v2 too.
 */
export type Rwkv7Params = Tree & {
  mix: { readonly [role in Role]: tf.Tensor1D };
  rProj: Projection;
  kProj: Projection;
  vProj: Projection;
  oProj: Projection;
  w0: tf.Tensor1D;
  w1: tf.Tensor2D;
  w2: tf.Tensor2D;
  a0: tf.Tensor1D;
  a1: tf.Tensor2D;
  a2: tf.Tensor2D;
  v0?: tf.Tensor1D;
  v1?: tf.Tensor2D;
  v2?: tf.Tensor2D;
  g1: tf.Tensor2D;
  g2: tf.Tensor2D;
  kK: tf.Tensor1D;
  kA: tf.Tensor1D;
  rK: tf.Tensor2D;
  lnX: { weight: tf.Tensor1D; bias: tf.Tensor1D };
};

/** `memory` [B, H, K, K], S after the last token, and that token, `last` [B, d]. */
export type Rwkv7State = { memory: tf.Tensor4D; last: tf.Tensor2D };

/**
 * RWKV-7's time mixing: a delta rule with decays and removal rates per channel, tokens mixed with the one before, values with those of
 * the first layer. Its state does not grow with the length. Each layer of a model starts in a way of its own (`layer`, `nLayers`).
 * @throws InvalidConfigError
 * @example rwkv7({ dModel: 128 })
 */
export const rwkv7: MixerFactory<typeof schema, Mixer<Rwkv7Params, Rwkv7State>> = defineMixer({
  name: 'rwkv7',
  summary: 'RWKV-7: a delta rule with decays and removal rates per channel, and token shift.',
  schema,
  atLayer: (config, { index, count }) => ({ ...config, layer: index, nLayers: count }),
  create(config) {
    const { dModel, nHeads, layer, normEps } = config;
    const headDim = headDimOf(dModel, nHeads);
    const place = { ...config, headDim };
    const takesFirst = config.valueResidual && layer > 0;
    const ranks = new Map([
      ['w', config.decayLowRank],
      ['a', config.rateLowRank],
      ...(takesFirst ? [['v', config.valueLowRank] as const] : []),
      ['g', config.gateLowRank],
    ]);

    /** [..., d] -> [..., H, K] and back. */
    const heads = <T extends tf.Tensor>(x: T) => x.reshape([...x.shape.slice(0, -1), nHeads, headDim]);
    const joined = <T extends tf.Tensor>(x: tf.Tensor, like: T) => x.reshape(like.shape) as T;

    /** All that is made of tokens x and those before them, [..., d] each. */
    function project<T extends tf.Tensor>(params: Rwkv7Params, x: T, before: T, first: T | undefined) {
      const change = before.sub<T>(x);
      const mixed = (role: Role) => change.mul<T>(params.mix[role]).add<T>(x);
      const lowRank = (y: T, down: tf.Tensor2D, up: tf.Tensor2D, bias?: tf.Tensor1D, between = (z: T): T => z) =>
        linear(between(linear(y, { weight: down })), { weight: up, ...(bias && { bias }) });
      const r = linear(mixed('r'), params.rProj);
      const k = linear(mixed('k'), params.kProj);
      const xV = mixed('v');
      const ownV = linear(xV, params.vProj);
      const g = tf.sigmoid(lowRank(mixed('w'), params.w1, params.w2, params.w0, tf.tanh)).mul<T>(-MOST_DECAY);
      const a = tf.sigmoid(lowRank(mixed('a'), params.a1, params.a2, params.a0));
      const gate = lowRank(mixed('g'), params.g1, params.g2, undefined, tf.sigmoid);
      const { v0, v1, v2 } = params;
      const share = first && v1 && v2 && tf.sigmoid(lowRank(xV, v1, v2, v0));
      return {
        r,
        g,
        k: a.sub(1).mul(params.kA).add(1).mul<T>(k),
        v: first && share ? first.sub(ownV).mul(share).add<T>(ownV) : ownV,
        kappa: joined(l2Norm(heads(k.mul(params.kK)), 1e-24), k), // 1e-12 is the least norm of the paper's code
        a,
        gate,
        ownV,
      };
    }

    function readOut<T extends tf.Tensor>(params: Rwkv7Params, o: T, parts: ReturnType<typeof project<T>>): T {
      const { r, k, v, gate } = parts;
      const { lnX, rK, oProj } = params;
      const unit = { weight: tf.ones([headDim]), bias: tf.zeros([headDim]) };
      const normed = joined(layerNorm(o.reshape([-1, headDim]), unit, normEps), o);
      const bonus = heads(r.mul(k).mul(rK.reshape([dModel])))
        .sum(-1, true)
        .mul(heads(v));
      return linear(normed.mul(lnX.weight).add(lnX.bias).add(joined(bonus, o)).mul<T>(gate), oProj);
    }

    /** The first layer's v, where this layer mixes it in. */
    function firstValue<T extends tf.Tensor>(shared: Map<string, tf.Tensor> | undefined): T | undefined {
      if (!takesFirst) return undefined;
      const first = shared?.get(FIRST_VALUE);
      if (first) return first as T;
      throw new ShapeError(
        `rwkv7: expected the values of the first layer for layer ${layer}, got none. Run it in a model, or alone as layer 0.`,
      );
    }

    /** Runs one form, and leaves the first layer's v to later ones. */
    function form<T extends tf.Tensor, R extends Readonly<Record<string, tf.Tensor>>>(
      shared: Map<string, tf.Tensor> | undefined,
      compute: (first: T | undefined) => R & { ownV: T },
    ): R {
      const first = firstValue<T>(shared);
      const leaves = shared && config.valueResidual && layer === 0;
      const { ownV, ...results } = tf.tidy(() => {
        const { ownV, ...rest } = compute(first);
        return { ...rest, ...(leaves && { ownV }) };
      }) as unknown as R & { ownV?: T };
      if (shared && ownV) shared.set(FIRST_VALUE, ownV);
      return results as unknown as R;
    }

    /** Each token's predecessor, zero before the first. */
    const shift = (x: tf.Tensor3D) =>
      tf
        .pad3d(x, [
          [0, 0],
          [1, 0],
          [0, 0],
        ])
        .slice<tf.Tensor3D>([0, 0, 0], [-1, x.shape[1], -1]);

    return {
      init(seed): Rwkv7Params {
        const bounded = (name: string, factor: number) => {
          const bound = factor * dModel ** -0.5;
          return { weight: randomUniform<tf.Rank.R2>([dModel, dModel], -bound, bound, foldIn(seed, name)) };
        };
        const { v0, ...vectors } = initVectors(place);
        const factors = [...ranks].flatMap(([role, rank]) => [
          [`${role}1`, tf.zeros([dModel, rank])],
          [`${role}2`, initOrthogonal(rank, dModel, foldIn(seed, `${role}2`))],
        ]);
        if (!takesFirst) v0.dispose();
        return {
          mix: initMixes(place),
          rProj: bounded('rProj', 0.5),
          kProj: bounded('kProj', 0.05),
          vProj: bounded('vProj', 0.5),
          oProj: { weight: tf.zeros([dModel, dModel]) },
          ...vectors,
          ...(takesFirst && { v0 }),
          ...(Object.fromEntries(factors) as Pick<Rwkv7Params, 'w1' | 'w2' | 'a1' | 'a2' | 'v1' | 'v2' | 'g1' | 'g2'>),
          rK: tf.fill([nHeads, headDim], -0.04),
          lnX: { weight: tf.ones([dModel]), bias: tf.zeros([dModel]) },
        };
      },
      noDecay: ['rK', ...[...ranks.keys()].flatMap((role) => [`${role}1`, `${role}2`])],
      factors: { w0: { learningRate: 2 } },

      apply: (params, x, context) =>
        form<tf.Tensor3D, { y: tf.Tensor3D }>(context?.shared, (first) => {
          const parts = project(params, x, shift(x), first);
          return { y: readOut(params, rwkv7ScanOutput(parts, { nHeads }), parts), ownV: parts.ownV };
        }).y,

      read(params, x, context) {
        const parts = project(params, x, shift(x), firstValue<tf.Tensor3D>(context?.shared));
        const [batch, length] = x.shape;
        const sum = (v: tf.Tensor3D) => rwkv7ScanOutput({ ...parts, v }, { nHeads });
        return {
          weights: weightsOfValues([batch, length, nHeads, headDim], sum),
          values: splitHeads(parts.v, nHeads),
          readOut: (o: tf.Tensor3D) => readOut(params, o, parts),
        };
      },

      initState: (batchSize) => ({
        memory: tf.zeros([batchSize, nHeads, headDim, headDim]),
        last: tf.zeros([batchSize, dModel]),
      }),

      step(params, x, state, context) {
        const { y, ...next } = form<tf.Tensor2D, Rwkv7State & { y: tf.Tensor2D }>(context?.shared, (first) => {
          const parts = project(params, x, state.last, first);
          const token = (part: tf.Tensor2D) => part.expandDims<tf.Tensor3D>(1);
          const { r, g, k, v, kappa, a } = parts;
          const { o, lastState: memory } = rwkv7Scan(
            {
              r: token(r),
              g: token(g),
              k: token(k),
              v: token(v),
              kappa: token(kappa),
              a: token(a),
              initialState: state.memory,
            },
            { nHeads },
          );
          return { y: readOut(params, o.squeeze<tf.Tensor2D>([1]), parts), memory, last: x.clone(), ownV: parts.ownV };
        });
        tf.dispose(state);
        return { y, state: next };
      },

      prefill(params, x, context) {
        const { y, ...state } = form<tf.Tensor3D, Rwkv7State & { y: tf.Tensor3D }>(context?.shared, (first) => {
          const parts = project(params, x, shift(x), first);
          const { o, lastState: memory } = rwkv7Scan(parts, { nHeads });
          const last = x.slice([0, x.shape[1] - 1, 0]).reshape<tf.Tensor2D>([-1, dModel]);
          return { y: readOut(params, o, parts), memory, last, ownV: parts.ownV };
        });
        return { y, state };
      },

      stateSize: () => nHeads * headDim ** 2 + dModel,
      flops(seqLen) {
        const ranksInAll = [...ranks.values()].reduce((sum, rank) => sum + rank, 0);
        // Chunked form, per token of a head: pairs of tokens, the triangular system, what is within the chunk, four with S.
        const scan = 7 * CHUNK * headDim + (CHUNK - 1) * headDim + 4 * headDim ** 2;
        return 2 * seqLen * (4 * dModel ** 2 + 2 * dModel * ranksInAll + nHeads * scan);
      },
    };
  },
});
