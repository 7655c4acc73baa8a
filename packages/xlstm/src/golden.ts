/** How golden files of mLSTM and of its scan map to this package. */
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
import { logSigmoid } from './cell.js';
import { mLstm } from './m-lstm.js';
import { mLstmScan } from './ops/m-lstm-scan/index.js';

type MLstmFile = {
  modelDim: number;
  heads: number;
  layout: 'plain' | 'block';
  headDim?: number;
  expandV?: number;
  dInner?: number;
  dConv?: number;
  projBlock?: number;
  forgetGate: 'sigmoid' | 'exp';
  gateSoftCap: number;
  normEps: number;
};

/** Files keep heads on an axis of their own, [B, L, H c]; f is what is projected. */
type ScanParams = { [name in 'k' | 'v' | 'i' | 'f']: tf.Tensor } & {
  initialC?: tf.Tensor4D;
  initialN?: tf.Tensor3D;
  initialM?: tf.Tensor2D;
};

function scanOf(x: tf.Tensor, { k, v, i, f, initialC: c, initialN: n, initialM: m }: ScanParams) {
  const [batch, length, nHeads] = dims(x, 4);
  const joined = (part: tf.Tensor) => part.reshape<tf.Tensor3D>([batch, length, -1]);
  const tensors = { q: joined(x), k: joined(k), v: joined(v), i: joined(i), logF: logSigmoid(joined(f)) };
  const { h, lastState } = mLstmScan({ ...tensors, ...(c && n && m && { initialState: { c, n, m } }) }, { nHeads });
  return { y: h.reshape(v.shape), lastC: lastState.c, lastN: lastState.n, lastM: lastState.m };
}

export const golden: GoldenChecks = {
  mLstm: goldenMixer(({ modelDim, heads, dInner, ...options }: MLstmFile) =>
    mLstm({ dModel: modelDim, nHeads: heads, ...options, ...(dInner && { expand: dInner / modelDim }) }),
  ),
  async mLstmScan(golden) {
    await expectGoldenFunction(golden, (x, params) => scanOf(x, params as ScanParams).y);
    const [x, params] = [goldenTensor(golden, 'x'), goldenTree(golden) as ScanParams];
    const { y, ...last } = tf.tidy(() => scanOf(x, params));
    for (const [name, tensor] of Object.entries(last)) await expectGolden(golden, name, tensor);
    tf.dispose([x, y, ...Object.values(last), ...Object.values(params)] as tf.Tensor[]);
  },
};
