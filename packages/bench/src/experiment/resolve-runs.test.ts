import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attention } from '@mixerzoo/attention';
import { byteTokenizer, prepareData } from '@mixerzoo/text';
import { describe, expect, it } from 'vitest';
import { discoverPlugins } from '../plugins.js';
import { type ExperimentConfig, experimentSchema } from './experiment.js';
import { resolveRuns } from './resolve-runs.js';

const registry = await discoverPlugins(process.cwd());
const resolve = (config: ExperimentConfig) =>
  resolveRuns(
    {
      experiment: experimentSchema.parse({
        task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 },
        model: { dModel: 16 },
        ...config,
      }),
      files: [],
    },
    registry,
  );

describe('resolveRuns', () => {
  it('makes a run of each model, learning rate and seed, whole comparisons first', async () => {
    const models = { A: { layers: ['attention'] }, B: { layers: ['cat'] } };
    const runs = await resolve({ models, seeds: [0, 1], learningRates: [0.1, 0.01] });
    expect(runs.map(({ config }) => `${config.label} ${config.learningRate} ${config.seed}`)).toEqual([
      'A 0.1 0',
      'B 0.1 0',
      'A 0.01 0',
      'B 0.01 0',
      'A 0.1 1',
      'B 0.1 1',
      'A 0.01 1',
      'B 0.01 1',
    ]);
    expect(new Set(runs.map(({ config }) => config.id)).size).toBe(8);
  });

  it('trains a model with what is its own, and takes its rates in rounds beside the others', async () => {
    const train = { warmupTokens: 640, clipNorm: 1, epochs: 4, stepsPerEpoch: 5 };
    const models = {
      A: { layers: ['attention'] },
      B: { layers: ['attention'], learningRates: [0.3], train: { warmupSteps: 2, beta2: 0.95, clipNorm: null } },
    };
    const runs = await resolve({ models, train, learningRates: [0.1, 0.01], seeds: [0, 1] });
    expect(runs.map(({ round, config }) => `${round} ${config.label} ${config.learningRate} ${config.seed}`)).toEqual([
      '0 A 0.1 0',
      '0 B 0.3 0',
      '1 A 0.01 0',
      '2 A 0.1 1',
      '2 B 0.3 1',
      '3 A 0.01 1',
    ]);
    const [a, b] = runs.map(({ config }) => config.train);
    expect(b).toEqual({ ...a, warmupSteps: 2, beta2: 0.95, clipNorm: null });
    expect(runs[0]!.config.description).toMatch(
      /Budget of every model: 20 steps of 64 fresh examples, AdamW with weight decay 0\.1 of matrices, learning rate 0\.1 and 0\.01 falling .*But for B: AdamW with weight decay 0\.1 of matrices, betas 0\.9 and 0\.95, learning rate 0\.3 falling to 0 by a cosine, 2 steps of warm-up\.$/,
    );
    const alone = {
      models: { B: { layers: ['attention'] } },
      train: b as ExperimentConfig['train'],
      learningRates: [0.3],
    };
    const [whole] = await resolve(alone);
    expect(runs[1]!.config.id).toBe(whole!.config.id);
  });

  it('refuses training of its own that does not go together, where it stands', async () => {
    const refused = (own: object, message: RegExp) =>
      expect(resolve({ models: { A: { layers: ['attention'], ...own } } })).rejects.toThrow(message);
    await refused({ train: { warmupSteps: 9999 } }, /^models\.A\.train: schedule: warmupSteps: expected at most/);
    await refused({ train: { warmupSteps: 1, warmupTokens: 9 } }, /^models\.A\.train: train: expected warmupTokens or/);
    await refused({ learningRates: [1e-9], train: { minLearningRate: 1e-3 } }, /^models\.A\.train: .*minLearningRate/);
  });

  it('marks the runs of a search, which are the same runs as without, and says how it goes', async () => {
    const models = { A: { layers: ['attention'] }, B: { layers: ['attention'], learningRates: [0.5, 0.2, 0.1] } };
    const common = { models, learningRates: [0.3, 0.1, 0.01], seeds: [3, 4, 5] };
    const plain = await resolve(common);
    const runs = await resolve({ ...common, search: { rungs: [2, 8] }, sweep: { enoughAt: 0.9 } });
    expect(runs.map(({ config }) => config.id)).toEqual(plain.map(({ config }) => config.id));
    expect(plain[0]!.config).not.toHaveProperty('search');
    expect(runs[1]!.config.search).toEqual({ rates: [0.5, 0.2, 0.1], rungs: [2, 8], keep: 0.5, seed: 3 });
    expect(runs[0]!.config.description).toContain(
      'Search of the learning rate, the same for every model (successive halving at seed 3, schedules of the whole budget): of 3 rates ' +
        'the best 2 on validation go on after epoch 2 and the best 1 after epoch 8; what is left is trained to the end, and the best of it ' +
        "is the model's, also for the other 2 seeds. A rate that has 90 % at one of these epochs goes on alone.",
    );
  });

  it('refuses a search that is none, or not as large for every model', async () => {
    const models = { A: { layers: ['attention'] }, B: { layers: ['cat'], learningRates: [0.1] } };
    const refused = (config: ExperimentConfig, message: RegExp) =>
      expect(resolve({ models, learningRates: [0.1, 0.2], ...config })).rejects.toThrow(message);
    await refused(
      { search: { rungs: [1] } },
      /^search: expected as many learning rates for every model, got 2 of 'A', 1 of 'B'/,
    );
    const alike = { models: { A: { layers: ['attention'] } } };
    await refused(
      { ...alike, search: { rungs: [4, 4] } },
      /^search\.rungs: expected ascending epochs before the last of 16/,
    );
    await refused({ ...alike, search: { rungs: [16] } }, /^search\.rungs: .*got 16\. What is left after them/);
    await refused({ ...alike, search: { rungs: [1], seed: 7 } }, /^search\.seed: expected one of seeds, 0, got 7/);
  });

  it('identifies a run by what decides its numbers, not by names or the order of keys', async () => {
    const [plain] = await resolve({ models: { A: { layers: [{ mixer: 'attention', nHeads: 2, dropout: 0 }] } } });
    const [same] = await resolve({
      name: 'other',
      description: 'words',
      models: { 'Another name': { layers: [{ dropout: 0, nHeads: 2, mixer: attention }] } },
    });
    const [made] = await resolve({ models: { A: { layers: [attention({ dModel: 16, nHeads: 2, dropout: 0 })] } } });
    const [wider] = await resolve({ models: { A: { layers: [{ mixer: 'attention', nHeads: 4, dropout: 0 }] } } });
    expect(same?.config.id).toBe(plain?.config.id);
    expect(made?.config.id).toBe(plain?.config.id);
    expect(wider?.config.id).not.toBe(plain?.config.id);
    expect(same?.directoryName).toMatch(/^another-name-lr0\.01-s0-[0-9a-f]{12}$/);
  });

  it('repeats the pattern of layers and overrides the backbone by model and by layer', async () => {
    const [run] = await resolve({
      models: {
        A: {
          layers: [{ mixer: 'cat', block: { channelMixer: { name: 'mlp', dHidden: 8 } } }, 'attention'],
          nLayers: 5,
          model: { norm: 'rmsNorm', positions: 'learned' },
        },
      },
      testLengths: [32],
    });
    expect(run?.config.layers.map(({ mixer }) => mixer)).toEqual(['cat', 'attention', 'cat', 'attention', 'cat']);
    expect(run?.config.model).toMatchObject({
      nLayers: 5,
      norm: { name: 'rmsNorm' },
      positions: 'learned',
      maxPositions: 32,
    });
    expect(run?.model.nLayers).toBe(5);
    const layers = run?.model.config['layers'] as { channelMixer: unknown }[];
    expect(layers[0]?.channelMixer).toMatchObject({ name: 'mlp', config: { dHidden: 8 } });
    expect(layers[1]?.channelMixer).toBe('none');
  });

  it.each([
    [
      'a mixer of another width',
      { A: { layers: [attention({ dModel: 8 })] } },
      /models\.A: layers\.0.*dModel 16, got 8/,
    ],
    [
      'options of a mixer that is made',
      { A: { layers: [{ mixer: attention({ dModel: 16 }), nHeads: 2 }] } },
      /expected no options .* got nHeads/,
    ],
    [
      'an unknown channel mixer',
      { A: { layers: ['cat'], model: { channelMixer: 'mpl' } } },
      /models\.A\.layers\.0: unknown channel mixer 'mpl'.*'mlp'/,
    ],
    [
      'an unknown block option',
      { A: { layers: [{ mixer: 'cat', block: { residal: 'parallel' } }] } },
      /models\.A\.layers\.0\.block: unknown key 'residal'.*'residual'/,
    ],
  ])('refuses %s', async (_what, models, message) => {
    await expect(resolve({ models: models as NonNullable<ExperimentConfig['models']> })).rejects.toThrow(message);
  });

  it('sweeps widths and lengths, every cell at the first learning rate before any at the second', async () => {
    const runs = await resolve({
      models: { A: { layers: ['attention'] }, B: { layers: ['cat'] } },
      learningRates: [0.1, 0.01],
      sweep: { dims: [8, 16], lengths: [16, { seqLen: 24, numKvPairs: 3, train: { batchSize: 7 } }] },
    });
    expect(runs).toHaveLength(16);
    expect(runs.slice(0, 9).map(({ directoryName }) => directoryName.replace(/-[0-9a-f]+$/, ''))).toEqual([
      'a-d8-L16-lr0.1-s0',
      'b-d8-L16-lr0.1-s0',
      'a-d16-L16-lr0.1-s0',
      'b-d16-L16-lr0.1-s0',
      'a-d8-L24-lr0.1-s0',
      'b-d8-L24-lr0.1-s0',
      'a-d16-L24-lr0.1-s0',
      'b-d16-L24-lr0.1-s0',
      'a-d8-L16-lr0.01-s0',
    ]);
    expect(new Set(runs.map(({ config }) => config.id)).size).toBe(16);
    expect(runs.at(-1)?.config).toMatchObject({
      task: { config: { seqLen: 24, numKvPairs: 3 } },
      model: { dModel: 16 },
      train: { batchSize: 7 },
      testLengths: [24],
    });
    expect(runs[0]?.config.description).toContain('length 16 and 24');
  });

  it.each([
    ['a seed twice', { seeds: [0, 1, 0] }, /'A' at learning rate 0\.01 and seed 0 twice/],
    ['a width twice', { sweep: { dims: [16, 8, 16] } }, /'A' at learning rate 0\.01 and seed 0 twice/],
    [
      'two names of one model that make one directory',
      { models: { A: { layers: ['cat'] }, a: { layers: ['cat'] } } },
      /models: expected models that differ, got 'a' like 'A'/,
    ],
  ])('refuses %s', async (_what, config, message) => {
    await expect(resolve({ models: { A: { layers: ['cat'] } }, ...config })).rejects.toThrow(message);
  });

  it('gives equal models of labels in any script directories of their own', async () => {
    const models = { Катя: { layers: ['cat'] }, Маша: { layers: ['cat'] }, 实验: { layers: ['cat'] } };
    const runs = await resolve({ models });
    expect(runs.map(({ directoryName }) => directoryName.split('-lr')[0])).toEqual(['катя', 'маша', '实验']);
  });

  it.each<[string, ExperimentConfig, RegExp]>([
    [
      'runs without end',
      {
        seeds: Array.from({ length: 400 }, (_, seed) => seed),
        learningRates: Array.from({ length: 400 }, (_, n) => 1 / (n + 1)),
      },
      /experiment: expected at most 100,000 runs .*, got 160,000/,
    ],
    [
      'layers without end',
      {
        models: { A: { layers: ['cat'], nLayers: 1000 } },
        sweep: { dims: Array.from({ length: 200 }, (_, n) => n + 1) },
      },
      /at most 100,000 layers .*, got 200,000/,
    ],
    [
      'more test examples than can be held',
      { train: { testExamples: 1e8 } },
      /train: testExamples 100000000 at length 16: expected at most 268,435,456 tokens, got 1,600,000,000/,
    ],
    [
      'more validation examples',
      { train: { validationExamples: 2e8 } },
      /train: validationExamples 200000000 .*, got 3,200,000,000/,
    ],
    ['a larger batch', { train: { batchSize: 1e8 } }, /train: batchSize 100000000 .* tokens, got 1,600,000,000/],
    [
      'more fixed examples',
      { train: { freshExamples: false, batchSize: 1000, stepsPerEpoch: 1e6 } },
      /batchSize x stepsPerEpoch \(freshExamples false\) 1000000000/,
    ],
    [
      'a width',
      { model: { dModel: 65536 } },
      /models\.A: a weight \[dModel 65536, dModel 65536\]: .* got 4,294,967,296/,
    ],
    [
      'a length',
      {
        task: { task: 'mqar', vocabSize: 64, seqLen: 2 ** 20, numKvPairs: 4 },
        train: { testExamples: 16 },
        models: { A: { layers: ['cat'], nLayers: 8 } },
      },
      /models\.A: .*activations a batch: expected at most .* floats to train/,
    ],
    [
      'parameters',
      { model: { dModel: 8192 }, models: { A: { layers: ['attention'], nLayers: 1000 } } },
      /models\.A: about 268,\d{3},\d{3},\d{3} parameters/,
    ],
    ['a state', { models: { A: { layers: [{ mixer: 'mamba', dState: 1e12 }] } } }, /models\.A: about .* parameters/],
  ])('refuses %s that no machine holds, with the number', async (_what, config, message) => {
    await expect(resolve({ models: { A: { layers: ['cat'] } }, engine: 'wasm', ...config })).rejects.toThrow(message);
  });

  it('refuses a mixer whose config is not data', async () => {
    const made = { ...attention({ dModel: 16 }), config: { dModel: 16, taps: 3n } };
    const models = { A: { layers: [made as never] } };
    await expect(resolve({ models })).rejects.toThrow(
      /models\.A\.layers\.0: config of attention: taps: expected a number, got the bigint 3n/,
    );
  });

  it('keeps names of directories within what file systems take', async () => {
    const [run] = await resolve({ models: { ['a name '.repeat(50)]: { layers: ['cat'] } } });
    expect(run?.directoryName.length).toBeLessThan(160);
    const [wide] = await resolve({ models: { ['𠮷野家'.repeat(50)]: { layers: ['cat'] } } });
    expect(Buffer.byteLength(wide!.directoryName)).toBeLessThan(160);
  });

  it('marks runs that are tested free-running, and those alone', async () => {
    const task = { task: 'selectiveCopy', seqLen: 16, numSignals: 4 };
    const models = { A: { layers: ['cat'] } };
    const [plain] = await resolve({ models, task });
    const [free] = await resolve({ models, task, freeRunning: true });
    expect([plain?.config.freeRunning, free?.config.freeRunning]).toEqual([undefined, true]);
    expect(free?.config.id).not.toBe(plain?.config.id);
    expect(free?.config.description).toContain("with the teacher's tokens and free-running");
    await expect(resolve({ models, freeRunning: true })).rejects.toThrow(
      /freeRunning: mqar: expected a task that ends with its whole answer/,
    );
  });

  it('refuses a recipe that does not fit the run, in any cell, before anything is trained', async () => {
    const train = { epochs: 2, stepsPerEpoch: 5 };
    const models = { A: { layers: ['cat'] } };
    await expect(resolve({ models, train: { ...train, warmupSteps: 1000 } })).rejects.toThrow(
      /^train: schedule: warmupSteps: expected at most the run's 10 steps, got 1000\./,
    );
    const lengths = [{ seqLen: 32, train: { stepsPerEpoch: 1 } }];
    await expect(resolve({ models, train: { ...train, warmupSteps: 5 }, sweep: { lengths } })).rejects.toThrow(
      /at most the run's 2 steps, got 5/,
    );
    const learningRates = [0.1, 0.01];
    await expect(resolve({ models, learningRates, train: { minLearningRate: 0.05 } })).rejects.toThrow(
      /minLearningRate: expected at most the learning rate 0\.01, got 0\.05/,
    );
  });

  it('refuses windows longer than the text, of any split, before anything is trained', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-windows-'));
    const write = (name: string, content: string) => {
      writeFileSync(join(directory, name), content);
      return join(directory, name);
    };
    const [long, short] = [write('long.txt', 'many words. '.repeat(99)), write('short.txt', 'few words')];
    const [data, held] = [join(directory, 'data'), join(directory, 'held')];
    const tokenizer = byteTokenizer();
    await prepareData({ files: [short], validation: [long], test: [long], tokenizer, out: data });
    await prepareData({ files: [long], validation: [short], test: 0, tokenizer, out: held });
    const models = { A: { layers: ['cat'] } };
    const train = { validationTokens: 64, testTokens: 64 };
    const run = (place: string) => resolve({ models, train, task: { task: 'text', data: place, seqLen: 32 } });
    await expect(run(data)).rejects.toThrow(
      /^train: text\.generate: expected at most 0 examples of 'train', 10 tokens/,
    );
    await expect(run(held)).rejects.toThrow(/^train: text\.generate: expected at most 0 examples of 'validation'/);
    rmSync(directory, { recursive: true });
  });

  it('refuses a test length that does not hold the task', async () => {
    await expect(resolve({ models: { A: { layers: ['cat'] } }, testLengths: [15] })).rejects.toThrow(
      /testLengths: mqar: .*15/,
    );
  });
});
