import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineTask, type TaskFactory } from './task.js';
import { describeTask } from './testing/index.js';
import { chain, entropyRate } from './train/__fixtures__/chain.js';
import { marker } from './train/__fixtures__/marker-run.js';

describeTask('a chain', () => chain({ seqLen: 12 }), { measure: 'likelihood', count: 20, lengths: [24, 7] });

describe('a task', () => {
  it('passes over its data in the order of the seed, each window once', () => {
    const task = chain({ seqLen: 10, tokens: 101 });
    const pass = (seed: number, first: number) => {
      const { inputs } = task.stream!({ seed, first, count: 10 });
      return Array.from({ length: 10 }, (_, row) => inputs.subarray(row * 10, (row + 1) * 10).join()).sort();
    };
    const { inputs } = task.generate({ split: 'train', seed: 0, count: 10 });
    const windows = Array.from({ length: 10 }, (_, row) => inputs.subarray(row * 10, (row + 1) * 10).join()).sort();
    expect([pass(1, 0), pass(1, 10), pass(2, 0)]).toEqual([windows, windows, windows]);
  });

  it('has no stream, measure or baselines unless it says so', () => {
    expect(Object.keys(marker({}))).not.toContain('stream');
    expect(marker({}).measure).toBeUndefined();
  });

  it('has paths of given data beside its config', () => {
    const schema = z.strictObject({ data: z.string().optional(), seqLen: z.number().default(8) });
    const read = defineTask({
      name: 'read',
      summary: 'Reads.',
      schema,
      places: ['data'],
      create: ({ seqLen }) => {
        const { config: _config, ...forms } = marker({ seqLen });
        return { ...forms, atLength: (length) => read({ seqLen: length }) };
      },
    }) as TaskFactory<typeof schema>;
    const [here, there, none] = [read({ data: 'here' }), read({ data: '/there' }), read({})];
    expect(read.places).toEqual(['data']);
    expect([here.config, there.config]).toEqual([{ seqLen: 8 }, { seqLen: 8 }]);
    expect([here.places, there.places]).toEqual([{ data: 'here' }, { data: '/there' }]);
    expect(Object.keys(none)).not.toContain('places');
  });

  it('has the entropy it is made for', () => {
    expect(entropyRate(2)).toBeCloseTo(Math.LN2);
    expect(chain({}).baselines!('test').map(({ name }) => name)).toEqual(['unigram', 'bigram']);
  });
});
