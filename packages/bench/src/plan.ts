/**
 * `@mixerzoo/bench/plan`: a run of an experiment, or of its record, planned as `mixerzoo run` plans it, without files and processes: for a
 * page in a browser, which brings the plugins itself.
 */
import type { LanguageModel, Task, TrainerConfig } from '@mixerzoo/core';
import { factoryOf, parseConfig } from '@mixerzoo/core/harness';
import { rebuildRun } from './evaluation/rebuild-model.js';
import { type ExperimentConfig, experimentSchema } from './experiment/experiment.js';
import { extendModel } from './experiment/extend-model.js';
import { resolveModel, resolveModelTraining } from './experiment/resolve-model.js';
import { resolveTask } from './experiment/resolve-parts.js';
import type { Registered, Registry } from './find-part.js';
import type { RunConfig } from './runs/run-config.js';
import { trainerConfig } from './runs/trainer-config.js';

export type { ExperimentConfig, ModelConfig } from './experiment/experiment.js';
export { testCount } from './experiment/recipe.js';
export type { Registered, Registry } from './find-part.js';
export { findPart, registryOf } from './find-part.js';
export type { RunConfig, TrainSettings } from './runs/run-config.js';

/** What decides the numbers of a run, but for the code behind it. */
export type RunSettings = Pick<
  RunConfig,
  'task' | 'model' | 'layers' | 'train' | 'testLengths' | 'seed' | 'learningRate'
>;

/** A run that can be trained: `createTrainer(plan.trainer)`. */
export interface RunPlan {
  readonly config: RunSettings;
  readonly task: Task;
  readonly model: LanguageModel;
  readonly trainer: TrainerConfig;
}

/**
 * The run of one model of an experiment, at its first seed and learning rate.
 * @param experiment - whole: it extends nothing, though its models may.
 * @throws InvalidConfigError, UnknownNameError
 */
export async function planRun(experiment: ExperimentConfig, label: string, registry: Registry): Promise<RunPlan> {
  const given = await extendModel(`models.${label}`, experiment.models?.[label], registry, experiment.learningRates);
  const parsed = parseConfig(experimentSchema, { ...experiment, models: { [label]: given } } as never, 'experiment');
  const entry = parsed.models[label]!;
  const task = await resolveTask(parsed.task, registry);
  const testLengths = [...new Set([...parsed.testLengths, task.seqLen])].sort((a, b) => a - b);
  const { train, learningRates } = resolveModelTraining(parsed, label, entry, task);
  const code = { sourceOf: async (made: object) => packageOf(made, registry), nameOf: (source: string) => source };
  const { model, record } = await resolveModel(label, entry, parsed, { task, testLengths, lookup: { registry, code } });
  const config: RunSettings = {
    task: { name: task.name, from: await code.sourceOf(task), config: task.config },
    ...record,
    train,
    testLengths,
    seed: parsed.seeds[0]!,
    learningRate: learningRates[0]!,
  };
  return { config, task, model, trainer: trainerConfig({ config, task, model }) };
}

/** The run of a record. @throws InvalidConfigError, UnknownNameError where a part is not among the plugins. */
export async function planRecorded(config: RunSettings, registry: Registry): Promise<RunPlan> {
  const { task, model } = await rebuildRun(config, registry);
  return { config, task, model, trainer: trainerConfig({ config, task, model }) };
}

/** The package whose plugin has the factory that made a part. */
function packageOf(made: object, registry: Registry): string {
  const factory = factoryOf(made);
  const parts: readonly Registered<unknown>[] = [
    ...registry.mixers,
    ...registry.tasks,
    ...registry.channelMixers,
    ...registry.norms,
  ];
  return parts.find(({ part }) => part === factory)?.packageName ?? '@mixerzoo/core';
}
