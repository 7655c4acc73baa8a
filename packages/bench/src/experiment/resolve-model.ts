/** A model of an experiment at one of its settings: what it is made of looked up and put together, and how it is trained. No file is read. */
import { createLanguageModel, InvalidConfigError, type LanguageModel, type LayerSpec, type Task } from '@mixerzoo/core';
import type { RunConfig, TrainSettings } from '../runs/run-config.js';
import { giveWay } from './alternatives.js';
import type { Experiment } from './experiment.js';
import { assertTrainable } from './recipe.js';
import { defined, type Lookup, resolveLayers, resolveNorm, within } from './resolve-parts.js';
import { resolveTraining } from './training.js';

/** A model as an experiment has it, its defaults filled in. */
type ModelEntry = Experiment['models'][string];

/** A model that is put together. */
export interface ResolvedModel {
  readonly model: LanguageModel;
  readonly specs: readonly LayerSpec[];
  /** The same model with other layers. */
  create(specs: readonly LayerSpec[]): LanguageModel;
  /** What the record of a run says of it. */
  readonly record: Pick<RunConfig, 'model' | 'layers'>;
  /** The files that define its parts. */
  readonly sources: readonly string[];
}

/** @throws InvalidConfigError, UnknownNameError that begin with `models.<label>`. */
export async function resolveModel(
  label: string,
  entry: ModelEntry,
  experiment: Experiment,
  {
    task,
    testLengths,
    lookup,
  }: { readonly task: Task; readonly testLengths: readonly number[]; readonly lookup: Lookup },
): Promise<ResolvedModel> {
  const where = `models.${label}`;
  const backbone: Experiment['model'] = { ...experiment.model, ...defined(entry.model ?? {}) };
  const nLayers = entry.nLayers ?? entry.layers.length;
  const layers = await resolveLayers(entry, backbone, where, lookup);
  const {
    norm: named,
    residual: _residual,
    channelMixer: _channelMixer,
    shortFilters: _shortFilters,
    maxPositions,
    ...rest
  } = defined(backbone);
  const norm = named === undefined ? undefined : await resolveNorm(named, backbone.dModel, where, lookup);
  const model = {
    ...rest,
    ...(backbone.positions === 'learned' ? { maxPositions: maxPositions ?? Math.max(...testLengths) } : {}),
    ...(task.decoder && { decoder: task.decoder }),
  };
  const create = (specs: readonly LayerSpec[]) =>
    within(where, () =>
      createLanguageModel({
        ...model,
        ...(norm && { norm: norm.part }),
        vocabSize: vocabularyOf(backbone, task),
        layers: [...specs],
      }),
    );
  const specs = layers.map(({ spec }) => spec);
  return {
    model: create(specs),
    specs,
    create,
    record: {
      model: { ...model, ...(norm && { norm: norm.record }), dModel: backbone.dModel, nLayers },
      layers: layers.map(({ record }) => record),
    },
    sources: [...(norm?.sources ?? []), ...layers.flatMap((layer) => layer.sources)],
  };
}

/**
 * The training of a model: the experiment's, with what is its own on top.
 * @throws InvalidConfigError for settings that do not go together.
 */
export function resolveModelTraining(
  experiment: Experiment,
  label: string,
  { train: own, learningRates = experiment.learningRates }: ModelEntry,
  task: Task,
): { readonly train: TrainSettings; readonly learningRates: readonly number[] } {
  const where = own ? `models.${label}.train` : 'train';
  const settings = own
    ? { ...(giveWay(experiment, { train: own }, where)['train'] as Experiment['train']), ...defined(own) }
    : experiment.train;
  const train = resolveTraining(settings, task);
  for (const rate of learningRates) within(where, () => assertTrainable(train, rate));
  return { train, learningRates };
}

/** Rows of a model's embedding. @throws InvalidConfigError where the task has more tokens. */
function vocabularyOf({ vocabSize }: Experiment['model'], task: Task): number {
  if (vocabSize === undefined || vocabSize >= task.vocabSize) return vocabSize ?? task.vocabSize;
  throw new InvalidConfigError(
    `model.vocabSize: expected at least the ${task.vocabSize} tokens of ${task.name}, got ${vocabSize}. Leave it out, or raise it.`,
  );
}
