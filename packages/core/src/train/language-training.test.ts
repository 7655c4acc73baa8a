/** Training as language models need it: budgets in tokens, streams, parts of batches, checkpoints within an epoch. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { flattenTree } from '../tree.js';
import { chain } from './__fixtures__/chain.js';
import { language } from './__fixtures__/language-run.js';
import { settings } from './__fixtures__/marker-run.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { createTrainer, type Trainer, type TrainerConfig } from './trainer.js';
import type { EpochMetrics } from './training-state.js';

async function parameters(trainer: Trainer): Promise<Record<string, readonly number[]>> {
  const entries = flattenTree(trainer.params).map(async ([path, leaf]) => [path, [...(await leaf.data())]] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** What does not depend on the clock. */
const numbers = (history: readonly EpochMetrics[]) =>
  history.map(({ seconds: _s, validationSeconds: _v, tokensPerSecond: _t, finishedAt: _f, ...rest }) => rest);

describe('training on a stream', () => {
  let directory: string;
  const open: Trainer[] = [];
  const start = async (config: TrainerConfig) => {
    const trainer = await createTrainer(config);
    open.push(trainer);
    return trainer;
  };
  const toEnd = async (trainer: Trainer) => {
    while (!trainer.done) await trainer.runEpoch();
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

  it('spends its tokens in whole steps, and validates as often as it is told', async () => {
    const trainer = await start(language({ tokens: 5000, evaluations: 3 }));
    expect(trainer.stepsPerEpoch).toBe(7); // 20 steps, rounded up to 3 x 7
    await toEnd(trainer);
    expect([trainer.step, trainer.history.length]).toEqual([21, 3]);
    await expect(start(language({ epochs: 3 }))).rejects.toThrow(
      /expected epochs and examplesPerEpoch, or tokens and evaluations, got epochs, tokens, evaluations/,
    );
    await expect(start(language({ validationExamples: 3 }))).rejects.toThrow(
      /expected validationExamples or validationTokens, got both/,
    );
  });

  it('reads the stream on, epoch by epoch, and no window twice in a pass', async () => {
    const task = chain({});
    const firsts: number[] = [];
    const stream: typeof task.stream = (request) => {
      firsts.push(request.first);
      return task.stream!(request);
    };
    await toEnd(await start(language({ task: { ...task, stream }, tokens: 16 * 16 * 6, evaluations: 2 })));
    expect(firsts).toEqual([0, 16, 32, 48, 64, 80]);
  });

  it('takes a batch in parts to the same step', async () => {
    const whole = await start(language({ tokens: 16 * 16 * 6, evaluations: 1 }));
    const parts = await start(language({ tokens: 16 * 16 * 6, evaluations: 1, accumulation: 4 }));
    await toEnd(whole);
    await toEnd(parts);
    const [a, b] = [whole.history[0]!, parts.history[0]!];
    expect(b.trainLoss).toBeCloseTo(a.trainLoss, 5);
    expect(b.trainAccuracy).toBe(a.trainAccuracy);
    const [expected, found] = [await parameters(whole), await parameters(parts)];
    for (const [path, values] of Object.entries(expected)) {
      for (const [index, value] of values.entries()) expect(found[path]![index], path).toBeCloseTo(value, 4);
    }
    await expect(start(language({ accumulation: 3 }))).rejects.toThrow(
      /batchSize of accumulation 3 equal parts, got 16/,
    );
  });

  it('counts each labelled position once in a batch of parts with few and many', async () => {
    const uneven = (config: TrainerConfig): TrainerConfig => {
      const task = chain({});
      const stream: typeof task.stream = (request) => {
        const examples = task.stream!(request);
        const labels = examples.labels.map((label, at) => (at < 4 * 16 || (at < 8 * 16 && at % 3 > 0) ? -100 : label));
        return { ...examples, labels };
      };
      return { ...config, task: { ...task, stream } };
    };
    const run = { tokens: 16 * 16, evaluations: 1, schedule: {} };
    const norms: number[] = [];
    for (const accumulation of [1, 4]) {
      const trainer = await start(uneven(language({ ...run, accumulation })));
      await trainer.runEpoch({ onStep: ({ gradientNorm }) => norms.push(gradientNorm) });
    }
    expect(norms[1]).toBeCloseTo(norms[0] as number, 5);
  });

  it.each([
    ['a stream', language],
    ['fresh examples', () => settings({ freshExamples: true })],
    ['fixed examples', () => settings()],
  ])('goes on bit for bit from a checkpoint within an epoch: %s', async (_, config) => {
    const whole = await toEnd(await start(config()));
    const first = await start(config());
    const at = first.stepsPerEpoch + 2;
    const stop = new AbortController();
    const killed = (async () => {
      await first.runEpoch();
      await first.runEpoch({
        signal: stop.signal,
        onStep: async ({ step }) => {
          if (step === at) await first.save(directory);
          if (step === at + 1) stop.abort(new Error('killed'));
        },
      });
    })();
    await expect(killed).rejects.toThrow('killed');
    const second = await start(config());
    await second.restore(directory);
    expect([second.epoch, second.step]).toEqual([1, at]);
    await toEnd(second);
    expect(await parameters(second)).toEqual(await parameters(whole));
    expect(numbers(second.history)).toEqual(numbers(whole.history));
  });

  it('says which other engine made a part of an epoch, and refuses more steps than it has', async () => {
    const trainer = await start(language());
    await trainer.runEpoch({ onStep: ({ step }) => (step === 2 ? trainer.save(directory) : undefined) });
    const { tensors, sidecar } = await readCheckpoint(directory);
    const partial = sidecar.partial as { sums: object };
    await writeCheckpoint(directory, {
      tensors,
      sidecar: { ...sidecar, partial: { ...partial, engines: ['abacus'] } },
    });
    expect(await trainer.restore(directory)).toEqual({ otherEngines: ['abacus'] });
    await trainer.runEpoch();
    expect(trainer.history[0]?.otherEngines).toEqual(['abacus']);
    const sums = { ...partial.sums, steps: 6 };
    await writeCheckpoint(directory, { tensors, sidecar: { ...sidecar, partial: { ...partial, sums } } });
    await expect(trainer.restore(directory)).rejects.toThrow(/at most 4 epochs of 5 steps, got 6 steps of epoch 1/);
  });

  it('refuses to save within a step, and stops at a loss', async () => {
    const trainer = await start(language({ stopAt: 3 }));
    const refused: Promise<unknown>[] = [];
    await trainer.runEpoch({ onValidationBatch: () => refused.push(trainer.save(directory).catch(String)) });
    expect(String(await refused[0])).toMatch(/save: expected whole steps/);
    expect(trainer.history[0]?.validationLoss).toBeLessThan(3);
    expect(trainer.done).toBe(true);
    await expect(createTrainer(settings({ stopAt: 1.5 }))).rejects.toThrow(/stopAt: expected an accuracy of at most 1/);
  });
});
