/** Models from their records: what a run says of its layers, or a model's own config, put together again. */
import {
  createLanguageModel,
  InvalidConfigError,
  isZooError,
  type LanguageModel,
  type LayerSpec,
  type Task,
} from '@mixerzoo/core';
import { isPlain } from '../experiment/config-text.js';
import { findPart, type Registry } from '../find-part.js';
import type { Kind } from '../part-kinds.js';
import type { RunConfig } from '../runs/run-config.js';

/** Whether a record's `from` is a file beside the config, and no package. */
export const isOwnFile = (from: string | undefined): boolean => from?.startsWith('.') === true;

/** A part as records name it; `from` is its package, where that is known. */
interface PartRecord {
  readonly name: string;
  readonly from?: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The configs that its mixers get in place of those on record. */
export type ChangeMixer = (config: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/**
 * The task and the model of a run, from its record.
 * @throws InvalidConfigError, UnknownNameError where a part is not installed, or came from a file of the config's own.
 */
export async function rebuildRun(
  { task: { name, from, config: taskConfig, places }, layers, model }: Pick<RunConfig, 'task' | 'layers' | 'model'>,
  registry: Registry,
): Promise<{ task: Task; model: LanguageModel }> {
  const task = (await make('tasks', { name, from, config: { ...taskConfig, ...places } }, registry)) as Task;
  const { nLayers: _nLayers, norm, ...backbone } = model;
  const specs: LayerSpec[] = [];
  for (const { mixer, from, config, block } of layers) {
    specs.push(await layerOf({ ...block, sequenceMixer: { name: mixer, from, config } }, registry));
  }
  const config = {
    vocabSize: task.vocabSize, // where the record does not say more
    ...backbone,
    ...(norm === undefined ? {} : { norm: await make('norms', norm as PartRecord, registry) }),
    layers: specs,
  };
  return { task, model: createLanguageModel(config as unknown as Parameters<typeof createLanguageModel>[0]) };
}

/**
 * A model whose mixers have other configs: the same parameters serve it, if the change makes no others.
 * @throws InvalidConfigError, UnknownNameError where a part is not installed, or does not take its new config.
 */
export const changeMixers = (
  { config }: LanguageModel,
  change: ChangeMixer,
  registry: Registry,
): Promise<LanguageModel> => rebuildModel(config, registry, change);

/**
 * A model from its own config, as `model.config` and checkpoints have it.
 * @throws InvalidConfigError, UnknownNameError where a part is not installed, or does not take its config.
 */
export async function rebuildModel(
  config: LanguageModel['config'],
  registry: Registry,
  change: ChangeMixer = (same) => same,
): Promise<LanguageModel> {
  const { layers, norm, ...backbone } = config as {
    layers: readonly (Readonly<Record<string, unknown>> & { sequenceMixer: PartRecord })[];
    norm: PartRecord;
  };
  const specs: LayerSpec[] = [];
  for (const { sequenceMixer, ...block } of layers) {
    const changed = { ...sequenceMixer, config: change(sequenceMixer.config) };
    specs.push(await layerOf({ ...block, sequenceMixer: changed }, registry));
  }
  return createLanguageModel({ ...backbone, norm: await make('norms', norm, registry), layers: specs } as never);
}

/** Of parts by record; what is no part, as a residual's name, stays. */
async function layerOf(layer: Readonly<Record<string, unknown>>, registry: Registry): Promise<LayerSpec> {
  const kinds = { sequenceMixer: 'mixers', channelMixer: 'channelMixers', norm: 'norms' } as const;
  const entries = Object.entries(layer).map(async ([role, value]) => {
    if (!isPlain(value) || !Object.hasOwn(kinds, role)) return [role, value] as const;
    return [role, await make(kinds[role as keyof typeof kinds], value as unknown as PartRecord, registry)] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as unknown as LayerSpec;
}

async function make(kind: Kind, { name, from, config }: PartRecord, registry: Registry): Promise<unknown> {
  if (isOwnFile(from)) {
    throw new InvalidConfigError(
      `${name}: expected a part of a package, got one of the config's own file ${from}. Name that config: --config <file>, or in a program { experiment: '<file>' }.`,
    );
  }
  const { part } = await findPart(registry, kind, from === undefined ? name : `${from}#${name}`);
  try {
    return (part as unknown as (config: unknown) => unknown)(config);
  } catch (error) {
    if (isZooError(error)) error.message = `${name}: ${error.message} Its record was made by another version of it.`;
    throw error;
  }
}
