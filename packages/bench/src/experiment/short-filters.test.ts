/** Short filters in experiments: of a model, of a layer, written or wrapped; in records, and back from them. */
import { attention } from '@mixerzoo/attention';
import { shortFilter } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { changeMixers, rebuildRun } from '../evaluation/rebuild-model.js';
import { discoverPlugins } from '../plugins.js';
import { assign } from './assign.js';
import { type ExperimentConfig, experimentSchema } from './experiment.js';
import { resolveRuns } from './resolve-runs.js';

const registry = await discoverPlugins(process.cwd());
const resolve = (config: ExperimentConfig) => {
  const task = { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 };
  const experiment = experimentSchema.parse({ task, model: { dModel: 16 }, ...config });
  return resolveRuns({ experiment, files: [] }, registry);
};
const only = async (config: ExperimentConfig) => (await resolve(config))[0]!;

const CANON = { width: 4, residual: true, activation: 'none', init: 'uniform' };
const layers = [{ mixer: 'attention', nHeads: 2 }];

describe('short filters of an experiment', () => {
  it('are those of every layer, and a layer may have others or none', async () => {
    const block = { shortFilters: { C: { width: 2 } } };
    const { config, model } = await only({
      models: { A: { layers: [...layers, { mixer: 'cat', block }, { mixer: 'cat', block: { shortFilters: {} } }] } },
      model: {
        dModel: 16,
        channelMixer: 'swiGlu',
        shortFilters: { A: true, B: { width: 5 }, D: { activation: 'silu' } },
      },
    });
    expect(config.layers.map(({ block }) => block['shortFilters'])).toEqual([
      { A: CANON, B: { width: 5 }, D: { ...CANON, activation: 'silu' } },
      { C: { ...CANON, width: 2 } },
      undefined,
    ]);
    const made = model.config['layers'] as { sequenceMixer: { config: object }; shortFilters?: object }[];
    expect(made.map(({ shortFilters }) => Object.keys(shortFilters ?? {}))).toEqual([['A', 'D'], ['C'], []]);
    expect(made[0]?.sequenceMixer.config).toMatchObject({ filters: 'perHead', filterWidth: 5 });
  });

  it('make another run, the same however they are written', async () => {
    const idOf = async (config: ExperimentConfig) => (await only(config)).config.id;
    const filtered = (shortFilters: object): ExperimentConfig => ({
      models: { A: { layers: [{ ...layers[0]!, block: { shortFilters } }] } },
    });
    const plain = await idOf({ models: { A: { layers } } });
    expect(await idOf(filtered({}))).toBe(plain);
    expect(await idOf(filtered({ A: false }))).toBe(plain);
    const first = await idOf(filtered({ A: true }));
    expect(first).not.toBe(plain);
    expect(await idOf(filtered({ A: { width: 4 } }))).toBe(first);
    expect(await idOf({ models: { A: { layers, model: { shortFilters: { A: true } } } } })).toBe(first);
    const wrapped = shortFilter({ dModel: 16, inner: attention({ dModel: 16, nHeads: 2 }) });
    expect(await idOf({ models: { A: { layers: [wrapped] } } })).toBe(first);
    const others = [{ A: { width: 2 } }, { A: { residual: false } }, { B: true }, { A: true, B: true }];
    const ids = await Promise.all(others.map((shortFilters) => idOf(filtered(shortFilters))));
    expect(new Set([plain, first, ...ids]).size).toBe(2 + others.length);
  });

  it('come back from the record of a run, and from the config of its model', async () => {
    const shortFilters = {
      A: { width: 2 },
      B: { kind: 'perChannel' as const, residual: true },
      C: true,
      D: { width: 3 },
    };
    const wrapped = shortFilter({ dModel: 16, inner: attention({ dModel: 16, nHeads: 2 }), width: 3 });
    for (const entry of [layers[0]!, wrapped]) {
      const places = entry === wrapped ? { C: true } : shortFilters;
      const { config, model } = await only({
        models: { A: { layers: [entry] } },
        model: { dModel: 16, channelMixer: 'mlp', shortFilters: places },
      });
      const stored = JSON.parse(JSON.stringify(config));
      const rebuilt = await rebuildRun(stored, registry);
      expect(rebuilt.model.config).toEqual(model.config);
      expect((await changeMixers(model, (options) => options, registry)).config).toEqual(model.config);
    }
  });

  it('are set from the command line, in place of what stands there', () => {
    const config = { model: { shortFilters: { A: true } } };
    expect(assign(config, 'model.shortFilters.A.width=2')).toEqual({ model: { shortFilters: { A: { width: 2 } } } });
    expect(assign({}, 'model.shortFilters={B: true}')).toEqual({ model: { shortFilters: { B: true } } });
  });

  it.each([
    ['a place that is none', { E: true }, /shortFilters: unknown key 'E'/],
    ['an option that is none', { A: { taps: 3 } }, /shortFilters\.A.*taps/],
    [
      'a channel mixer that is not there',
      { C: true },
      /models\.A: layers\.0\.shortFilters\.C: expected a channelMixer/,
    ],
  ])('are refused at %s', async (_what, shortFilters, message) => {
    const block = { shortFilters };
    await expect(resolve({ models: { A: { layers: [{ mixer: 'cat', block }] } } })).rejects.toThrow(message);
  });
});
