/**
 * The parts that an experiment names: looked up, made from their config, and described for the record of a run, with the file
 * that defines each.
 */
import {
  type ChannelMixer,
  InvalidConfigError,
  isZooError,
  type LayerSpec,
  type Mixer,
  type Norm,
  type Task,
  type TaskFactory,
} from '@mixerzoo/core';
import { assertSpecVersion, parseConfig, unwrapShortFilter } from '@mixerzoo/core/harness';
import type { z } from 'zod';
import { findPart, type Registry } from '../find-part.js';
import { makerOf, type Parts, wordOf } from '../part-kinds.js';
import type { RunLayer } from '../runs/run-config.js';
import type { CodeReader } from './code.js';
import { assertConfigData } from './config-text.js';
import {
  blockSchema,
  type ChannelMixerConfig,
  type Experiment,
  type LayerConfig,
  type NormConfig,
  type TaskConfig,
} from './experiment.js';

/** Where parts are looked for, and their code. */
export interface Lookup {
  readonly registry: Registry;
  readonly code: Pick<CodeReader, 'sourceOf' | 'nameOf'>;
}

/** A layer as core takes it, as the record has it, and the files that define its parts. */
export interface ResolvedLayer {
  readonly spec: LayerSpec;
  readonly record: RunLayer;
  readonly sources: readonly string[];
}

/** A part, what the record says of it, and the files that define it. */
interface Resolved<T> {
  readonly part: T;
  readonly record: { readonly name: string; readonly from: string; readonly config: Readonly<Record<string, unknown>> };
  readonly sources: readonly string[];
}

/** What the factories of a model's parts make. */
interface Made {
  readonly mixers: Mixer;
  readonly channelMixers: ChannelMixer;
  readonly norms: Norm;
}

/** @throws InvalidConfigError, UnknownNameError */
export async function resolveTask({ task, ...options }: TaskConfig, registry: Registry): Promise<Task> {
  const make = async () => {
    if (typeof task !== 'string' && typeof task !== 'function') {
      assertNoOptions('task', options);
      return task;
    }
    const factory: TaskFactory = typeof task === 'string' ? (await findPart(registry, 'tasks', task)).part : task;
    return within('task', () => factory(options));
  };
  const made = await make();
  assertSpecVersion('task', wordOf('tasks'), made, makerOf('tasks'));
  return recordable(made, 'task');
}

/**
 * The parts of a layer; what its block does not say is the model's.
 * @throws InvalidConfigError, UnknownNameError that begin with `where`.
 */
async function resolveLayer(
  config: LayerConfig,
  backbone: Experiment['model'],
  where: string,
  lookup: Lookup,
): Promise<ResolvedLayer> {
  const { mixer, block: ownBlock = {}, ...options } = isPart(config) ? { mixer: config } : config;
  const { dModel } = backbone;
  const { norm, residual, channelMixer, shortFilters }: z.output<typeof blockSchema> = {
    ...backbone,
    ...defined(parseConfig(blockSchema, ownBlock, `${where}.block`)),
  };
  const bare = typeof mixer === 'object' ? unwrapShortFilter(mixer, shortFilters, where) : { mixer, shortFilters };
  const filters = Object.keys(bare.shortFilters ?? {}).length > 0 ? bare.shortFilters : undefined;
  const {
    part: sequenceMixer,
    record,
    sources,
  } = await resolvePart('mixers', bare.mixer, { dModel, options }, where, lookup);
  const around = defined({
    norm: norm === undefined ? undefined : await resolveNorm(norm, dModel, where, lookup),
    channelMixer:
      channelMixer === undefined ? undefined : await resolveChannelMixer(channelMixer, dModel, where, lookup),
  });
  const parts = Object.entries(around);
  const pick = <K extends 'part' | 'record'>(key: K) =>
    Object.fromEntries(parts.map(([role, one]) => [role, one[key]]));
  return {
    spec: { sequenceMixer, ...defined({ residual, shortFilters: filters }), ...pick('part') },
    record: {
      mixer: record.name,
      from: record.from,
      config: record.config,
      block: { ...defined({ residual, shortFilters: filters }), ...pick('record') },
      ...defined({ factors: sequenceMixer.factors }),
    },
    sources: [...sources, ...parts.flatMap(([, one]) => one.sources)],
  };
}

