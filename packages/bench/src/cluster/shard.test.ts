import { expect, it } from 'vitest';
import { experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { parseShard, runsOf } from './shard.js';

it('is read from words, from an array of Slurm and from an Indexed Job', () => {
  expect(parseShard('2/5')).toEqual({ index: 2, count: 5 });
  const slurm = {
    SLURM_ARRAY_TASK_ID: '14',
    SLURM_ARRAY_TASK_COUNT: '5',
    SLURM_ARRAY_TASK_MIN: '10',
    SLURM_ARRAY_TASK_STEP: '2',
  };
  expect(parseShard('auto', slurm)).toEqual({ index: 2, count: 5 });
  expect(parseShard('auto', { JOB_COMPLETION_INDEX: '3', MIXERZOO_SHARDS: '4' })).toEqual({ index: 3, count: 4 });
});

it.each([
  ['5/5', {}, /--shard: expected i\/n, the i-th of n parts from 0, or 'auto', got '5\/5'/],
  ['one', {}, /--shard: expected i\/n/],
  ['auto', {}, /expected SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX in the environment, got none/],
  ['auto', { JOB_COMPLETION_INDEX: '1' }, /expected MIXERZOO_SHARDS beside JOB_COMPLETION_INDEX/],
  [
    'auto',
    { SLURM_ARRAY_TASK_ID: '9', SLURM_ARRAY_TASK_COUNT: '2' },
    /expected an array of tasks in even steps, got task 9 of 2/,
  ],
])('refuses %s in %j', (text, env, message) => {
  expect(() => parseShard(text, env)).toThrow(message);
});

it('divides the runs, each in one part, and keeps together those that wait for each other', async () => {
  const experiment = (extra: object) =>
    experimentSchema.parse({
      task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 },
      models: { A: { layers: ['attention'] }, B: { layers: ['based'] }, C: { layers: ['cat'] } },
      learningRates: [0.03, 0.01, 0.003],
      seeds: [0, 1],
      ...extra,
    });
  const registry = await discoverPlugins(process.cwd());
  for (const extra of [{}, { sweep: { enoughAt: 0.9 } }, { search: { rungs: [1] } }]) {
    const runs = await resolveRuns({ experiment: experiment(extra), files: [] }, registry);
    const parts = [0, 1, 2, 3].map((index) => runsOf(runs, { index, count: 4 }));
    expect(parts.flat().length).toBe(runs.length);
    expect(new Set(parts.flat())).toEqual(new Set(runs));
    const cell = ({ config: { label, seed } }: (typeof runs)[number]) =>
      'search' in extra ? label : `${label} ${seed}`;
    if ('sweep' in extra || 'search' in extra) {
      for (const part of parts)
        for (const run of part) {
          expect(part.filter((other) => cell(other) === cell(run))).toEqual(
            runs.filter((other) => cell(other) === cell(run)),
          );
        }
    }
  }
});
