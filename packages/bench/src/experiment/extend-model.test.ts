import { defineModel, definePlugin } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { assertPlugin } from '../plugin-kinds.js';
import { discoverPlugins } from '../plugins.js';
import type { ExperimentConfig } from './experiment.js';
import { loadExperiment } from './experiment-source.js';
import { resolveRuns } from './resolve-runs.js';

const registry = await discoverPlugins(process.cwd());
const load = (config: ExperimentConfig, ...assignments: string[]) =>
  loadExperiment(
    { inline: { task: { task: 'mqar', vocabSize: 64, seqLen: 16, numKvPairs: 4 }, ...config }, assignments },
    registry,
  );
const models = async (given: Record<string, unknown>, ...assignments: string[]) =>
  (await load({ models: given as ExperimentConfig['models'] & object }, ...assignments)).experiment.models;

describe('a model that extends one of a plugin', () => {
  it('is that model, with what it says on top', async () => {
    const { Plain, Mine, Deep } = await models(
      {
        Plain: { extends: 'pythia-tiny' },
        Mine: {
          extends: 'pythia-tiny-cat-rope',
          mixer: { filterWidth: 4 },
          model: { residual: 'sequential', vocabSize: 96 },
        },
        Deep: { extends: 'pythia-tiny', layers: ['linCat'] },
      },
      'models.Deep.nLayers=7',
      'models.Mine.mixer.nHeads=2',
    );
    expect(Plain).toMatchObject({
      layers: [{ mixer: '@mixerzoo/attention#attention', nHeads: 4, rotaryFraction: 0.25 }],
      nLayers: 4,
      model: { dModel: 128, residual: 'parallel', tieEmbeddings: false },
    });
    expect(Plain).not.toHaveProperty('train');
    expect(Mine).toMatchObject({
      layers: [{ mixer: '@mixerzoo/cat#cat', nHeads: 2, filterWidth: 4, bias: true, init: 'smallInit' }],
      nLayers: 4,
      model: { dModel: 128, residual: 'sequential', norm: 'layerNorm', vocabSize: 96 },
    });
    expect(Deep).toMatchObject({ layers: ['linCat'], nLayers: 7, model: { dModel: 128 } });
  });

  it('is trained as that one says, with what it says itself on top, and knows where what is left is from', async () => {
    const recall = {
      name: 'state-recall',
      summary: 'Mamba for recall.',
      layers: [{ mixer: '@mixerzoo/mamba#mamba', expand: 1 }],
      nLayers: 2,
      model: { residual: 'mixerOnly' },
      learningRates: [3e-3, 1e-3],
      train: { beta2: 0.95, warmupSteps: 3 },
      source: { layers: 'a paper', learningRates: 'its table', 'train.beta2': 'its code', train: 'its text' },
    };
    const plugin = definePlugin({ models: [defineModel(recall)] });
    assertPlugin(plugin, 'of-tests');
    const withRecall = {
      ...registry,
      models: [...registry.models, { name: recall.name, packageName: 'of-tests', part: plugin.models[0]! }],
    };
    const task = { task: 'mqar', vocabSize: 64, seqLen: 16, numKvPairs: 4 };
    const train = { epochs: 2, stepsPerEpoch: 4 };
    const config = {
      task,
      train,
      models: {
        Theirs: { extends: 'state-recall' },
        Mine: { extends: 'state-recall', mixer: { expand: 2 }, learningRates: [0.1], train: { beta2: 0.9 } },
      },
    };
    const loaded = await loadExperiment({ inline: config, assignments: ['model.dModel=16'] }, withRecall);
    const runs = await resolveRuns(loaded, withRecall);
    expect(
      runs.map(({ config: { label, learningRate, train, source } }) => [label, learningRate, train.beta2, source]),
    ).toEqual([
      ['Theirs', 3e-3, 0.95, recall.source],
      ['Mine', 0.1, 0.9, { layers: 'a paper, but for layers.expand', train: 'its text, but for train.beta2' }],
      ['Theirs', 1e-3, 0.95, recall.source],
    ]);
    const ratesAndSource = async (learningRates: number[]) => {
      const { experiment } = await loadExperiment(
        { inline: { ...config, learningRates }, assignments: [] },
        withRecall,
      );
      const { learningRates: own = experiment.learningRates, source } = experiment.models['Theirs']!;
      return [own, source];
    };
    expect(await ratesAndSource([0.5])).toEqual([
      [0.5],
      { layers: 'a paper', 'train.beta2': 'its code', train: 'its text' },
    ]);
    expect(await ratesAndSource([3e-3, 1e-3])).toEqual([[3e-3, 1e-3], recall.source]);
    expect(runs[0]!.config).toMatchObject({
      train: { warmupSteps: 3, batchSize: 64 },
      model: { dModel: 16, nLayers: 2 },
    });
    expect(runs[0]!.config.id).toBe(
      (
        await resolveRuns(
          await loadExperiment(
            {
              inline: {
                ...config,
                models: {
                  Bare: { ...loaded.experiment.models['Theirs']!, source: {} },
                },
              },
              assignments: ['model.dModel=16'],
            },
            registry,
          ),
          registry,
        )
      )[0]!.config.id,
    );
  });

  it('refuses models of plugins whose training is none', () => {
    const model = { name: 'x', summary: '', layers: [{ mixer: 'cat' }], nLayers: 1, model: {} };
    const refused = (own: object, message: RegExp) =>
      expect(() => assertPlugin(definePlugin({ models: [{ ...model, ...own }] }), 'p')).toThrow(message);
    refused({ train: { learningRate: 0.1 } }, /^p: model 'x': train: expected .* got a learningRate.*pretraining/);
    refused({ train: { epochs: 4 } }, /^p: model 'x': train: unknown key 'epochs'/);
    refused({ learningRates: [] }, /^p: model 'x': learningRates: /);
    refused({ vocabSize: 'many' }, /^p: model 'x': expected summary, layers, nLayers and model, and vocabSize/);
  });

  it('puts options on layers that stand alone, and refuses to on those that are made', async () => {
    const { A } = await models({ A: { extends: 'pythia-tiny', layers: ['cat', 'gla'], mixer: { nHeads: 2 } } });
    expect(A?.layers).toEqual([
      { mixer: 'cat', nHeads: 2 },
      { mixer: 'gla', nHeads: 2 },
    ]);
    const made = { specVersion: 1, name: 'x', apply() {} };
    await expect(models({ A: { extends: 'pythia-tiny', layers: [made], mixer: { nHeads: 2 } } })).rejects.toThrow(
      /models\.A: expected layers by name beside mixer/,
    );
  });

  it('says what is wrong', async () => {
    const refused = (given: unknown, message: RegExp) => expect(models({ A: given })).rejects.toThrow(message);
    await refused({ extends: 'pythia-tiny-cat' }, /models\.A\.extends: unknown model 'pythia-tiny-cat'.*Did you mean/);
    await refused(
      { extend: 'pythia-tiny' },
      /models\.A: expected layers, or extends with the name of a model, got extend/,
    );
    await refused({ layers: ['cat'], mixer: { nHeads: 2 } }, /models\.A: expected mixer beside extends/);
    await refused(
      { extends: 'pythia-tiny', mixer: 4 },
      /models\.A: expected extends: <name of a model>, mixer: \{ options/,
    );
    await refused(
      { layers: ['cat'], train: { epochs: 3 } },
      /^models\.A\.train: expected optimizer and schedule alone, got epochs/,
    );
    await refused({ extends: 3 }, /models\.A: expected extends: <name of a model>/);
    await refused({ extends: 'pythia-tiny', layer: [] }, /models\.A: unknown key 'layer'/);
  });

  it('has the vocabulary of the task, or more rows of its own, never less', async () => {
    const count = async (model: object) => {
      const loaded = await load({ models: { A: { extends: 'gla-tiny', ...model } as never } });
      const [run] = await resolveRuns(loaded, registry);
      return [run!.model.vocabSize, run!.model.parameterCount, run!.config.model['vocabSize']];
    };
    const [, parameters] = await count({});
    expect(await count({})).toEqual([64, parameters, undefined]);
    expect(await count({ model: { vocabSize: 96 } })).toEqual([96, (parameters as number) + 32 * 128, 96]);
    await expect(count({ model: { vocabSize: 63 } })).rejects.toThrow(
      /models\.A: model\.vocabSize: expected at least the 64 tokens of mqar, got 63\. Leave it out, or raise it\./,
    );
  });
});
