/**
 * A training that loses its GPU in the second step, and what came of it, as JSON. A process of its own, as the device of
 * a process does not come back.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, isZooError, tf, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';

/** The code and message of the error a promise ends with. */
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ code: 'none', message: 'no error' }),
    (error: unknown) => ({ code: isZooError(error) ? error.code : 'unknown', message: String(error) }),
  );

await useEngine('webgpu');
const directory = await mkdtemp(join(tmpdir(), 'mixerzoo-lost-'));
const checkpoint = () => readFile(join(directory, 'model.safetensors'), 'hex');
const trainer = await createTrainer({
  model: createLanguageModel({ vocabSize: 16, dModel: 8, layers: [{ sequenceMixer: cat({ dModel: 8, nHeads: 1 }) }] }),
  task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
  batchSize: 4,
  examplesPerEpoch: 4 * 20,
  epochs: 1,
  validationExamples: 4,
});
await trainer.save(directory);
const before = await checkpoint();
const { device } = tf.backend() as unknown as { device: GPUDevice };
const training = await errorOf(
  trainer.runEpoch({
    onStep({ step }) {
      if (step === 2) device.destroy();
    },
  }),
);
const saving = await errorOf(trainer.save(directory));
const unharmed = (await checkpoint()) === before;
await rm(directory, { recursive: true });
process.stdout.write(JSON.stringify({ training, saving, unharmed }), () => process.exit(0));
