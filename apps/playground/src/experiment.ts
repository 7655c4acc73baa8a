/** The state of the page as an experiment that `mixerzoo run` accepts: the page trains nothing else. */
import type { ExperimentConfig, ModelConfig } from '@mixerzoo/bench/plan';
import { CATALOG, entryOf } from './catalog.js';
import {
  DEFAULT_STATE,
  formatState,
  LENGTH_FACTORS,
  MOST_MODELS,
  type ModelChoice,
  type PageState,
  parseState,
  STEPS_PER_EPOCH,
} from './state.js';

export const VALIDATION_EXAMPLES = 128;
export const TEST_EXAMPLES = 128;

/** Names of the models, in order: as the page's legend, and the run's table, show them. */
export function labelsOf(models: readonly ModelChoice[]): string[] {
  const labels = models.map(labelOf);
  return labels.map((label, index) => {
    const earlier = labels.slice(0, index).filter((other) => other === label).length;
    return earlier === 0 ? label : `${label} (${earlier + 1})`;
  });
}

function labelOf({ id, layers, filter, taps }: ModelChoice): string {
  const depth = layers === 1 ? '1 layer' : `${layers} layers`;
  const filters = {
    own: '',
    none: ', no filter',
    keys: `, ${taps} taps on the keys`,
    inside: `, ${taps} taps inside`,
    before: `, ${taps} taps before`,
  }[filter];
  return `${entryOf(id).label}, ${depth}${filters}`;
}

/** The experiment of a state. */
export function experimentOf(state: PageState): ExperimentConfig {
  const { pairs, length, vocabulary, width, rate, seed, batch, steps, engine } = state;
  const labels = labelsOf(state.models);
  return {
    name: 'playground',
    task: { task: '@mixerzoo/tasks#mqar', vocabSize: vocabulary, seqLen: length, numKvPairs: pairs },
    model: { dModel: width },
    models: Object.fromEntries(state.models.map((model, index) => [labels[index]!, modelOf(model)])),
    train: {
      batchSize: batch,
      epochs: Math.ceil(steps / STEPS_PER_EPOCH),
      stepsPerEpoch: STEPS_PER_EPOCH,
      validationExamples: VALIDATION_EXAMPLES,
      testExamples: TEST_EXAMPLES,
    },
    testLengths: LENGTH_FACTORS.map((factor) => factor * length),
    learningRates: [rate],
    seeds: [seed],
    engine,
  };
}

function modelOf({ id, layers, filter, taps }: ModelChoice): ModelConfig {
  const { recipe, model = {} } = entryOf(id);
  const shortFilters = {
    own: undefined,
    none: { B: false },
    keys: undefined,
    inside: { B: { width: taps } },
    before: { A: { width: taps } },
  }[filter];
  const backbone = { ...model, ...(shortFilters && { shortFilters }) };
  return {
    extends: recipe,
    nLayers: layers,
    ...(filter === 'keys' && { mixer: { filters: { k: 'perHead' }, filterWidth: taps } }),
    ...(Object.keys(backbone).length > 0 && { model: backbone }),
  };
}

/**
 * The state of an experiment that the page has written; undefined of any other, even where it differs in one setting: it is then trained as
 * it is.
 */
export function stateOf(experiment: ExperimentConfig): PageState | undefined {
  const { task, model, models = {}, train, learningRates, seeds, engine } = experiment;
  const found = Object.values(models).map((entry) => CHOICES.find((choice) => isSame(modelOf(choice), entry)));
  if (found.length === 0 || found.length > MOST_MODELS || found.some((choice) => choice === undefined))
    return undefined;
  const state = {
    ...DEFAULT_STATE,
    models: found as ModelChoice[],
    pairs: task?.['numKvPairs'],
    length: task?.['seqLen'],
    vocabulary: task?.['vocabSize'],
    width: model?.dModel,
    rate: learningRates?.[0],
    seed: seeds?.[0],
    engine,
    batch: train?.batchSize,
    steps: (train?.epochs ?? 0) * STEPS_PER_EPOCH,
  } as PageState;
  const read = parseState(formatState(state));
  return isSame(experimentOf(read), experiment) ? read : undefined;
}

/** Every model that the page can set up. */
const CHOICES: readonly ModelChoice[] = CATALOG.flatMap(({ id, places }) =>
  places.flatMap((filter) =>
    [1, 2, 3, 4].flatMap((layers) =>
      (filter === 'own' || filter === 'none' ? [3] : [2, 3, 4, 6, 8]).map((taps) => ({ id, layers, filter, taps })),
    ),
  ),
);

/** Whether two values are the same JSON, whatever the order of keys. */
function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

const canonical = (value: unknown) =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
