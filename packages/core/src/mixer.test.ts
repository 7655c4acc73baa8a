import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from './engines/index.js';
import { ShapeError } from './errors.js';
import { defineMixer, type Mixer } from './mixer.js';
import { averagingMixer } from './model/__fixtures__/averaging-mixer.js';
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

  it('names itself where a training has no seed', () => {
    const x = tf.ones<tf.Rank.R3>([1, 5, 4]);
    const apply = (context: object) => mixer.apply({}, x, context as never);
    expect(() => apply({ training: true })).toThrow(
      'runningSum.apply: expected a seed beside training, from which dropout masks derive, got none. Pass { training: true, seed }',
    );
    expect(() => apply({ training: true, seed: 1.5 })).toThrow(
      'runningSum.apply: seed: expected a seed, a whole number',
    );
    expect(apply({ training: false }).shape).toEqual(x.shape);
  });

  it('refuses a state that a step has used, and one of another batch', () => {
    const x = tf.ones<tf.Rank.R2>([2, 4]);
    const state = mixer.initState(2);
    disposeTree(mixer.step({}, x, state).state);
    expect(() => mixer.step({}, x, state)).toThrow('Go on with the state the last step returned.');
    expect(() => mixer.step({}, x, mixer.initState(1))).toThrow("of 2 sequences as x has, got 'sum' [1, 4].");
  });

  it('refuses a state that is none of its own', () => {
    const x = tf.ones<tf.Rank.R2>([2, 4]);
    const message = 'runningSum.step: expected a state of sum, got ';
    expect(() => mixer.step({}, x, {} as never)).toThrow(`${message}nothing. Make it with initState or prefill.`);
    expect(() => mixer.step({}, x, { total: tf.zeros([2, 4]) } as never)).toThrow(`${message}total.`);
    expect(() => mixer.step({}, x, undefined as never)).toThrow('runningSum.step: tree: expected a plain object');
  });

  it.each([Number.NaN, 0, -1, 1.5])('refuses a state of %s sequences', (batchSize) => {
    expect(() => averagingMixer({ dModel: 4 }).initState(batchSize)).toThrow(
      `averaging.initState: expected a number of sequences from 1, got ${batchSize}.`,
    );
  });

  it('refuses parameters of another structure in every form, and those that are freed', () => {
    const averaging = averagingMixer({ dModel: 4 });
    const [x, token] = [tf.ones<tf.Rank.R3>([1, 5, 4]), tf.ones<tf.Rank.R2>([1, 4])];
    const params = averaging.init(1);
    const forms: [string, (params: unknown) => unknown][] = [
      ['apply', (given) => averaging.apply(given as never, x)],
      ['step', (given) => averaging.step(given as never, token, averaging.initState(1))],
      ['prefill', (given) => averaging.prefill(given as never, x)],
    ];
    for (const [form, call] of forms) {
      const refuses = (given: unknown, message: string) => {
        expect(() => call(given)).toThrow(ShapeError);
        expect(() => call(given)).toThrow(`averaging.${form}: ${message}`);
      };
      refuses({}, "expected a tensor 'vProj.weight' [4, 4], got none.");
      refuses({ ...params, oProj: { weight: tf.ones([4, 1]) } }, "expected 'oProj.weight' [4, 4], got [4, 1].");
      refuses({ ...params, bias: tf.zeros([4]) }, "unexpected tensor 'bias'.");
      refuses(undefined, 'tree: expected a plain object of tensors at its root, got undefined.');
      refuses(averagingMixer({ dModel: 5 }).init(1), "expected 'vProj.weight' [4, 4], got [5, 5].");
    }
    averaging.apply(params, x);
    disposeTree(params);
    for (const [, call] of forms) expect(() => call(params)).toThrow("got 'vProj.weight' that is freed.");
  });

  it('refuses what is no seed', () => {
    for (const seed of [0.5, Number.NaN, 'a', 2 ** 40]) {
      expect(() => mixer.init(seed as number)).toThrow(`runningSum.init: expected a seed, a whole number`);
    }
  });

  it.each<[string, (y: tf.Tensor) => unknown, string]>([
    ['a shape that would broadcast', (y) => tf.sum(y, -1, true), 'float32 [2, 5, 1]'],
    ['another dtype', (y) => tf.cast(y, 'int32'), 'int32 [2, 5, 4]'],
    ['no tensor', () => undefined, 'no tensor'],
  ])('refuses an output of %s', (_name, spoil, received) => {
    const spoilt = defineMixer({
      name: 'spoilt',
      summary: '',
      schema: z.strictObject({ dModel: z.int() }),
      create: ({ dModel }) => ({
        init: () => ({}),
        apply: (_params, x) => spoil(x) as tf.Tensor3D,
        initState: (batchSize): { last: tf.Tensor2D } => ({ last: tf.zeros([batchSize, dModel]) }),
        step: (_params, x, state: { last: tf.Tensor2D }) => ({ y: spoil(x) as tf.Tensor2D, state }),
        prefill: (_params, x) => ({ y: spoil(x) as tf.Tensor3D, state: { last: tf.zeros([2, dModel]) } }),
        stateSize: () => dModel,
        flops: () => 0,
      }),
    })({ dModel: 4 });
    const message = (form: string, shape: string) =>
      `spoilt.${form}: expected an output of the shape of its input, float32 ${shape}, got `;
    const x = tf.ones<tf.Rank.R3>([2, 5, 4]);
    expect(() => spoilt.apply({}, x)).toThrow(`${message('apply', '[2, 5, 4]')}${received}.`);
    expect(() => spoilt.prefill({}, x)).toThrow(`${message('prefill', '[2, 5, 4]')}${received}.`);
    expect(() => spoilt.step({}, tf.ones([2, 4]), spoilt.initState(2))).toThrow(message('step', '[2, 4]'));
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
