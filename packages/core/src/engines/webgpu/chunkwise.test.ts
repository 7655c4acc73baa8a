import { beforeAll, describe, expect, it } from 'vitest';
import { defineOp } from '../../ops/define-op.js';
import { expectClose, testTensor } from '../../testing/compare.js';
import type * as tf from '../../tf.js';
import { currentEngine, useEngine } from '../index.js';
import { chunkwiseBackward, chunkwiseForward, FEATURE_GRADIENT, FEATURE_INPUT } from './chunkwise.js';
import type { WebgpuCall } from './kernel.js';
import { pairwiseForward } from './pairwise.js';
import { pairwiseBackward } from './pairwise-gradient.js';
import { wgsl } from './wgsl.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; dO: tf.Tensor; dNormaliser: tf.Tensor };
const OUTPUTS = ['o', 'normaliser', 'dq', 'dk', 'dv'] as const;

/** Three sequences of two heads, three chunks the last of which is not whole; the features are q and k themselves. */
const form = (normalize: boolean, headsLast: boolean, mostElements: number) => ({
  nHeads: 2,
  scale: 0.3,
  eps: 1e-3,
  normalize,
  headsLast,
  mostElements,
  weight: { value: 'x', derivative: 'vec4f(1.0)' },
  features: {
    size: 5,
    queryFactor: 0.3,
    keyFactor: 1,
    feature: wgsl`return ${FEATURE_INPUT}(at + i);`,
    slope: wgsl`return ${FEATURE_GRADIENT}[first + a];`,
  },
});

/** Both passes by one of the two ways to compute them. */
function opOf(
  name: string,
  [forward, backward]: readonly [typeof chunkwiseForward, typeof chunkwiseBackward],
  options: ReturnType<typeof form>,
) {
  return defineOp<Inputs, Record<string, never>, Record<(typeof OUTPUTS)[number], tf.Tensor>>({
    name,
    inputs: ['q', 'k', 'v', 'dO', 'dNormaliser'],
    outputs: OUTPUTS,
    gradient: 'none',
    reference: () => {
      throw new Error('expected the webgpu engine.');
    },
    kernels: {
      webgpu: {
        run(gpu: WebgpuCall, inputs) {
          const outputs = forward(gpu, inputs, options);
          const { dNormaliser, ...given } = { ...inputs, ...outputs };
          return { ...outputs, ...backward(gpu, options.normalize ? { ...given, dNormaliser } : given, options) };
        },
      },
    },
  });
}

describe('attention by chunks', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.for([
    { what: 'sums, whole chunks', length: 256, normalize: false, headsLast: false, mostElements: 2 ** 24 },
    { what: 'means', length: 270, normalize: true, headsLast: false, mostElements: 2 ** 24 },
    {
      what: 'means, two sequences at a time',
      length: 270,
      normalize: true,
      headsLast: true,
      mostElements: 2 * 2 * 384 * 8,
    },
    { what: 'means, one by one', length: 270, normalize: true, headsLast: true, mostElements: 1 },
  ])(
    'is attention by pairs of tokens: $what',
    async ({ what, length, normalize, headsLast, mostElements }, context) => {
      if (currentEngine().name !== 'webgpu') return context.skip('it is the webgpu engine that attends by chunks');
      const positive = (seed: number) => testTensor<tf.Rank.R3>([3, length, 10], seed).abs();
      const inputs = {
        q: positive(1),
        k: positive(2),
        v: testTensor<tf.Rank.R3>([3, length, 14], 3),
        dO: testTensor<tf.Rank.R3>([3, length, 14], 4),
        dNormaliser: testTensor<tf.Rank.R3>(headsLast ? [3, length, 2] : [3, 2, length], 5),
      };
      const options = form(normalize, headsLast, mostElements);
      const found = opOf('ByChunks', [chunkwiseForward, chunkwiseBackward], options)(inputs, {});
      const expected = opOf('ByPairs', [pairwiseForward, pairwiseBackward], options)(inputs, {});
      for (const name of OUTPUTS) await expectClose(found[name], expected[name], 1e-5, `${what}: ${name}`);
      expect(found.o.shape).toEqual([3, length, 14]);
    },
  );
});
