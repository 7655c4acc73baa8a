/** Reference vectors of the delta family: an independent float64 reference, checked against flash-linear-attention. */
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
import { gatedDeltaNet } from './gated-delta-net.js';
import { kimiDeltaAttention } from './kimi-delta-attention.js';
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

const optionsOf = ({ modelDim, heads, convWidth, headDim, expandV, allowNegEigval, normEps }: FileConfig) => ({
  dModel: modelDim,
  nHeads: heads,
  filterWidth: convWidth,
  headDim,
  expandV,
  allowNegEigval,
  normEps,
});

/** The files call the filters as flash-linear-attention does. */
const ofFile = (file: GoldenCase) => renamed(file, (path) => path.replace(/([qkv])Conv\.weight$/, '$1Filter'));

const checkDeltaNet = goldenMixer((config: FileConfig) => deltaNet(optionsOf(config)));
const checkGatedDeltaNet = goldenMixer((config: FileConfig & { readonly useGate: boolean }) =>
  gatedDeltaNet({ ...optionsOf(config), useGate: config.useGate }),
);
const checkKimiDeltaAttention = goldenMixer(
  ({ gateLowRank, lowerBound, ...config }: FileConfig & { gateLowRank: number; lowerBound: number | null }) =>
    kimiDeltaAttention({ ...optionsOf(config), gateLowRank, ...(lowerBound !== null && { lowerBound }) }),
);

/** The bare scan. The files keep heads apart, [B, L, H, w]; logarithms of decays are [B, L, H] or [B, L, H, K]. */
async function checkDeltaRule(file: GoldenCase): Promise<void> {
  const scan = (q: tf.Tensor, params: Tree) => {
    const { k, v, beta, g, initialState } = params as Record<string, tf.Tensor>;
    const [batch, length, nHeads] = q.shape as [number, number, number];
    const joined = (x: tf.Tensor | undefined) => (x as tf.Tensor).reshape<tf.Tensor3D>([batch, length, -1]);
    const rest = { ...(g && { g: joined(g) }), ...(initialState && { initialState: initialState as tf.Tensor4D }) };
    return deltaRule({ q: joined(q), k: joined(k), v: joined(v), beta: joined(beta), ...rest }, { nHeads });
  };
  await expectGoldenFunction(file, (q, params) => {
    const shape = (params.v as tf.Tensor).shape;
    return scan(q, params).o.reshape(shape);
  });
  await expectGolden(file, 'lastState', scan(goldenTensor(file, 'x'), goldenTree(file, 'params.')).lastState);
}

export const golden: GoldenChecks = {
  deltaNet: (file) => checkDeltaNet(ofFile(file)),
  gatedDeltaNet: (file) => checkGatedDeltaNet(ofFile(file)),
  kimiDeltaAttention: (file) => checkKimiDeltaAttention(ofFile(file)),
  deltaScan: checkDeltaRule,
  gatedDeltaScan: checkDeltaRule,
  kdaScan: checkDeltaRule,
};
