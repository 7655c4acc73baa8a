/** Reference vectors of RWKV-7: an independent float64 reference, checked against BlinkDL/RWKV-LM and flash-linear-attention. */
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
import { rwkv7Scan } from './ops/rwkv7-scan/index.js';
import { rwkv7 } from './rwkv7.js';

/** What the files' configs hold. */
interface FileConfig {
  readonly modelDim: number;
  readonly heads: number;
  readonly decayLowRank: number;
  readonly rateLowRank: number;
  readonly gateLowRank: number;
  readonly groupNormEps: number;
}

/** The bare scan. The files keep heads apart, [B, L, H, K], and call kappa `kk`. */
async function checkScan(file: GoldenCase): Promise<void> {
  const scan = (r: tf.Tensor, params: Tree) => {
    const { g, k, v, kk, a, initialState } = params as Record<string, tf.Tensor>;
    const [batch, length, nHeads] = r.shape as [number, number, number];
    const joined = (x: tf.Tensor | undefined) => (x as tf.Tensor).reshape<tf.Tensor3D>([batch, length, -1]);
    const state = initialState && { initialState: initialState as tf.Tensor4D };
    return rwkv7Scan(
      { r: joined(r), g: joined(g), k: joined(k), v: joined(v), kappa: joined(kk), a: joined(a), ...state },
      { nHeads },
    );
  };
  await expectGoldenFunction(file, (r, params) => scan(r, params).o.reshape(r.shape));
  await expectGolden(file, 'lastState', scan(goldenTensor(file, 'x'), goldenTree(file, 'params.')).lastState);
}

export const golden: GoldenChecks = {
  rwkv7: goldenMixer(({ modelDim, heads, decayLowRank, rateLowRank, gateLowRank, groupNormEps }: FileConfig) =>
    rwkv7({ dModel: modelDim, nHeads: heads, decayLowRank, rateLowRank, gateLowRank, normEps: groupNormEps }),
  ),
  rwkv7Scan: checkScan,
};
