import { describe, expect, test } from 'vitest';
import type { DoneRun, RunDone, RunRecord } from '../runs/results.js';
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

  test('tells settings apart by weight decay where a model has several, not where each has its own', () => {
    const decayed = (label: string, weightDecay: number): RunRecord => {
      const run = sampleRun({ label });
      const config = { ...run.config, id: `${label}${weightDecay}`, train: { ...run.config.train, weightDecay } };
      return { ...run, config };
    };
    const own = groupEntries([decayed('A', 0.1), decayed('B', 0)]);
    expect(own.map(({ setting }) => setting)).toEqual(['', '']);
    const several = groupEntries([decayed('A', 0.1), decayed('A', 0)]);
    expect(several.map(({ label, setting }) => `${label}: ${setting}`).sort()).toEqual(['A: decay 0', 'A: decay 0.1']);
  });

  test('counts a copy of a run once, and the same seed on another engine not as another seed', () => {
    const run = sampleRun();
    const copy = { ...run, directory: 'backup', result: undefined };
    const onCpu = { ...run, config: { ...run.config, id: 'cpu', engine: 'cpu' } };
    const entries = groupEntries([copy, run, onCpu]);
    expect(entries.map(({ setting, runs }) => [setting, runs.map(({ directory }) => directory)])).toEqual([
      ['engine auto', [run.directory]],
      ['engine cpu', [run.directory]],
    ]);
  });

  test('misses a planned run though one of another name has the same config', () => {
    const run = sampleRun({ label: 'A' });
    const entries = groupEntries([run], [run.config, { ...run.config, label: 'B' }]);
    expect(entries.map(({ label, open }) => [label, open.map(({ status }) => status)])).toEqual([
      ['A', []],
      ['B', ['missing']],
    ]);
  });

  test('has no loss at a length where the loss of a run was not finite', () => {
    const run = JSON.parse(JSON.stringify(sampleRun())) as RunRecord;
    const { test: tests } = run.result as RunDone;
    (tests[2] as { loss: number | null }).loss = null;
    const [entry] = groupEntries([run, sampleRun({ seed: 1 })]);
    expect(entry!.outcome!.lengths.map(({ loss }) => Number.isNaN(loss))).toEqual([false, false, true]);
  });

  test('averages what models answer on their own', () => {
    const free = (correct: number, exactMatches: number) => {
      const run = sampleRun({ seed: correct });
      const { result } = run as DoneRun;
      const freeRunning = {
        correct,
        total: 4000,
        accuracy: correct / 4000,
        examples: 250,
        exampleStd: 0.1,
        exactMatches,
        perPosition: [],
      };
      return { ...run, result: { ...result, test: [{ ...result.test[0]!, freeRunning }, ...result.test.slice(1)] } };
    };
    const [entry] = groupEntries([free(2000, 50), free(3000, 150)]);
    const { accuracy, exactMatch } = entry!.outcome!.freeRunning!;
    expect([accuracy.value, exactMatch.value]).toEqual([0.625, 0.4]);
    expect(accuracy.low).toBeLessThan(0.625);
    expect(exactMatch.high).toBeGreaterThan(0.4);
    expect(entry!.outcome!.lengths.map(({ freeRunning }) => freeRunning === undefined)).toEqual([false, true, true]);
  });

  test('averages examples that are right as a whole, and leaves them out of older records', () => {
    const exact = (seed: number, exactMatches: number) => {
      const run = sampleRun({ seed }) as DoneRun;
      const test = run.result.test.map((one, index) => (index === 0 ? { ...one, exactMatches } : one));
      return { ...run, result: { ...run.result, test } };
    };
    const [{ outcome } = {}] = groupEntries([exact(0, 50), exact(1, 150)]);
    expect(outcome!.exactMatch!.value).toBe(0.4);
    expect(outcome!.lengths.map(({ exactMatch }) => exactMatch?.value)).toEqual([0.4, undefined, undefined]);
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
    const changed = {
      ...run.config,
      id: 'other',
      layers: [{ mixer: 'cat', from: '@mixerzoo/cat', config: { nHeads: 4 }, block: {} }],
    };
    const labels = groupEntries([run, { ...run, config: changed }]).map(({ label }) => label);
    expect(labels.sort()).toEqual([`CAT (${run.config.id})`, 'CAT (other)'].sort());
  });

  test('never averages runs of different code, and names the code', () => {
    const code = { ...sampleConfig().code, '@mixerzoo/cat': '0.2.0 00000000cafe' };
    const newer = sampleRun({ seed: 1, accuracies: [0.1, 0.1, 0.1] });
    const entries = groupEntries([sampleRun({ seed: 0 }), { ...newer, config: { ...newer.config, code } }]);
    expect(entries.map(({ label, runs }) => [label, runs.length])).toEqual([
      ['CAT (@mixerzoo/cat 0.1.0 0123456789ab)', 1],
      ['CAT (@mixerzoo/cat 0.2.0 00000000cafe)', 1],
    ]);
  });

  test('shows failed, partial and planned runs with their messages', () => {
    const planned = [sampleConfig({ seed: 0 }), sampleConfig({ seed: 3 })];
    const [entry] = groupEntries(
      [sampleRun({ seed: 0 }), sampleRun({ seed: 1, failure: 'NaN at step 3' }), sampleRun({ seed: 2, partial: true })],
      planned,
    );
    expect(entry!.open.map(({ status, message }) => [status, message])).toEqual([
      ['failed', 'NaN at step 3'],
      ['partial', '4 of 10 epochs done (step 40, 0.40 s); the same command goes on from there'],
      ['missing', 'not started'],
    ]);
    expect(entry!.outcome?.selected).toHaveLength(1);
  });
});
