import { describe, expect, it } from 'vitest';
import type { ExperimentConfig } from '../experiment/experiment.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { sizeOfRun } from './run-size.js';

const registry = await discoverPlugins(process.cwd());

async function sizeOf(train: ExperimentConfig['train']) {
  const inline: ExperimentConfig = {
    task: { task: 'mqar', vocabSize: 64, seqLen: 32, numKvPairs: 4 },
    models: { A: { extends: 'pythia-tiny' } },
    train: { batchSize: 8, epochs: 2, stepsPerEpoch: 5, ...train },
  };
  const [run] = await resolveRuns(await loadExperiment({ inline, assignments: [] }, registry), registry);
  return { ...sizeOfRun(run!), forward: run!.model.flops(32, run!.task.labelsPerExample) };
}

describe('the size of a run', () => {
  it('is that of its model and its budget', async () => {
    const { parameters, tokens, flops, forward } = await sizeOf({});
    expect(parameters).toBe(4 * (12 * 128 ** 2 + 13 * 128) + 2 * 128 + 2 * 64 * 128);
    expect(tokens).toBe(8 * 10 * 32);
    expect(flops / (3 * 8 * 10 * forward)).toBeCloseTo(1, 3);
  });

  it('needs less memory in parts, never less than its parameters, gradients and moments', async () => {
    const [whole, halves] = [await sizeOf({}), await sizeOf({ accumulation: 2 })];
    const fixed = 16 * whole.parameters;
    expect((halves.memoryBytes - fixed) / (whole.memoryBytes - fixed)).toBeCloseTo(0.5, 6);
    expect(halves).toMatchObject({ tokens: whole.tokens, flops: whole.flops });
  });
});
