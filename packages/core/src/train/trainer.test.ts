import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { arithmeticOf } from '../engines/engine.js';
import { currentEngine, useEngine } from '../engines/index.js';
import { CheckpointError, InvalidConfigError, NumericalError } from '../errors.js';
import type { Mixer } from '../mixer.js';
import { averagingMixer } from '../model/__fixtures__/averaging-mixer.js';
import { createLanguageModel } from '../model/language-model.js';
import { isSoftwareDriver } from '../testing/index.js';
import * as tf from '../tf.js';
import { flattenTree } from '../tree.js';
import { marker, settings, VOCAB } from './__fixtures__/marker-run.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { createTrainer, type StepInfo, type Trainer, type TrainerConfig } from './trainer.js';

/** A state as it stands in `checkpoint.json`. */
interface SavedState extends Record<string, unknown> {
  readonly config: Record<string, unknown>;
  readonly history: readonly Record<string, unknown>[];
}

async function parameters(trainer: Trainer): Promise<Record<string, Float32Array>> {
  const entries = flattenTree(trainer.params).map(async ([path, leaf]) => [path, await leaf.data()] as const);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, Float32Array>;
}

async function train(trainer: Trainer, epochs: number): Promise<StepInfo[]> {
  const steps: StepInfo[] = [];
  for (let epoch = 0; epoch < epochs; epoch += 1) await trainer.runEpoch({ onStep: (info) => steps.push(info) });
  return steps;
}

const curve = (steps: readonly StepInfo[]) =>
  steps.map(({ step, loss, accuracy, gradientNorm, learningRate }) => [
    step,
    loss,
    accuracy,
    gradientNorm,
    learningRate,
  ]);

