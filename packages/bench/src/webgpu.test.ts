/**
 * The webgpu engine in training, skipped on any other: a CAT learns to recall, and a lost device ends a training with an
 * error that says so, its checkpoint as it was. Sizes are small: a software driver must do.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, EngineError, tf, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
import { beforeAll, describe, expect, it } from 'vitest';

describe('the webgpu engine', () => {
  let engineName: string;
  beforeAll(async () => {
    engineName = (await useEngine()).name;
  });

  const smallTrainer = (epochs: number) =>
    createTrainer({
      model: createLanguageModel({
        vocabSize: 16,
        dModel: 16,
        layers: [{ sequenceMixer: cat({ dModel: 16, nHeads: 1 }), channelMixer: 'none' }],
      }),
      task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
      seed: 1,
      batchSize: 16,
      examplesPerEpoch: 16 * 20,
      epochs,
      freshExamples: true,
      optimizer: { learningRate: 2e-2 },
      validationExamples: 200,
      stopAt: 0.99,
    });

  it('trains a CAT to 99 % on a tiny MQAR', { timeout: 600_000 }, async (context) => {
    if (engineName !== 'webgpu') context.skip(`about the webgpu engine, not ${engineName}`);
    const trainer = await smallTrainer(20);
    while (!trainer.done) await trainer.runEpoch();
    expect(trainer.history.at(-1)?.validationAccuracy).toBeGreaterThanOrEqual(0.99);
    trainer.dispose();
  });

  it('ends with an error that says so when the device is lost', { timeout: 600_000 }, async (context) => {
    if (engineName !== 'webgpu') context.skip(`about the webgpu engine, not ${engineName}`);
    const directory = await mkdtemp(join(tmpdir(), 'mixerzoo-lost-'));
    const trainer = await smallTrainer(1);
    await trainer.save(directory);
    const before = await readFile(join(directory, 'model.safetensors'));
    const { device } = tf.backend() as unknown as { device: GPUDevice };
    const training = trainer.runEpoch({
      onStep({ step }) {
        if (step === 2) device.destroy();
      },
    });
    await expect(training).rejects.toThrow(EngineError);
    await expect(training).rejects.toThrow(/loss .*Run the same command again/);
    // Saving needs the device too: it must fail before it touches what is there.
    await expect(trainer.save(directory)).rejects.toThrow();
    expect(await readFile(join(directory, 'model.safetensors'))).toEqual(before);
    await rm(directory, { recursive: true });
  });
});
