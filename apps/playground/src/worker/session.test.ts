import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planRun } from '@mixerzoo/bench/plan';
import { tf, useEngine } from '@mixerzoo/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadExperiment } from '../../../../packages/bench/src/experiment/experiment-source.js';
import { resolveRuns } from '../../../../packages/bench/src/experiment/resolve-runs.js';
import { loadRun } from '../../../../packages/bench/src/runs/read-results.js';
import { trainRun } from '../../../../packages/bench/src/runs/train-run.js';
import { configText } from '../config-text.js';
import { experimentOf, labelsOf } from '../experiment.js';
import type { FromWorker, RunSource } from '../messages.js';
import { registry } from '../plugins.js';
import { DEFAULT_STATE, type PageState, STEPS_PER_EPOCH } from '../state.js';
import { inspect } from './inspect.js';
import { startSession } from './session.js';
import { writeWeights } from './weights.js';

let directory: string;
beforeAll(async () => {
  await useEngine('wasm');
  directory = mkdtempSync(join(tmpdir(), 'mixerzoo-playground-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const state: PageState = {
  ...DEFAULT_STATE,
  models: [
    { id: 'cat', layers: 1, filter: 'own', taps: 3 },
    { id: 'attention-positions', layers: 2, filter: 'before', taps: 3 },
  ],
  pairs: 2,
  length: 8,
  vocabulary: 40,
  width: 16,
  batch: 8,
  steps: 50,
};

/** Trains to its end; all that it tells. */
async function trained(source: RunSource): Promise<FromWorker[]> {
  const told: FromWorker[] = [];
  const session = await startSession(1, source, true, (message) => {
    told.push(message);
    if (message.kind === 'rests' || message.kind === 'failed') session.dispose();
  });
  await session.ended;
  return told;
}

it.each(labelsOf(state.models))(
  'trains what mixerzoo run trains of %s from its config, to the same numbers',
  async (label) => {
    const file = join(directory, 'playground.yaml');
    writeFileSync(file, await configText(experimentOf(state)));
    const runs = await resolveRuns(await loadExperiment({ file, assignments: [] }, registry), registry);
    const run = runs.find(({ config }) => config.label === label)!;
    const out = join(directory, run.directoryName);
    const lease = { assertHeld() {}, commit: writeFileSync };
    const result = await trainRun(run, out, { workers: 1, packages: [], lease, onProgress: () => {} });
    const recorded = await loadRun(out);

    const told = await trained({ kind: 'experiment', experiment: experimentOf(state), label });
    const steps = told.flatMap((message) => (message.kind === 'steps' ? message.steps : []));
    const evaluations = told.flatMap((message) => (message.kind === 'evaluated' ? [message.evaluation] : []));

    // A record of the command is the mean of a few steps of an epoch.
    let before = 0;
    expect(recorded.steps.length).toBeGreaterThan(10);
    for (const record of recorded.steps) {
      const within = steps.slice(Math.max(before, (record.epoch - 1) * STEPS_PER_EPOCH), record.step);
      expect(within.reduce((sum, { loss }) => sum + loss, 0) / within.length).toBe(record.loss);
      before = record.step;
    }
    expect(recorded.epochs.length).toBe(2);
    expect(evaluations.slice(1).map(({ step, validation }) => [step, validation.loss, validation.accuracy])).toEqual(
      recorded.epochs.map(({ step, validationLoss, validationAccuracy }) => [step, validationLoss, validationAccuracy]),
    );
    expect(evaluations.at(-1)!.test).toEqual(
      result.test.map(({ seqLen, accuracy, loss }) => ({ seqLen, accuracy, loss })),
    );
  },
  300_000,
);

it('goes on, rests, steps and answers between steps, and leaves no tensor behind', async () => {
  const [label] = labelsOf(state.models);
  const source: RunSource = { kind: 'experiment', experiment: experimentOf(state), label: label! };
  const before = tf.memory().numTensors;
  const told: FromWorker[] = [];
  const rests: (() => void)[] = [];
  const session = await startSession(7, source, false, (message) => {
    told.push(message);
    if (message.kind === 'rests') rests.shift()?.();
  });
  const resting = () => new Promise<void>((resolve) => rests.push(resolve));
  const stepsTold = () => told.flatMap((message) => (message.kind === 'steps' ? message.steps : [])).length;

  await resting();
  expect(stepsTold()).toBe(0);
  const stepped = resting();
  session.step();
  await stepped;
  expect(stepsTold()).toBe(1);

  const held = tf.memory().numTensors;
  const file = await new Promise<Uint8Array>((resolve) =>
    session.ask(async ({ plan, params, trainer }) => {
      const question = { tokens: [], example: 0, query: -1 };
      const inspection = await inspect(plan, params, question);
      expect(trainer.step).toBe(1);
      expect(inspection.tokens).toHaveLength(8);
      expect(inspection.labels[inspection.query]).toBeGreaterThan(0);
      expect(tf.memory().numTensors).toBe(held);
      resolve(await writeWeights(params, {}));
    }),
  );
  session.dispose();
  await session.ended;
  expect(tf.memory().numTensors).toBe(before);

  // The weights, looked at again, answer the same.
  const [last] = told.flatMap((message) => (message.kind === 'started' ? [message] : []));
  expect(last!.tensors).toBe(before);
  const { config } = await planRun(experimentOf(state), label!, registry);
  const shown = await trained({ kind: 'record', config, weights: file });
  expect(shown.map(({ kind }) => kind)).toEqual(['started', 'evaluated', 'rests']);
  expect(tf.memory().numTensors).toBe(before);
  await expect(
    startSession(
      9,
      {
        kind: 'record',
        config: { ...config, model: { ...config.model, embeddingStd: 0.2, dModel: 16 } },
        weights: file.slice(0, 40),
      },
      true,
      () => {},
    ),
  ).rejects.toThrow(/weights/);
});
