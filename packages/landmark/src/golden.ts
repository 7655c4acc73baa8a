/**
 * Golden vectors of Landmark CAT. The files store the filter as used, so they are met by a learned filter with its
 * gradient, and again by the named filter without one.
 */
import { EVALUATION, type Tree, tf } from '@mixerzoo/core';
import {
  expectGolden,
  type GoldenCase,
  type GoldenCheck,
  type GoldenChecks,
  goldenMixer,
  goldenTensor,
  goldenTree,
} from '@mixerzoo/core/testing';
import { headRows } from './heads.js';
import { landmarkCat } from './landmark-cat.js';
import { selectBlocks } from './ops/select-blocks/index.js';

interface LandmarkGoldenConfig {
  modelDim: number;
  heads: number;
  blockSize: number;
  keyFilter: 'box' | 'exponential';
  localKeys: 'raw' | 'convolved';
  rho?: number;
  mode: 'hard' | 'grouped';
}

const checkLandmarkCat: GoldenCheck = async (golden) => {
  const stored = golden.config as unknown as LandmarkGoldenConfig;
  const context = { ...EVALUATION, soft: stored.mode === 'grouped' };
  const config = {
    dModel: stored.modelDim,
    nHeads: stored.heads,
    blockSize: stored.blockSize,
    localKeys: stored.localKeys,
    filterWidth: 0,
  };
  const filterLength = golden.tensors.get('params.kFilter')?.shape[1] as number;
  await goldenMixer(() => landmarkCat({ ...config, keyFilter: 'learned', filterLength }), context)(golden);

  const { kFilter, ...params } = goldenTree(golden);
  const named = landmarkCat({
    ...config,
    keyFilter: stored.keyFilter,
    ...(stored.rho !== undefined && { rho: stored.rho }),
  });
  const x = goldenTensor<tf.Tensor3D>(golden, 'x');
  const y = tf.tidy(() => named.apply(params as never, x, context));
  await expectGolden(golden, 'y', y);
  tf.dispose([x, y, kFilter as tf.Tensor]);
  if (stored.mode === 'hard') await expectSelection(golden, stored, params);
  tf.dispose(params as never);
};

/** The blocks retrieved are the file's `selectedBlock`, exactly. */
async function expectSelection(
  golden: GoldenCase,
  { heads, blockSize }: LandmarkGoldenConfig,
  params: Tree,
): Promise<void> {
  const expected = golden.tensors.get('selectedBlock')?.data as Int32Array;
  const selected = tf.tidy(() => {
    const x = goldenTensor<tf.Tensor3D>(golden, 'x');
    const filter = goldenTensor<tf.Tensor2D>(golden, 'params.kFilter');
    const weight = (name: string) => (params[name] as { weight: tf.Tensor }).weight;
    const project = (name: string) => tf.dot(x.reshape([-1, x.shape[2]]), weight(name)).reshape<tf.Tensor3D>(x.shape);
    const [batchSize, seqLen] = x.shape;
    const q = headRows(project('qProj'), heads);
    const k = headRows(project('kProj'), heads);
    const count = Math.ceil(seqLen / blockSize) - 1;
    if (count === 0) return tf.fill([batchSize * heads, seqLen, 1], -1, 'int32');
    const taps = filter.shape[1];
    const landmarks = Array.from({ length: count }, (_, block) => {
      const end = (block + 1) * blockSize;
      const used = Math.min(taps, end);
      const window = k.slice([0, end - used, 0], [-1, used, -1]).reverse(1); // by delay
      const weights = filter.slice([0, 0], [-1, used]).tile([batchSize, 1]).expandDims(2);
      return window.mul(weights).sum(1);
    });
    return selectBlocks(q, tf.stack(landmarks, 1) as tf.Tensor3D, { blockSize, topK: 1 });
  });
  const received = await selected.data();
  const wrong = received.findIndex((block, index) => block !== expected[index]);
  if (wrong >= 0) {
    throw new Error(
      `${golden.file}: selectedBlock: expected ${expected[wrong]} at element ${wrong}, got ${received[wrong]}.`,
    );
  }
  selected.dispose();
}

export const golden: GoldenChecks = { landmarkCat: checkLandmarkCat };
