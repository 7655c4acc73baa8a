/** Checks of the Mamba family against golden vectors: see `@mixerzoo/core/testing`. */
import { tf } from '@mixerzoo/core';
import {
  expectGolden,
  expectGoldenFunction,
  type GoldenCase,
  type GoldenChecks,
  goldenMixer,
  goldenTensor,
  goldenTree,
} from '@mixerzoo/core/testing';
import { mamba } from './mamba.js';
import { mamba2 } from './mamba2.js';
import { type SelectiveScanArguments, selectiveScan } from './ops/selective-scan/index.js';
import { type SsdArguments, ssd } from './ops/ssd/index.js';

type Scanned = { y: tf.Tensor; lastState: tf.Tensor };

/** Values and gradients of y, then the final state. */
async function expectScan(golden: GoldenCase, scan: (x: tf.Tensor, rest: never) => Scanned): Promise<void> {
  await expectGoldenFunction(golden, (x, params) => scan(x, params as never).y);
  const lastState = tf.tidy(() => scan(goldenTensor(golden, 'x'), goldenTree(golden) as never).lastState);
  await expectGolden(golden, 'lastState', lastState);
  lastState.dispose();
}

export const golden: GoldenChecks = {
  mamba: goldenMixer(({ modelDim, dState, dConv, expand, dtRank }) =>
    mamba({ dModel: modelDim as never, dState, dConv, expand, dtRank }),
  ),
  mamba2: goldenMixer(({ modelDim, dState, dConv, expand, headDim, groups, chunk, normEps }) =>
    mamba2({ dModel: modelDim as never, dState, dConv, expand, headDim, nGroups: groups, chunkSize: chunk, normEps }),
  ),
  selectiveScan: (file) =>
    expectScan(file, (u, rest: Omit<SelectiveScanArguments, 'u'>) =>
      selectiveScan({ u: u as tf.Tensor3D, ...rest }, { deltaSoftplus: file.config['deltaSoftplus'] as boolean }),
    ),
  ssd: (file) =>
    expectScan(file, (x, rest: Omit<SsdArguments, 'x'>) =>
      ssd({ x: x as tf.Tensor4D, ...rest }, { chunkSize: file.config['chunk'] as number }),
    ),
};
