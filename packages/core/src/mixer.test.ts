import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { useEngine } from './engines/index.js';
import { defineMixer, type Mixer } from './mixer.js';
import { testTensor } from './testing/compare.js';
import * as tf from './tf.js';
import { disposeTree } from './tree.js';

/** y_t = the sum of all tokens so far; no prefill of its own. */
const runningSum = defineMixer({
  name: 'runningSum',
  summary: '',
  schema: z.strictObject({ dModel: z.int() }),
  create: ({ dModel }) => ({
    init: () => ({}),
    apply: (_params, x) => tf.cumsum(x, 1),
    initState: (batchSize): { sum: tf.Tensor2D } => ({ sum: tf.zeros([batchSize, dModel]) }),
    step: (_params, x, { sum }: { sum: tf.Tensor2D }) => {
      const y = tf.add<tf.Tensor2D>(sum, x);
      sum.dispose();
      return { y, state: { sum: y.clone() } };
    },
    stateSize: () => dModel,
    flops: () => 0,
  }),
});

describe('defineMixer', () => {
  let mixer: Mixer<Record<string, never>, { sum: tf.Tensor2D }>;
  beforeAll(async () => {
    await useEngine();
    mixer = runningSum({ dModel: 4 }) as never;
  });

  it('says which input does not fit, what would, and what came', () => {
    const bad = (x: unknown) => x as tf.Tensor3D & tf.Tensor2D;
    expect(() => mixer.apply({}, bad(tf.ones([5, 4])))).toThrow(
      'runningSum.apply: expected x of float32 [B, L, 4], got float32 [5, 4].',
    );
    expect(() => mixer.prefill({}, bad(tf.ones([1, 5, 3])))).toThrow('expected x of float32 [B, L, 4]');
    expect(() => mixer.step({}, bad(tf.ones([1, 4], 'int32')), mixer.initState(1))).toThrow(
      'runningSum.step: expected x of float32 [B, 4], got int32 [1, 4].',
    );
    expect(() => mixer.apply(bad(tf.ones([1, 5, 4])) as never, bad({}))).toThrow('got no tensor');
  });

  it('refuses a state that a step has used, and one of another batch', () => {
    const x = tf.ones<tf.Rank.R2>([2, 4]);
    const state = mixer.initState(2);
    disposeTree(mixer.step({}, x, state).state);
    expect(() => mixer.step({}, x, state)).toThrow('Go on with the state the last step returned.');
    expect(() => mixer.step({}, x, mixer.initState(1))).toThrow("of 2 sequences as x has, got 'sum' [1, 4].");
  });

  it('prefills by steps where a mixer has no form of its own, and keeps no tensor', async () => {
    const x = testTensor<tf.Rank.R3>([2, 5, 4], 1);
    const before = tf.memory().numTensors;
    const { y, state } = mixer.prefill({}, x);
    const parallel = mixer.apply({}, x);
    expect(await y.data()).toEqual(await parallel.data());
    const last = tf.slice(y, [0, 4, 0]);
    expect(await state.sum.data()).toEqual(await last.data());
    disposeTree(state);
    tf.dispose([y, parallel, last]);
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });
});
