/** How golden files of retention and of its scan map to this package. */
import { tf } from '@mixerzoo/core';
import { dims } from '@mixerzoo/core/kernels';
import {
  expectGolden,
  expectGoldenFunction,
  type GoldenChecks,
  goldenMixer,
  goldenTensor,
  goldenTree,
} from '@mixerzoo/core/testing';
import { retention } from './retention.js';
import { retentionScan } from './scan.js';

type RetentionFile = {
  modelDim: number;
  heads: number;
  headDim: number;
  expandV: number;
  positional: 'rope' | 'none';
  ropeBase?: number;
  normEps: number;
};

/** Files keep heads on an axis of their own, [B, L, H c], and states as [B, H, K, V]. */
type ScanParams = { k: tf.Tensor; v: tf.Tensor; initialState?: tf.Tensor };

function scanOf(x: tf.Tensor, { k, v, initialState }: ScanParams) {
  const [batch, length, nHeads] = dims(x, 4);
  const joined = (part: tf.Tensor) => part.reshape<tf.Tensor3D>([batch, length, -1]);
  const start = initialState?.transpose<tf.Tensor4D>([0, 1, 3, 2]);
  const tensors = { q: joined(x), k: joined(k), v: joined(v), ...(start && { initialState: start }) };
  return retentionScan(tensors, { nHeads });
}

export const golden: GoldenChecks = {
  retention: goldenMixer(({ modelDim, heads, ...options }: RetentionFile) =>
    retention({ dModel: modelDim, nHeads: heads, ...options }),
  ),
  async retentionScan(golden) {
    await expectGoldenFunction(golden, (x, params) =>
      scanOf(x, params as ScanParams).o.reshape((params as ScanParams).v.shape),
    );
    const [x, params] = [goldenTensor(golden, 'x'), goldenTree(golden) as ScanParams];
    const lastState = tf.tidy(() => scanOf(x, params).lastState.transpose([0, 1, 3, 2]));
    await expectGolden(golden, 'lastState', lastState);
    tf.dispose([x, lastState, ...Object.values(params)]);
  },
};
