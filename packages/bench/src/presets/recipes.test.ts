/** Recipes of the zoo's packages: each has a run that measures it, on the same terms as the others, and sources of settings that there are. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadExperiment } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { groupEntries } from '../report/entries.js';
import { recipeSection } from '../report/recipe-section.js';

const registry = await discoverPlugins(process.cwd());
const PRESETS = ['quick', 'recall-recipes'];

let runs: PlannedRun[];
let recipes: Set<unknown>;

beforeAll(async () => {
  const loaded = await Promise.all(PRESETS.map((preset) => loadExperiment({ preset, assignments: [] }, registry)));
  runs = (await Promise.all(loaded.map((one) => resolveRuns(one, registry)))).flat();
  const presets = registry.presets.filter(({ name }) => PRESETS.includes(name));
  recipes = new Set(
    presets.flatMap(({ part }) =>
      Object.values(part.models ?? {}).map((model) => (model as { extends: string }).extends),
    ),
  );
});

describe('recipes for recall', () => {
  it('are measured by one of two experiments', () => {
    const named = registry.models.filter(({ name }) => name.endsWith('-recall'));
    expect(named.map(({ name, packageName }) => `${packageName}#${name}`).sort()).toEqual([...recipes].sort());
  });

  it('exist in every package of mixers', () => {
    const packages = (parts: readonly { packageName: string }[]) =>
      new Set(parts.map(({ packageName }) => packageName));
    expect([...packages(registry.mixers)].filter((name) => !packages(registry.models).has(name))).toEqual([]);
  });

  it('are tried at equally many rates, in the same setting, with the same budget and search', () => {
    const terms = runs.map(({ config: { task, train, testLengths, search } }) => {
      const { batchSize, epochs, stepsPerEpoch, validationExamples, testExamples } = train;
      return JSON.stringify([
        task,
        testLengths,
        search,
        batchSize,
        epochs,
        stepsPerEpoch,
        validationExamples,
        testExamples,
      ]);
    });
    expect(new Set(terms).size).toBe(1);
  });

  it('say where settings are from that the models have', () => {
    const section = recipeSection(
      groupEntries(
        [],
        runs.map(({ config }) => config),
      ),
    ).text;
    expect(section).toMatch(/<summary>Mamba, 2 layers: 2\s×\smamba<\/summary>/);
    expect(section).toMatch(/<th scope="row">model\.norm<\/th><td>rmsNorm/);
    expect(section).not.toMatch(/<td>\s*<span/); // a source without a value
  });
});