/**
 * All layers of a model, its pattern repeated.
 * @throws InvalidConfigError, UnknownNameError that begin with `where`.
 */
export async function resolveLayers(
  { layers, nLayers = layers.length }: Pick<Experiment['models'][string], 'layers' | 'nLayers'>,
  backbone: Experiment['model'],
  where: string,
  lookup: Lookup,
): Promise<ResolvedLayer[]> {
  const resolved: ResolvedLayer[] = [];
  for (let index = 0; index < nLayers; index++) {
    const at = index % layers.length;
    resolved.push(await resolveLayer(layers[at] as LayerConfig, backbone, `${where}.layers.${at}`, lookup));
  }
  return resolved;
}

/** @throws InvalidConfigError, UnknownNameError that begin with `where`. */
export async function resolveNorm(
  given: NormConfig,
  dModel: number,
  where: string,
  lookup: Lookup,
): Promise<Resolved<Norm>> {
  const { name, ...options } = isPart(given) ? { name: given } : given;
  return resolvePart('norms', name, { dModel, options }, where, lookup);
}

async function resolveChannelMixer(given: ChannelMixerConfig, dModel: number, where: string, lookup: Lookup) {
  const { name, ...options } = isPart(given) ? { name: given } : given;
  if (name !== 'none') return resolvePart('channelMixers', name, { dModel, options }, where, lookup);
  assertNoOptions(where, options);
  return { part: name, record: name, sources: [] };
}

/** A part by its name or factory, made with its options at the model's width; or one that is made already. */
async function resolvePart<K extends keyof Made>(
  kind: K,
  given: string | Parts[K] | Made[K],
  { dModel, options }: { readonly dModel: number; readonly options: Record<string, unknown> },
  where: string,
  { registry, code }: Lookup,
): Promise<Resolved<Made[K]>> {
  let part: Made[K];
  if (typeof given === 'object') {
    assertNoOptions(where, options);
    if (typeof given.apply !== 'function') {
      throw new InvalidConfigError(
        `${where}: expected a ${wordOf(kind)}, got an object without 'apply'. Make it with ${makerOf(kind)} of @mixerzoo/core.`,
      );
    }
    part = given;
  } else {
    const named = typeof given === 'string' ? await findPart(registry, kind, given).catch(prefix(where)) : undefined;
    const factory = (named?.part ?? given) as unknown as (config: unknown) => Made[K];
    part = within(where, () => factory({ dModel, ...options }));
  }
  assertSpecVersion(where, wordOf(kind), part, makerOf(kind));
  const { name, config } = recordable(part, where);
  const source = await code.sourceOf(part);
  return { part, record: { name, from: code.nameOf(source), config }, sources: [source] };
}

/** @throws InvalidConfigError if the parsed config of a part is not data, as the record of a run has to be. */
function recordable<T extends Task | Made[keyof Made]>(made: T, where: string): T {
  assertConfigData(made.config, `${where}: config of ${made.name}`);
  return made;
}

/** True for a part that stands alone, without options. */
const isPart = <T>(
  given: T,
): given is Extract<T, string | ((...args: never) => unknown) | { readonly specVersion: 1 }> =>
  typeof given !== 'object' || given === null || 'specVersion' in given;

function assertNoOptions(where: string, options: Record<string, unknown>): void {
  const keys = Object.keys(options);
  if (keys.length > 0) {
    throw new InvalidConfigError(
      `${where}: expected no options beside one that is made already, got ${keys.join(', ')}. Pass them to its factory.`,
    );
  }
}

/** Runs a factory; its error says where in the experiment it was called. */
export function within<T>(where: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    return prefix(where)(error);
  }
}

/** Puts where an error of the zoo came from before its message, and throws it on. */
export function prefix(where: string): (error: unknown) => never {
  return (error) => {
    if (isZooError(error)) error.message = `${where}: ${error.message}`;
    throw error;
  };
}

/** Without the keys that are undefined. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
