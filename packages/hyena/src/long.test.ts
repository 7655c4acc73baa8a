/** Both mixers over 2,000 tokens: `step` against `apply`, which takes Fourier transforms there. */
import { type Mixer, tf, useEngine } from '@mixerzoo/core';
import { expectClose, reducedOnSoftware, stepThrough, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { h3 } from './h3.js';
import { hyena } from './hyena.js';

const LENGTH = 2000;
const MIXERS: readonly Mixer[] = [
  hyena({ dModel: 5, maxLength: LENGTH, filterHidden: 4 }),
  h3({ dModel: 6, dState: 8 }),
  h3({ dModel: 6, headDim: 2, dState: 64 }),
];

describe('2,000 tokens', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.for(MIXERS.map((mixer) => [`${mixer.name} ${JSON.stringify(mixer.config)}`, mixer] as const))(
    'are the same by step as by apply: %s',
    { timeout: 120_000 },
    async ([, mixer], context) => {
      const length = await reducedOnSoftware(context, 'tokens of a long generation', LENGTH, 260);
      const params = mixer.init(1);
      const x = testTensor<tf.Rank.R3>([1, length, mixer.config['dModel'] as number], 2);
      const parallel = mixer.apply(params, x);
      const { y, state } = stepThrough(mixer, params, x);
      await expectClose(y, parallel, 2e-5);
      tf.dispose([params, state, x, parallel, y]);
    },
  );
});

it.for(MIXERS.map((mixer) => [mixer.name, mixer] as const))(
  'reads of no later token where apply takes Fourier transforms: %s',
  async ([, mixer]) => {
    await useEngine();
    const x = testTensor<tf.Rank.R3>([1, 200, mixer.config['dModel'] as number], 2);
    const params = mixer.init(1);
    const later = tf.tidy(() => {
      const { weights } = mixer.read!(params, x);
      return tf.max(tf.abs(weights.sub(tf.linalg.bandPart(weights, -1, 0))));
    });
    expect((await later.data())[0]).toBe(0);
    tf.dispose([x, params, later]);
  },
);
