/**
 * Types that users write against, as they import them: `npm run typecheck` holds them, `vitest` that the same code runs. A line below
 * `@ts-expect-error` has to be one that an editor underlines.
 */
import { attention } from '@mixerzoo/attention';
import { cat, plugin as catPlugin } from '@mixerzoo/cat';
import {
  defineMixer,
  definePlugin,
  type Examples,
  type Mixer,
  type MixerFactory,
  type Plugin,
  type Task,
  type Tree,
  tf,
} from '@mixerzoo/core';
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import { mamba } from '@mixerzoo/mamba';
import { mqar, plugin as taskPlugin } from '@mixerzoo/tasks';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { defineExperiment, type ExperimentConfig } from './index.js';

const gainSchema = z.strictObject({ dModel: z.int(), gain: z.number().default(1) });
const gain = defineMixer({
  name: 'gain',
  summary: 'y = g x.',
  schema: gainSchema,
  create: (config) => {
    expectTypeOf(config).toEqualTypeOf<{ dModel: number; gain: number }>(); // defaults filled in
    return {
      init: (seed, nLayers) => {
        expectTypeOf(seed).toEqualTypeOf<number>();
        expectTypeOf(nLayers).toEqualTypeOf<number | undefined>();
        return { weight: tf.ones([config.dModel]) as tf.Tensor1D };
      },
      apply: (params, x) => {
        expectTypeOf(params).toEqualTypeOf<{ weight: tf.Tensor1D }>();
        expectTypeOf(x).toEqualTypeOf<tf.Tensor3D>();
        return tf.mul(tf.mul(x, params.weight), config.gain);
      },
      initState: (batchSize) => ({ seen: tf.zeros([batchSize, 1]) as tf.Tensor2D }),
      step: (params, x, state) => {
        expectTypeOf(x).toEqualTypeOf<tf.Tensor2D>();
        expectTypeOf(state).toEqualTypeOf<{ seen: tf.Tensor2D }>();
        return { y: tf.mul(tf.mul(x, params.weight), config.gain), state };
      },
      stateSize: () => 1,
      flops: () => 0,
    };
  },
});

const firstSchema = z.strictObject({ seqLen: z.int().default(8) });
const first: TaskFactory<typeof firstSchema, SolvedTask> = defineTask({
  name: 'first',
  summary: 'The first token.',
  schema: firstSchema,
  create: ({ seqLen }) => ({
    vocabSize: 4,
    seqLen,
    labelsPerExample: 1,
    chance: 1 / 4,
    generate: ({ split, seed, count }) => {
      expectTypeOf(split).toEqualTypeOf<'train' | 'validation' | 'test'>();
      expectTypeOf([seed, count]).toEqualTypeOf<number[]>();
      return { count, seqLen, inputs: new Int32Array(count * seqLen), labels: new Int32Array(count * seqLen) };
    },
    solve: (inputs) => inputs,
    atLength: (length) => first({ seqLen: length }),
  }),
});

