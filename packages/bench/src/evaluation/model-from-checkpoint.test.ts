/** From a run, its checkpoint, and a trainer's own checkpoint to a model that answers as the one that was trained. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, generateTokens, type LanguageModel, tf, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { trainRun } from '../runs/train-run.js';
import { modelFromCheckpoint } from './model-from-checkpoint.js';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-model-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

type Opened = Awaited<ReturnType<typeof modelFromCheckpoint>>;

const logitsOf = ({ model, params }: { model: LanguageModel; params: Opened['params'] }) => [
  ...tf.tidy(() => model.logits(params, model.hidden(params, tf.tensor2d([[1, 2, 3, 4]], [1, 4], 'int32')))).dataSync(),
];

async function tokensOf({ model, params }: Opened): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of generateTokens(model, params, [1, 2], { maxTokens: 5, temperature: 0 })) tokens.push(token);
  return tokens;
}

describe('modelFromCheckpoint', () => {
  it('asks for an engine first', async () => {
    await expect(modelFromCheckpoint(cwd)).rejects.toThrow(/await useEngine\(\)/);
    await useEngine('wasm');
  });

  it("opens what a program's own trainer saved", async () => {
    const model = createLanguageModel({
      vocabSize: 16,
      dModel: 8,
      norm: 'rmsNorm',
      layers: [{ sequenceMixer: cat({ dModel: 8, nHeads: 2 }), channelMixer: 'swiGlu' }],
    });
    const trainer = await createTrainer({
      model,
      task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
      batchSize: 4,
      examplesPerEpoch: 8,
      epochs: 1,
      validationExamples: 4,
    });
    await trainer.runEpoch();
    const directory = join(cwd, 'saved');
    await trainer.save(directory);
    const open = await modelFromCheckpoint(directory);
    expect(open).toMatchObject({ label: 'saved', trainedLength: 8, model: { config: model.config } });
    expect(logitsOf(open)).toEqual(logitsOf({ model, params: trainer.params }));
    expect(await tokensOf(open)).toHaveLength(5);
    await expect(open.tokenizer()).rejects.toThrow(/Use the tokenizer that its data were made with/);
    open.dispose();
    trainer.dispose();
  });

  it('opens a run, and the checkpoint of a run', async () => {
    const registry = await discoverPlugins(process.cwd());
    const experiment = experimentSchema.parse({
      name: 'tiny',
      task: { task: 'mqar', vocabSize: 16, seqLen: 8, numKvPairs: 2 },
      model: { dModel: 8 },
      models: { Cat: { layers: [{ mixer: 'cat', nHeads: 2 }] } },
      train: { batchSize: 4, epochs: 1, stepsPerEpoch: 2, validationExamples: 4, testExamples: 4 },
      engine: 'wasm',
    });
    const [run] = await resolveRuns({ experiment, files: [] }, registry);
    const directory = join(cwd, run!.directoryName);
    await trainRun(run!, directory, {
      workers: 1,
      packages: [],
      lease: { assertHeld() {}, commit: writeFileSync },
      onProgress() {},
    });
    const [one, other] = [
      await modelFromCheckpoint(directory),
      await modelFromCheckpoint(join(directory, 'checkpoint')),
    ];
    expect(one.label).toBe('Cat');
    expect(one.identity).toEqual(other.identity);
    expect(await tokensOf(one)).toEqual(await tokensOf(other));
    for (const open of [one, other]) open.dispose();
  });

  it('says what is there in its place', async () => {
    await expect(modelFromCheckpoint(join(cwd, 'nowhere'))).rejects.toThrow(/nowhere: expected a run's directory/);
  });
});
