/**
 * The webgpu engine in training, skipped on any other: a CAT learns to recall, and a lost device ends a training with an
 * error that says so, its checkpoint as it was. Sizes are small: a software driver must do.
 */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
import { beforeAll, describe, expect, it } from 'vitest';

describe('the webgpu engine', () => {
  let engineName: string;
  beforeAll(async () => {
    engineName = (await useEngine()).name;
  });

  it('trains a CAT to 99 % on a tiny MQAR', { timeout: 600_000 }, async (context) => {
    if (engineName !== 'webgpu') context.skip(`about the webgpu engine, not ${engineName}`);
    const sequenceMixer = cat({ dModel: 16, nHeads: 1 });
    const trainer = await createTrainer({
      model: createLanguageModel({ vocabSize: 16, dModel: 16, layers: [{ sequenceMixer, channelMixer: 'none' }] }),
      task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
      seed: 1,
      batchSize: 16,
      examplesPerEpoch: 16 * 20,
      epochs: 20,
      freshExamples: true,
      optimizer: { learningRate: 2e-2 },
      validationExamples: 200,
      stopAt: 0.99,
    });
    while (!trainer.done) await trainer.runEpoch();
    expect(trainer.history.at(-1)?.validationAccuracy).toBeGreaterThanOrEqual(0.99);
    trainer.dispose();
  });

  it('ends with an error that says so when the device is lost, and leaves the checkpoint as it was', {
    timeout: 600_000,
  }, async (context) => {
    if (engineName !== 'webgpu') context.skip(`about the webgpu engine, not ${engineName}`);
    const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const program = fileURLToPath(new URL('../__fixtures__/lose-device.ts', import.meta.url));
    const command = ['--conditions=@mixerzoo/source', '--import', loader, program];
    const { stdout } = await promisify(execFile)(process.execPath, command);
    const { training, saving, unharmed } = JSON.parse(stdout);
    expect(training.code).toBe('engine');
    expect(training.message).toMatch(/loss .*Run the same command again/);
    // Saving needs the device too: it must fail before it touches what is there.
    expect(saving.code).not.toBe('none');
    expect(unharmed).toBe(true);
  });
});
