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
} from '@mixerzoo/core/testing';
import { deltaNet } from './delta-net.js';
import { deltaRule } from './ops/delta-rule/index.js';

const checkDeltaNet = goldenMixer((config) =>
  deltaNet({
    dModel: config.modelDim as never,
    nHeads: config.heads,
    headDim: config.headDim,
    expandV: config.expandV,
    filterWidth: config.convWidth,
    allowNegEigval: config.allowNegEigval,
    normEps: config.normEps,
  }),
);

/** The files call the filters as flash-linear-attention does: `qConv.weight` is `qFilter`. */
function withOurNames(golden: GoldenCase): GoldenCase {
  const tensors = [...golden.tensors].map(
    ([name, tensor]) => [name.replace(/([qkv])Conv\.weight$/, '$1Filter'), tensor] as const,
  );
  return { ...golden, tensors: new Map(tensors) };
}

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
  deltaNet: (file) => checkDeltaNet(withOurNames(file)),
  deltaScan: checkDeltaRule,
};