describe('types that users write against', () => {
  it('of a mixer: its config is what the schema takes, its parameters and state what its functions return', () => {
    expectTypeOf(gain).parameter(0).toEqualTypeOf<{ dModel: number; gain?: number | undefined }>();
    const mixer = gain({ dModel: 4 });
    expectTypeOf(mixer).toEqualTypeOf<Mixer<{ weight: tf.Tensor1D }, { seen: tf.Tensor2D }>>();
    expectTypeOf(mixer).toExtend<Mixer>(); // of any parameters
    expectTypeOf(mixer.specVersion).toEqualTypeOf<1>();
    expectTypeOf(mixer.step).returns.toEqualTypeOf<{ y: tf.Tensor2D; state: { seen: tf.Tensor2D } }>();
    expectTypeOf(gain).toExtend<MixerFactory>();
    expect(mixer.config).toEqual({ dModel: 4, gain: 1 });
    // @ts-expect-error a width that is no number
    expect(() => gain({ dModel: '4' })).toThrow(/dModel/);
    // @ts-expect-error an option that is not in the schema
    expect(() => gain({ dModel: 4, gian: 2 })).toThrow(/gian/);
    // @ts-expect-error no width
    expect(() => gain({})).toThrow(/dModel/);
  });

  it('of a task: a request in, typed arrays out, an oracle where it says so', () => {
    expectTypeOf(first).parameter(0).toEqualTypeOf<{ seqLen?: number | undefined }>();
    const task = first({});
    expectTypeOf(task).toExtend<Task>();
    expectTypeOf(task.generate).returns.toEqualTypeOf<Examples>();
    expectTypeOf(task.solve).toBeFunction();
    expectTypeOf<Task['solve']>().toBeNullable(); // of text there is none
    expectTypeOf(task.atLength(16)).toEqualTypeOf<SolvedTask>();
    expect(task.atLength(16).seqLen).toBe(16);
    // @ts-expect-error a split that there is not
    task.generate({ split: 'dev', seed: 0, count: 1 });
  });

  it('of a plugin: lists of what the define functions return, each of which may be left out', () => {
    const plugin = definePlugin({ mixers: [gain], tasks: [first] });
    expectTypeOf(plugin).toEqualTypeOf<Plugin>();
    expectTypeOf(catPlugin).toEqualTypeOf<Plugin>();
    expectTypeOf(taskPlugin).toEqualTypeOf<Plugin>();
    expectTypeOf(definePlugin).parameter(0).not.toHaveProperty('specVersion'); // definePlugin writes it
    expect(plugin.norms).toEqual([]);
    // @ts-expect-error a mixer in place of its factory
    definePlugin({ mixers: [gain({ dModel: 4 })] });
    // @ts-expect-error a list that there is not
    definePlugin({ mixer: [gain] });
  });

  it('of the packages: options of their schemas, trees of named parameters', () => {
    expectTypeOf(cat).parameter(0).toHaveProperty('nHeads').toEqualTypeOf<number | undefined>();
    expectTypeOf(mamba).parameter(0).toHaveProperty('dState').toEqualTypeOf<number | undefined>();
    for (const factory of [attention, cat, mamba]) expectTypeOf(factory).toExtend<MixerFactory>();
    expectTypeOf(cat({ dModel: 4 }).init).returns.toExtend<Tree>();
    expectTypeOf(cat({ dModel: 4 }).init).returns.toHaveProperty('oProj');
    expectTypeOf(cat({ dModel: 4 }).apply)
      .parameter(1)
      .toEqualTypeOf<tf.Tensor>();
    expectTypeOf(mqar({ seqLen: 16 })).toExtend<SolvedTask>();
    // @ts-expect-error a typo
    expect(() => cat({ dModel: 4, nHead: 2 })).toThrow(/nHeads/);
    // @ts-expect-error a filter that there is not
    expect(() => cat({ dModel: 4, filters: 'perhead' })).toThrow(/perHead/);
  });

  it('of an experiment: names, factories and made parts; what comes out is what was written', () => {
    const experiment = defineExperiment({
      extends: 'quick',
      models: { Gain: { layers: [gain, 'cat', { mixer: cat, nHeads: 2 }, gain({ dModel: 4 })], nLayers: 4 } },
      learningRates: [1e-3],
    });
    expectTypeOf(experiment).toExtend<ExperimentConfig>();
    expectTypeOf(experiment.learningRates).toEqualTypeOf<number[]>();
    expect(experiment.models.Gain.nLayers).toBe(4);
    defineExperiment({ task: { task: first, seqLen: 16 } });
    // @ts-expect-error a preset is named
    defineExperiment({ extends: 3 });
    // @ts-expect-error rates are numbers
    defineExperiment({ learningRates: ['1e-3'] });
    // @ts-expect-error a layer is no number
    defineExperiment({ models: { Gain: { layers: [3] } } });
  });
});
