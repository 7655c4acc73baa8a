import { planRun } from '@mixerzoo/bench/plan';
import { expect, it } from 'vitest';
import { CATALOG } from './catalog.js';
import { configText, parseConfig } from './config-text.js';
import { experimentOf, labelsOf, stateOf } from './experiment.js';
import { registry } from './plugins.js';
import { DEFAULT_STATE, type ModelChoice } from './state.js';
import { STORY, storyState } from './story.js';

const choices = CATALOG.flatMap(({ id, layers, places }) =>
  places.map((filter): ModelChoice => ({ id, layers, filter, taps: 4 })),
);

it.each(choices.map((choice) => [labelsOf([choice])[0]!, choice] as const))('plans %s', async (label, choice) => {
  const { model, config } = await planRun(experimentOf({ ...DEFAULT_STATE, models: [choice] }), label, registry);
  expect(model.nLayers).toBe(choice.layers);
  expect(config.testLengths).toEqual([16, 32, 64, 128]);
});

it('makes another model of each filter', async () => {
  const counts = new Set<string>();
  for (const filter of ['none', 'keys', 'inside', 'before'] as const) {
    const choice: ModelChoice = { id: 'attention', layers: 1, filter, taps: 3 };
    const [label] = labelsOf([choice]);
    const { model } = await planRun(experimentOf({ ...DEFAULT_STATE, models: [choice] }), label!, registry);
    counts.add(JSON.stringify(model.config['layers']));
  }
  expect(counts.size).toBe(4);
});

it('offers every recipe for recall that the packages have', () => {
  const recipes = registry.models.map(({ packageName, name }) => `${packageName}#${name}`);
  expect(new Set(CATALOG.map(({ recipe }) => recipe))).toEqual(new Set(recipes));
});

it('reads back the config of every step of the story, and of every model', async () => {
  const states = [
    ...STORY.map((_, index) => ({ ...storyState(index + 1), story: 0 })),
    ...choices.map((choice) => ({ ...DEFAULT_STATE, models: [choice], seed: 3, rate: 0.0025 })),
  ];
  for (const state of states) {
    const read = stateOf(await parseConfig(await configText(experimentOf(state))));
    expect(read && experimentOf(read)).toEqual(experimentOf(state));
    expect(read?.models.map(({ id, filter }) => [id, filter])).toEqual(
      state.models.map(({ id, filter }) => [id, filter]),
    );
  }
});

it('does not take a config for its own that differs', () => {
  const experiment = experimentOf(DEFAULT_STATE);
  expect(stateOf(experiment)).toEqual(DEFAULT_STATE);
  expect(stateOf({ ...experiment, train: { ...experiment.train, weightDecay: 0 } })).toBeUndefined();
  expect(stateOf({ ...experiment, models: { Mine: { layers: ['cat'] } } })).toBeUndefined();
});

it.each([
  ['extends: quick\ntask: {}\nmodels: {}', /got one that extends 'quick'/],
  ['models: {}', /config with task and models/],
])('says what a config lacks: %j', async (text, message) => {
  await expect(parseConfig(text)).rejects.toThrow(message);
});