describe('createTrainer', () => {
  let directory: string;
  const open: Trainer[] = [];
  const start = async (overrides: Partial<TrainerConfig> = {}) => {
    const trainer = await createTrainer(settings(overrides));
    open.push(trainer);
    return trainer;
  };

  beforeAll(async () => {
    await useEngine();
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mixerzoo-'));
  });
  afterEach(async () => {
    for (const trainer of open.splice(0)) trainer.dispose();
    await rm(directory, { recursive: true, force: true });
  });

  it("decays what the model's mixers do not spare", async () => {
    const mixer = averagingMixer({ dModel: 8 });
    const idle = (name: string) => ({ [name]: tf.ones([2, 2]) }); // nothing reads them: no gradient
    const sequenceMixer = {
      ...mixer,
      noDecay: ['rate'],
      init: (seed: number) => ({ own: mixer.init(seed), ...idle('rate'), ...idle('weight') }),
      apply: ({ own }: { own: ReturnType<typeof mixer.init> }, x: tf.Tensor3D) => mixer.apply(own, x),
    } as unknown as Mixer;
    const model = createLanguageModel({ vocabSize: VOCAB, dModel: 8, layers: [{ sequenceMixer }] });
    const trainer = await start({ model });
    await trainer.runEpoch();
    const after = await parameters(trainer);
    expect(after['layers.0.mixer.rate']?.[0]).toBe(1);
    expect(after['layers.0.mixer.weight']?.[0]).toBeLessThan(0.996);
  });

  it("trains parameters at the factors of the model's mixers", async () => {
    const mixer = averagingMixer({ dModel: 8 });
    const sequenceMixer = { ...mixer, factors: { 'vProj.weight': { learningRate: 0 } } };
    const model = createLanguageModel({ vocabSize: VOCAB, dModel: 8, layers: [{ sequenceMixer }] });
    expect(model.factors).toEqual({ 'layers.0.mixer.vProj.weight': { learningRate: 0 } });
    const trainer = await start({ model });
    const before = await parameters(trainer);
    await trainer.runEpoch();
    const after = await parameters(trainer);
    expect(after['layers.0.mixer.vProj.weight']).toEqual(before['layers.0.mixer.vProj.weight']);
    expect(after['layers.0.mixer.oProj.weight']).not.toEqual(before['layers.0.mixer.oProj.weight']);
  });

  it('learns', async (context) => {
    if (isSoftwareDriver())
      context.skip('320 steps on a software driver: the bench package trains a CAT to 99 % on it');
    const trainer = await start({ examplesPerEpoch: 640, epochs: 8, optimizer: { learningRate: 3e-2 } });
    while (!trainer.done) await trainer.runEpoch();
    const last = trainer.history.at(-1);
    expect(trainer.epoch).toBe(8);
    expect(last?.validationAccuracy).toBeGreaterThan(0.95);
    expect(last?.trainLoss).toBeLessThan(0.3);
  });

  it('reports its steps and epochs', async () => {
    const trainer = await start();
    const steps = await train(trainer, 2);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(steps.map(({ epoch }) => epoch)).toEqual([...Array(6).fill(1), ...Array(6).fill(2)]);
    expect(steps[0]?.learningRate).toBe(1e-2);
    const [first] = trainer.history;
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(first?.trainLoss).toBeCloseTo(mean(steps.slice(0, 6).map(({ loss }) => loss)), 6);
    expect(first?.trainAccuracy).toBeCloseTo(mean(steps.slice(0, 6).map(({ accuracy }) => accuracy)), 6);
    expect(first?.tokensPerSecond).toBeCloseTo((6 * 16 * 8) / (first?.seconds as number), 3);
    expect(trainer.done).toBe(false);
  });

  it.each([false, true])(
    'gives the same numbers for a seed, others for another (fresh examples: %s)',
    async (freshExamples) => {
      const [one, two, other] = [
        await start({ freshExamples }),
        await start({ freshExamples }),
        await start({ freshExamples, seed: 6 }),
      ];
      const [a, b, c] = [await train(one, 2), await train(two, 2), await train(other, 2)];
      expect(curve(b)).toEqual(curve(a));
      expect(await parameters(two)).toEqual(await parameters(one));
      expect(curve(c)).not.toEqual(curve(a));
    },
  );

  it.each([false, true])('resumes bit for bit (fresh examples: %s)', async (freshExamples) => {
    const whole = await start({ freshExamples });
    const wholeSteps = await train(whole, 4);
    const first = await start({ freshExamples });
    await train(first, 2);
    await first.save(directory);
    const second = await start({ freshExamples });
    await second.restore(directory);
    expect([second.epoch, second.step, second.history.length]).toEqual([2, 12, 2]);
    const rest = await train(second, 2);
    expect(curve(rest)).toEqual(curve(wholeSteps.slice(12)));
    expect(await parameters(second)).toEqual(await parameters(whole));
    expect(second.history.map(({ validationLoss }) => validationLoss)).toEqual(
      whole.history.map(({ validationLoss }) => validationLoss),
    );
    expect(second.done).toBe(true);
  });

  it('can restore over a run under way', async () => {
    const trainer = await start();
    await train(trainer, 1);
    await trainer.save(directory);
    const at = await parameters(trainer);
    const again = await train(trainer, 1);
    await trainer.restore(directory);
    expect(await parameters(trainer)).toEqual(at);
    expect(curve(await train(trainer, 1))).toEqual(curve(again));
  });

  it('keeps the number of tensors', async () => {
    const before = tf.memory().numTensors;
    const trainer = await createTrainer(settings());
    const held = tf.memory().numTensors;
    await train(trainer, 2);
    await trainer.evaluate(marker({ seqLen: 16 }), 'test', 20);
    await trainer.save(directory);
    await trainer.restore(directory);
    expect(tf.memory().numTensors).toBe(held);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('evaluates at another length, per position and per example', async () => {
    const trainer = await start();
    const result = await trainer.evaluate(marker({ seqLen: 20 }), 'test', 50);
    expect([result.seqLen, result.examples, result.total]).toEqual([20, 50, 50]);
    expect(result.perPosition).toEqual([
      { position: 19, correct: result.correct, total: 50, accuracy: result.accuracy },
    ]);
    expect(result.perExampleCorrect.reduce((a, b) => a + b, 0)).toBe(result.correct);
    expect([...result.perExampleTotal]).toEqual(Array(50).fill(1));
    expect(result.accuracy).toBe(result.correct / 50);
  });

  it('stops once the validation accuracy reaches stopAt', async () => {
    const trainer = await start({ stopAt: 0, epochs: 9 });
    expect(trainer.done).toBe(false);
    await trainer.runEpoch();
    expect(trainer.done).toBe(true);
  });

  it('clips gradients to a global norm', async () => {
    const [free, clipped] = [await start(), await start({ clipNorm: 1e-3 })];
    const [a, b] = [await train(free, 1), await train(clipped, 1)];
    expect(b[0]?.gradientNorm).toBe(a[0]?.gradientNorm);
    expect(b[1]?.loss).not.toBe(a[1]?.loss);
    await clipped.save(directory);
    const { tensors } = await readCheckpoint(directory);
    let squares = 0;
    for (const [name, { data }] of tensors)
      if (name.startsWith('v.')) squares += (data as Float32Array).reduce((x, y) => x + y, 0);
    // Six steps of clipped gradients: sum v <= 6 (1 - beta2) clipNorm^2.
    expect(squares).toBeLessThanOrEqual(6 * 1e-3 * 1e-6 * 1.001);
    expect(squares).toBeGreaterThan(0);
  });

  it('names the step of a loss that is not finite, and leaves the checkpoint as it was', async () => {
    const trainer = await start({ optimizer: { learningRate: 1e-2 } });
    await train(trainer, 1);
    await trainer.save(directory);
    const bytes = await readFile(join(directory, 'model.safetensors'));
    const wild = await start({ optimizer: { learningRate: 1e30 }, schedule: { name: 'constant' } });
    const failed = train(wild, 4);
    await expect(failed).rejects.toThrow(NumericalError);
    await expect(failed).rejects.toThrow(
      /at step \d+ \(epoch \d, learning rate 1\.00e\+30, last finite loss [\d.]+\)\. Lower the learning rate/,
    );
    await expect(wild.runEpoch()).rejects.toThrow(/Restore a checkpoint first/);
    await expect(wild.save(directory)).rejects.toThrow(CheckpointError);
    expect(await readFile(join(directory, 'model.safetensors'))).toEqual(bytes);
    await trainer.restore(directory);
  });

  it('stops on a signal, and goes on from the checkpoint', async () => {
    const trainer = await start();
    await train(trainer, 1);
    await trainer.save(directory);
    const controller = new AbortController();
    const run = trainer.runEpoch({
      signal: controller.signal,
      onStep: ({ step }) => step === 9 && controller.abort(new Error('stop')),
    });
    await expect(run).rejects.toThrow('stop');
    await trainer.restore(directory);
    expect(trainer.step).toBe(6);
    await trainer.runEpoch();
    const whole = await start();
    await train(whole, 2);
    expect(await parameters(trainer)).toEqual(await parameters(whole));
  });

  it('refuses a checkpoint of another run, and says what differs', async () => {
    const trainer = await start();
    await trainer.save(directory);
    const other = await start({ optimizer: { learningRate: 1e-3 } });
    const before = await parameters(other);
    await expect(other.restore(directory)).rejects.toThrow(/optimizer\.learningRate is 0\.001 here and 0\.01 there/);
    expect(await parameters(other)).toEqual(before);
  });

  it('refuses a checkpoint of other code with the same config', async () => {
    const trainer = await start({ identity: 'gain 1' });
    await trainer.save(directory);
    const other = await start({ identity: 'gain 100' });
    await expect(other.restore(directory)).rejects.toThrow(
      /expected a checkpoint of this run, got one of another: identity is "gain 100" here and "gain 1" there/,
    );
  });

  it('tells of every batch of a validation', async () => {
    const trainer = await start();
    let told = 0;
    await trainer.runEpoch({
      onValidationBatch: () => {
        told += 1;
      },
    });
    expect(told).toBeGreaterThan(1);
  });

  it('refuses a damaged checkpoint and goes on unharmed', async () => {
    const trainer = await start();
    await train(trainer, 1);
    await trainer.save(directory);
    const file = join(directory, 'model.safetensors');
    const bytes = await readFile(file);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1;
    await writeFile(file, bytes);
    const before = await parameters(trainer);
    await expect(trainer.restore(directory)).rejects.toThrow(
      /model\.safetensors: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}.*start afresh/,
    );
    expect(await parameters(trainer)).toEqual(before);
    await trainer.runEpoch();
  });

  /** Saves a run of one epoch, with this as its state under a checksum that fits. */
  const saveWith = async (trainer: Trainer, change: (state: SavedState) => unknown) => {
    await trainer.save(directory);
    const { tensors, sidecar } = await readCheckpoint(directory);
    await writeCheckpoint(directory, { tensors, sidecar: change(sidecar as SavedState) as Record<string, unknown> });
  };

  it.each<[string, (state: SavedState) => unknown, RegExp]>([
    ['a history that is null', (state) => ({ ...state, history: null }), /history: expected array, got null/],
    ['no history', ({ history: _, ...state }) => state, /history: expected array, got undefined/],
    ['epochs that are text', (state) => ({ ...state, history: ['one'] }), /history\.0: expected object, got "one"/],
    [
      'a loss that is not a number',
      ({ history: [first], ...state }) => ({ ...state, history: [{ ...first, trainLoss: null }] }),
      /history\.0\.trainLoss: expected number, got null/,
    ],
    [
      'an accuracy above 1',
      ({ history: [first], ...state }) => ({ ...state, history: [{ ...first, validationAccuracy: 1.5 }] }),
      /history\.0\.validationAccuracy: too big: expected number to be <=1, got 1\.5/,
    ],
    [
      'steps that do not fit the epoch',
      ({ history: [first], ...state }) => ({ ...state, history: [{ ...first, step: 5 }] }),
      /expected at most 4 epochs of 6 steps in order, got epoch 1 at step 5 in place 1/,
    ],
    [
      'an epoch twice',
      ({ history: [first], ...state }) => ({ ...state, history: [first, first] }),
      /got epoch 1 at step 6 in place 2/,
    ],
    [
      'an epoch beyond the last',
      ({ history: [first], ...state }) => {
        const epochs = [1, 2, 3, 4, 5].map((epoch) => ({ ...first, epoch, step: 6 * epoch }));
        return { ...state, history: epochs };
      },
      /expected at most 4 epochs of 6 steps in order, got epoch 5 at step 30 in place 5/,
    ],
    ['another seed', (state) => ({ ...state, config: { ...state.config, seed: 6 } }), /seed is 5 here and 6 there/],
    [
      'another seed of the examples',
      (state) => ({ ...state, config: { ...state.config, dataSeed: 6 } }),
      /dataSeed is 5 here and 6 there/,
    ],
    ['another derivation of random streams', (state) => ({ ...state, rng: 'xorshift' }), /rng: .*got "xorshift"/],
    ['a field of another trainer', (state) => ({ ...state, momentum: 1 }), /unknown key 'momentum'/],
  ])('refuses a checkpoint of %s, and is left as it was', async (_, change, message) => {
    const trainer = await start();
    await train(trainer, 1);
    await saveWith(trainer, change);
    const before = await parameters(trainer);
    const restoring = trainer.restore(directory);
    await expect(restoring).rejects.toThrow(CheckpointError);
    await expect(restoring).rejects.toThrow(message);
    expect([trainer.epoch, trainer.history.length]).toEqual([1, 1]);
    expect(await parameters(trainer)).toEqual(before);
  });

  it('refuses numbers of a history that were changed on disk', async () => {
    const trainer = await start();
    await train(trainer, 1);
    await trainer.save(directory);
    const file = join(directory, 'checkpoint.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/"validationAccuracy": [\d.]+/, '"validationAccuracy": 1'));
    await expect(trainer.restore(directory)).rejects.toThrow(/It was damaged or changed after it was written/);
  });

  it('says on which other engines epochs were trained', async () => {
    const trainer = await start();
    await train(trainer, 1);
    await trainer.save(directory);
    expect(await trainer.restore(directory)).toEqual({ otherEngines: [] });
    await saveWith(trainer, ({ history: [first], ...state }) => ({
      ...state,
      history: [{ ...first, engine: 'abacus' }],
    }));
    expect(await trainer.restore(directory)).toEqual({ otherEngines: ['abacus'] });
    await trainer.runEpoch();
    expect(trainer.history.map(({ engine }) => engine)).toEqual(['abacus', arithmeticOf(currentEngine())]);
  });

  it('trains no epoch beyond the last', async () => {
    const trainer = await start({ epochs: 1 });
    await train(trainer, 1);
    const failed = trainer.runEpoch();
    await expect(failed).rejects.toThrow(InvalidConfigError);
    await expect(failed).rejects.toThrow(/expected one of 1 epochs, got one more/);
    expect(trainer.step).toBe(6);
    await trainer.save(directory);
  });

  it('refuses settings that do not fit', async () => {
    await expect(createTrainer(settings({ schedule: { warmupSteps: 1000 } }))).rejects.toThrow(
      /warmupSteps: expected at most the run's 24 steps, got 1000/,
    );
    await expect(createTrainer(settings({ batchSize: 101 }))).rejects.toThrow(
      /examplesPerEpoch to fill a batch of 101, got 100/,
    );
    await expect(createTrainer({ ...settings(), batchsize: 4 } as never)).rejects.toThrow(
      /unknown key 'batchsize'. Did you mean 'batchSize'/,
    );
    const small = createLanguageModel({
      vocabSize: 5,
      dModel: 4,
      layers: [{ sequenceMixer: averagingMixer({ dModel: 4 }) }],
    });
    await expect(createTrainer(settings({ model: small }))).rejects.toThrow(InvalidConfigError);
    await expect(createTrainer(settings({ task: { ...marker({}), specVersion: 2 as never } }))).rejects.toThrow(
      /^createTrainer: task: expected a task for version 1 of the contract, got 2\. It was made for a newer @mixerzoo\/core/,
    );
    await expect(createTrainer(settings({ seed: 2 ** 40 }))).rejects.toThrow(
      /seed: too big: .*4294967295, got 1099511627776/,
    );
    await expect(createTrainer(settings({ dataSeed: Number.NaN }))).rejects.toThrow(/dataSeed: .*NaN/);
  });
});
