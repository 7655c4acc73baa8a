/**
 * mLSTM in the layout of the first paper: a wider branch, convolved for queries and keys, block-diagonal maps to q, k and v, and a second
 * branch as the gate of what comes out.
 */
import { foldIn, InvalidConfigError, type MixerForms, randomNormal, randomUniform, tf } from '@mixerzoo/core';
import {
  createDepthwiseConvolution,
  createScanMixer,
  type DepthwiseConvolutionParams,
  initProjection,
  linear,
  type Projection,
  silu,
} from '@mixerzoo/core/blocks';
import { type CellParams, createCell } from './cell.js';
import type { MLstmState, ParsedMLstmConfig } from './m-lstm.js';
import type { MLstmMemory } from './ops/m-lstm-scan/index.js';

/** A block-diagonal map of E columns in blocks of n: weight [E / n, n, n], of block, input and output. */
export type BlockProjection = { readonly weight: tf.Tensor3D };

/**
 * up [d, 2 E], columns u and z; convWeight [E, W], convBias [E]; q, k, v [E / n, n, n]; iGate, fGate [3 E, H] with biases; norm, skip [E];
 * down [E, d].
 */
export type BlockParams = CellParams &
  DepthwiseConvolutionParams & {
    upProj: Projection;
    qProj: BlockProjection;
    kProj: BlockProjection;
    vProj: BlockProjection;
    skip: tf.Tensor1D;
    downProj: Projection;
  };

/** @throws InvalidConfigError */
export function createBlock(config: ParsedMLstmConfig): MixerForms<BlockParams, MLstmState> {
  const { dModel, nHeads, expand = 2, dConv = 4, projBlock = 1, init: how } = config;
  const inner = Math.round(expand * dModel);
  for (const [name, count] of Object.entries({ nHeads, projBlock })) {
    if (inner > 0 && inner % count === 0) continue;
    throw new InvalidConfigError(
      `${name}: expected a divisor of the inner width ${inner}, expand dModel, got ${count}. Change one of them.`,
    );
  }
  const headDim = inner / nHeads;
  const cell = createCell({ ...config, headK: headDim, headV: headDim, gateWidth: 3 * inner });
  const conv = createDepthwiseConvolution(inner, dConv);
  /** The convolution and its SiLU: what queries, keys and the skip are made of. */
  const activated: typeof conv = {
    ...conv,
    apply: (params, x) => silu(conv.apply(params, x)),
    step(params, x, state) {
      const { y, state: next } = conv.step(params, x, state);
      return { y: silu(y), state: next };
    },
  };
  const blockProjection = (seed: number): BlockProjection => {
    const shape: [number, number, number] = [inner / projBlock, projBlock, projBlock];
    const bound = projBlock ** -0.5;
    if (how === 'fanIn') return { weight: randomUniform<tf.Rank.R3>(shape, -bound, bound, seed) };
    return { weight: randomNormal<tf.Rank.R3>(shape, how === 'smallInit' ? Math.sqrt(2 / (5 * dModel)) : 0.02, seed) };
  };
  /** q, k, v and the gates, of the branch u and its convolution a. */
  function rows(params: BlockParams, { u, a }: { readonly u: tf.Tensor3D; readonly a: tf.Tensor3D }) {
    const [q, k, v] = [blockDiagonal(a, params.qProj), blockDiagonal(a, params.kProj), blockDiagonal(u, params.vProj)];
    return { q, k, v, ...cell.gates(params, tf.concat([q, k, v], -1)) };
  }
  return createScanMixer({
    init: (seed, nLayers = 1): BlockParams => ({
      upProj: initProjection([dModel, 2 * inner], foldIn(seed, 'upProj'), { init: how }),
      ...conv.init(seed),
      qProj: blockProjection(foldIn(seed, 'qProj')),
      kProj: blockProjection(foldIn(seed, 'kProj')),
      vProj: blockProjection(foldIn(seed, 'vProj')),
      ...cell.init(seed),
      skip: tf.ones([inner]),
      downProj: initProjection([inner, dModel], foldIn(seed, 'downProj'), { init: how, nLayers }),
    }),
    noDecay: [...cell.noDecay, 'skip'],
    project(params, x) {
      const [u, z] = tf.split(linear(x, params.upProj), 2, -1) as [typeof x, typeof x];
      return { u, a: u, z };
    },
    filters: { a: activated },
    state: cell.state,
    values(params, parts) {
      const given = rows(params, parts);
      return { values: given.v, nHeads, sum: (v) => cell.scan({ ...given, v }).o };
    },
    scan: (params, parts, past?: MLstmMemory, keepsState?: boolean) => cell.scan(rows(params, parts), past, keepsState),
    readOut(params, h, { a, z }) {
      const out = cell.norm(params, h).add<typeof h>(a.mul(params.skip));
      return linear(out.mul<typeof h>(silu(z)), params.downProj);
    },
    flops: (seqLen) => 6 * seqLen * dModel * inner + seqLen * (6 * inner * projBlock + conv.flops) + cell.flops(seqLen),
  });
}

/** x [B, L, E] times a block-diagonal map. */
function blockDiagonal(x: tf.Tensor3D, { weight }: BlockProjection): tf.Tensor3D {
  const [blocks, width] = weight.shape;
  const rows = x.reshape([-1, blocks, width]).transpose<tf.Tensor3D>([1, 0, 2]); // [E / n, B L, n]
  return tf.matMul(rows, weight).transpose([1, 0, 2]).reshape(x.shape);
}
