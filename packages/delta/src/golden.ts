/** Reference vectors of DeltaNet: an independent float64 reference, checked against flash-linear-attention. */
import type { Tree, tf } from '@mixerzoo/core';
import {
  expectGolden,
  expectGoldenFunction,
  type GoldenCase,
  type GoldenChecks,
  goldenMixer,
  goldenTensor,
  goldenTree,
  renamed,
} from '@mixerzoo/core/testing';
import { deltaNet } from './delta-net.js';
import { deltaRule } from './ops/delta-rule/index.js';

/** What the files' configs hold. */
interface FileConfig {
  readonly modelDim: number;
  readonly heads: number;
  readonly headDim: number;
  readonly expandV: number;
  readonly convWidth: number;
  readonly allowNegEigval: boolean;
  readonly normEps: number;
}

const checkDeltaNet = goldenMixer(({ modelDim, heads, convWidth, ...rest }: FileConfig) =>
  deltaNet({
    dModel: modelDim,
    nHeads: heads,
    filterWidth: convWidth,
    headDim: rest.headDim,
    expandV: rest.expandV,
    allowNegEigval: rest.allowNegEigval,
    normEps: rest.normEps,
  }),
);

/** The bare scan. The files keep heads apart, [B, L, H, w]. */
async function checkDeltaRule(file: GoldenCase): Promise<void> {
  const scan = (q: tf.Tensor, params: Tree) => {
    const { k, v, beta, initialState } = params as Record<string, tf.Tensor>;
    const [batch, length, nHeads] = q.shape as [number, number, number];
    const joined = (x: tf.Tensor | undefined) => (x as tf.Tensor).reshape<tf.Tensor3D>([batch, length, -1]);
    const state = initialState && { initialState: initialState as tf.Tensor4D };
    return deltaRule({ q: joined(q), k: joined(k), v: joined(v), beta: joined(beta), ...state }, { nHeads });
  };
  await expectGoldenFunction(file, (q, params) => {
    const shape = (params.v as tf.Tensor).shape;
    return scan(q, params).o.reshape(shape);
  });
  await expectGolden(file, 'lastState', scan(goldenTensor(file, 'x'), goldenTree(file, 'params.')).lastState);
}

export const golden: GoldenChecks = {
  // The files call the filters as flash-linear-attention does.
  deltaNet: (file) => checkDeltaNet(renamed(file, (path) => path.replace(/([qkv])Conv\.weight$/, '$1Filter'))),
  deltaScan: checkDeltaRule,
};
