import { describe, expect, it } from 'vitest';
import { loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { testAssignments } from './__fixtures__/text-at-paper-scale.js';
import { experimentAt } from './figure.js';
import { languageModels, MODEL_LABELS } from './language-models.js';
import type { Scale } from './scales.js';

const registry = await discoverPlugins(process.cwd());

async function runsAt(scale: Scale) {
  const assignments = testAssignments(languageModels, scale);
  const loaded = await loadExperiment({ inline: experimentAt(languageModels, scale), assignments }, registry);
  return resolveRuns(loaded, registry);
}

describe('the language models', () => {
  it.each([
    ['quick', 0.03, 3e6],
    ['small', 0.03, 6e6],
    ['paper', 0.05, 15e9],
  ] as const)('have one size, one budget and one recipe at %s scale', async (scale, within, tokens) => {
    const runs = await runsAt(scale);
    const firsts = runs.filter(({ config }) => config.seed === 0);
    expect(firsts.map(({ config }) => config.label)).toEqual(Object.values(MODEL_LABELS));
    const counts = firsts.map(({ model }) => model.parameterCount);
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1 + 2 * within);
    for (const count of counts) expect(Math.abs(count / counts[0]! - 1)).toBeLessThan(within);
    const [{ config, task }] = firsts as [(typeof firsts)[number]];
    for (const run of runs) expect(run.config.train).toEqual(config.train);
    const { epochs, stepsPerEpoch, batchSize, warmupSteps } = config.train;
    const read = epochs * stepsPerEpoch * batchSize * task.seqLen;
    expect(read / tokens).toBeGreaterThanOrEqual(1);
    expect(read / tokens).toBeLessThan(1.01);
    expect(warmupSteps / (epochs * stepsPerEpoch)).toBeCloseTo(1 / 30, 2);
  });

  it("have the paper's size at paper scale", async () => {
    const [pythia] = await runsAt('paper');
    expect(pythia!.model.parameterCount).toBe(367_847_424);
    expect(pythia!.config).toMatchObject({ learningRate: 3e-4, testLengths: [512, 1024, 2048, 4096, 8192, 16_384] });
    expect(pythia!.config.train).toMatchObject({ batchSize: 256, warmupFrom: 3e-5, minLearningRate: 3e-5 });
  });

  it('are tested on the same tokens at every length, with the context extended where it can be', async () => {
    const runs = await runsAt('quick');
    for (const { config, extended, task } of runs) {
      expect(config.extendContext).toBe(true);
      const tests = config.testLengths.map((seqLen) => (config.train.testTokens! / seqLen) * seqLen);
      expect(new Set(tests).size).toBe(1);
      const beyond = config.testLengths.filter((seqLen) => seqLen > task.seqLen);
      const takes = config.label !== 'Mamba' && config.label !== 'GLA';
      expect([...extended.keys()]).toEqual(takes ? beyond : []);
    }
  });
});
