/**
 * A few steps of the trainings of `bench:controls` are PyTorch's, where there is a Python that has torch: `PYTHON`, or python3.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useEngine } from '@mixerzoo/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { largestDifference, trainOurs, trainTorch } from '../../../../benchmarks/peers/control.js';
import { controlsMarkdown } from '../../../../benchmarks/peers/control-table.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';

const python = process.env['PYTHON'] ?? 'python3';
const withoutTorch = await promisify(execFile)(python, ['-c', 'import torch']).then(
  () => undefined,
  () => `${python} has no torch: set PYTHON to one that has`,
);

/** The same models, smaller: within ten steps the warm-up ends, the cosine falls, gradients are clipped, and what decays shows. */
const SHORT = [
  'model.dModel=32',
  'train.epochs=2',
  'train.stepsPerEpoch=5',
  'train.batchSize=8',
  'train.validationExamples=8',
  'train.warmupSteps=3',
  'train.clipNorm=0.2',
  'train.weightDecay=2',
];
/** Relative: rounding of float32, which ten steps have not blown up. */
const TOLERANCE = 3e-5;

/** A changed setting that PyTorch is told while ours keeps to the config's: each must be seen. */
const CHANGES = {
  'the decay': { weightDecay: 30 },
  clipping: { clipNorm: null },
  'the warm-up': { warmupSteps: 6 },
  'the second moment': { beta2: 0.9 },
} satisfies Record<string, Partial<PlannedRun['config']['train']>>;

describe('a training in PyTorch', { timeout: 300_000 }, () => {
  let directory: string;
  let runs: readonly PlannedRun[];

  beforeAll(async () => {
    const registry = await discoverPlugins(process.cwd());
    const file = fileURLToPath(new URL('../../../../benchmarks/controls.yaml', import.meta.url));
    runs = await resolveRuns(await loadExperiment({ file, assignments: SHORT }, registry), registry);
    directory = await mkdtemp(join(tmpdir(), 'mixerzoo-controls-'));
    await useEngine();
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.for(['Attention, 2 layers', 'Based, 2 layers', 'Mamba, 2 layers'])(
    'loses what ours does: %s',
    async (label, { skip }) => {
      if (withoutTorch) return skip(withoutTorch);
      const run = runs.find(({ config }) => config.label === label) as PlannedRun;
      const file = join(directory, 'control.safetensors');
      const ours = await trainOurs(run, file);
      expect(ours.losses).toHaveLength(10);
      expect(Math.max(...ours.norms), 'gradients are clipped').toBeGreaterThan(0.2);
      const theirs = await trainTorch(run, file, { python, precision: 'float32' });
      for (const part of ['losses', 'norms', 'rates'] as const) {
        expect(largestDifference(ours[part], theirs[part]).relative, part).toBeLessThan(TOLERANCE);
      }
    },
  );

  it('loses something else for another setting of the trainer', async ({ skip }) => {
    if (withoutTorch) return skip(withoutTorch);
    const run = runs.find(({ config }) => config.label === 'Mamba, 2 layers') as PlannedRun;
    const file = join(directory, 'changed.safetensors');
    const ours = await trainOurs(run, file);
    for (const [what, change] of Object.entries(CHANGES)) {
      const config = { ...run.config, train: { ...run.config.train, ...change } };
      const theirs = await trainTorch({ ...run, config }, file, { python, precision: 'float32' });
      expect(largestDifference(ours.losses, theirs.losses).relative, what).toBeGreaterThan(10 * TOLERANCE);
    }
  });

  it('is refused where it would not be that of the config', async ({ skip }) => {
    if (withoutTorch) return skip(withoutTorch);
    const [run] = runs as [PlannedRun];
    const file = join(directory, 'refused.safetensors');
    await trainOurs(run, file);
    const config = { ...run.config, train: { ...run.config.train, schedule: 'constant' as const } };
    await expect(trainTorch({ ...run, config }, file, { python, precision: 'float32' })).rejects.toThrow(
      /train\.schedule: this control is written for 'cosine', got 'constant'/,
    );
  });
});

describe('the table of controls', () => {
  it('tells the largest difference and where it is', () => {
    expect(largestDifference([1, 2.2, 3], [1, 2, 3])).toEqual({ relative: expect.closeTo(0.1), step: 2 });
    expect(largestDifference([1, 2], [1, 2])).toEqual({ relative: 0, step: 1 });
    expect(largestDifference([1, Number.NaN], [1, 2])).toEqual({ relative: Number.NaN, step: 2 });
    expect(largestDifference([1], [1, 2])).toEqual({ relative: Number.NaN, step: 2 });
    expect(largestDifference([1, 2], [1])).toEqual({ relative: Number.NaN, step: 2 });
  });

  it('shows both curves', () => {
    const losses = (from: number) => Array.from({ length: 50 }, (_, index) => from - index / 100);
    const difference = { relative: 0.25, step: 50 };
    const markdown = controlsMarkdown({
      header: 'Here.',
      controls: [
        {
          label: 'Mamba',
          parameters: 1234,
          version: '2',
          losses: { ours: losses(4), torch: losses(5), torch64: losses(6) },
          difference: { losses: difference, norms: difference, rates: difference },
          rounding: difference,
        },
      ],
    });
    expect(markdown).toContain('| Mamba | 1,234 | 2.5e-1 | 50 |');
    expect(markdown).toContain('| 1 | 4.00000 | 5.00000 |\n| 25 | 3.76000 | 4.76000 |\n| 50 | 3.51000 | 4.51000 |');
  });
});
