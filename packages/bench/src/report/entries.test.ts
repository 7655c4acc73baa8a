import { describe, expect, test } from 'vitest';
import { sampleConfig, sampleRun } from './__fixtures__/sample-run.js';
import { groupEntries } from './entries.js';

describe('groupEntries', () => {
  test('averages the seeds of a model and keeps models apart', () => {
    const entries = groupEntries([
      sampleRun({ label: 'A', seed: 0, accuracies: [0.9, 0.5, 0.2], to99: 30 }),
      sampleRun({ label: 'A', seed: 1, accuracies: [0.8, 0.4, 0.1], to99: null }),
      sampleRun({ label: 'B', seed: 0, accuracies: [0.95, 0.9, 0.9] }),
    ]);
    expect(entries.map(({ label, setting }) => [label, setting])).toEqual([
      ['B', ''],
      ['A', ''],
    ]);
    const outcome = entries[1]!.outcome!;
    expect(outcome.selected).toHaveLength(2);
    expect(outcome.accuracy.value).toBeCloseTo(0.85, 10);
    expect(outcome.best).toBe(0.9);
    expect(outcome.to99).toEqual({ reached: 1, step: 30, seconds: 0.3 });
    expect(outcome.lengths.map(({ seqLen, accuracy }) => [seqLen, +accuracy.value.toFixed(6)])).toEqual([
      [64, 0.85],
      [128, 0.45],
      [256, 0.15],
    ]);
  });

  test('selects the learning rate on validation, not on the test examples', () => {
    const [entry] = groupEntries([
      sampleRun({ learningRate: 0.001, accuracies: [0.99, 0.9, 0.9], validation: 0.7 }),
      sampleRun({ learningRate: 0.01, accuracies: [0.9, 0.8, 0.7], validation: 0.8 }),
    ]);
    expect(entry!.outcome).toMatchObject({ learningRate: 0.01, learningRates: [0.001, 0.01], best: 0.9 });
  });

  test('tells settings apart by what differs', () => {
    const settings = groupEntries([
      sampleRun({ dModel: 32, seqLen: 64 }),
      sampleRun({ dModel: 64, seqLen: 64 }),
      sampleRun({ dModel: 64, seqLen: 128 }),
    ]).map(({ setting }) => setting);
    expect(settings).toEqual(['d 32, L 64', 'd 64, L 64', 'd 64, L 128']);
  });

  test('names the same label configured otherwise', () => {
    const run = sampleRun();
    const changed = { ...run.config, id: 'other', layers: [{ mixer: 'cat', config: { nHeads: 4 }, block: {} }] };
    const labels = groupEntries([run, { ...run, config: changed }]).map(({ label }) => label);
    expect(labels.sort()).toEqual([`CAT (${run.config.id})`, 'CAT (other)'].sort());
  });

  test('shows failed, partial and planned runs with their messages', () => {
    const planned = [sampleConfig({ seed: 0 }), sampleConfig({ seed: 3 })];
    const [entry] = groupEntries(
      [sampleRun({ seed: 0 }), sampleRun({ seed: 1, failure: 'NaN at step 3' }), sampleRun({ seed: 2, partial: true })],
      planned,
    );
    expect(entry!.open.map(({ status, message }) => [status, message])).toEqual([
      ['failed', 'NaN at step 3'],
      ['partial', 'stopped after epoch 4 of 10 (step 40, 0.40 s); running the same command again resumes it'],
      ['missing', 'not started'],
    ]);
    expect(entry!.outcome?.selected).toHaveLength(1);
  });
});
