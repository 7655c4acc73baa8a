/**
 * From an experiment to its runs: every model at every learning rate and seed, mixers and tasks looked up, configs
 * parsed, models put together, so that a mistake shows before anything is trained.
 */
import { join } from 'node:path';
import {
  CHANNEL_MIXERS,
  createLanguageModel,
  hashConfig,
  InvalidConfigError,
  isZooError,
  type LanguageModel,
  type LayerSpec,
  type Mixer,
  type MixerFactory,
  parseConfig,
  type Task,
  type TaskFactory,
  UnknownNameError,
} from '@mixerzoo/core';
import type { z } from 'zod';
import { findMixer, findTask, type Registry } from '../plugins.js';
import { assertFreeRunning } from '../runs/free-running.js';
import { RUN_FORMAT, type RunConfig } from '../runs/results.js';
import { type CodeReader, createCodeReader } from './code.js';
import { assertConfigData } from './config-text.js';
import { describeExperiment } from './describe-experiment.js';
import { blockSchema, type Experiment, type LayerConfig, type TaskConfig } from './experiment.js';
import { assertCountable, assertExamplesFit, assertModelFits } from './limits.js';
import { foldName, slug } from './names.js';
import { assertTrainable } from './recipe.js';

/** A run that can be started. */
export interface PlannedRun {
  readonly config: RunConfig;
  /** Name of its directory within the experiment's: label, learning rate, seed and id. */
  readonly directoryName: string;
  readonly task: Task;
  readonly model: LanguageModel;
}

/** Where a run's files go. */
export function runDirectory(out: string, run: PlannedRun): string {
  return join(out, run.config.experiment, run.directoryName);
}

/**
 * The runs of an experiment. A round is one seed at one learning rate: all its cells (dims x lengths), each with every
 * model, so that whole comparisons come first; then the next learning rate, then the next seed.
 * @param configFile where the experiment is from: mixers and tasks that it imports or defines are code of the runs.
 * @throws InvalidConfigError, UnknownNameError naming the model or task that is at fault.
 */
export async function resolveRuns(
  experiment: Experiment,
  registry: Registry,
  configFile?: string,
): Promise<PlannedRun[]> {
  assertCountable(experiment);
  const code = await createCodeReader(configFile);
  const cells: Cell[] = [];
  for (const at of sweptCells(experiment)) {
    for (const rate of experiment.learningRates) within('train', () => assertTrainable(at.train, rate));
    cells.push(await resolveCell(at, registry, code));
  }
  const testLengths = [...new Set(cells.flatMap((cell) => cell.testLengths))].sort((a, b) => a - b);
  const description = describeExperiment(
    experiment,
    cells.map(({ task, experiment: { train } }) => ({ task, train })),
    testLengths,
  );
  const { dims, lengths, enoughAt } = experiment.sweep;
  const runs = experiment.seeds.flatMap((seed) =>
    experiment.learningRates.flatMap((learningRate) =>
      cells.flatMap(({ experiment: { train }, task, from, testLengths, parts }) =>
        parts.map(({ label, model, resolved }): PlannedRun => {
          const decisive = {
            format: RUN_FORMAT,
            task: { name: task.name, from, config: task.config },
            ...resolved,
            train,
            testLengths,
            seed,
            learningRate,
            engine: experiment.engine,
            ...(experiment.freeRunning ? { freeRunning: true as const } : {}),
          } as const;
          const id = hashConfig(decisive).slice(0, 12);
          const about = { experiment: experiment.name, description, label, ...(enoughAt === null ? {} : { enoughAt }) };
          const config: RunConfig = { ...decisive, id, ...about };
          const cell = `${dims ? `-d${resolved.model.dModel}` : ''}${lengths ? `-L${task.seqLen}` : ''}`;
          return { config, directoryName: `${slug(label)}${cell}-lr${learningRate}-s${seed}-${id}`, task, model };
        }),
      ),
    ),
  );
  assertDistinct(runs);
  return runs;
}

/** @throws InvalidConfigError if two runs are the same: their numbers would count twice. */
function assertDistinct(runs: readonly PlannedRun[]): void {
  const found = new Map<string, PlannedRun>();
  for (const run of runs) {
    const directory = foldName(run.directoryName); // some file systems ignore case
    const twin = found.get(directory);
    if (twin) {
      const [a, b] = [twin.config.label, run.config.label];
      throw new InvalidConfigError(
        a === b
          ? `experiment: expected runs that differ, got '${a}' at learning rate ${run.config.learningRate} and seed ${run.config.seed} twice. ` +
              'Leave out what learningRates, seeds, sweep.dims or sweep.lengths hold twice.'
          : `models: expected models that differ, got '${b}' like '${a}'. Leave one out, or give them names that differ in letters or digits.`,
      );
    }
    found.set(directory, run);
  }
}

/** One setting of an experiment: its task and the models made for it. */
interface Cell {
  readonly experiment: Experiment;
  readonly task: Task;
  /** The task's code; see {@link RunConfig.code}. */
  readonly from: string;
  readonly testLengths: readonly number[];
  readonly parts: readonly {
    readonly label: string;
    readonly model: LanguageModel;
    readonly resolved: Pick<RunConfig, 'model' | 'layers' | 'code'>;
  }[];
}

/** The experiment at each length and width of its sweep. */
function sweptCells(experiment: Experiment): Experiment[] {
  const { dims = [undefined], lengths = [undefined] } = experiment.sweep;
  return lengths.flatMap((length) => {
    const { train, ...options } = typeof length === 'number' ? { seqLen: length } : (length ?? {});
    return dims.map((dModel) => ({
      ...experiment,
      task: { ...experiment.task, ...options },
      train: { ...experiment.train, ...defined(train ?? {}) },
      model: { ...experiment.model, ...(dModel === undefined ? {} : { dModel }) },
    }));
  });
}

async function resolveCell(experiment: Experiment, registry: Registry, code: CodeReader): Promise<Cell> {
  const task = await resolveTask(experiment.task, registry);
  const taskSource = await code.sourceOf(task);
  const testLengths = [...new Set([...experiment.testLengths, task.seqLen])].sort((a, b) => a - b);
  for (const seqLen of testLengths) {
    const at = within('testLengths', () => task.atLength(seqLen));
    if (experiment.freeRunning) await assertFreeRunning(at).catch(prefix('freeRunning'));
  }
  assertExamplesFit(experiment, task, testLengths);
  const parts: Cell['parts'][number][] = [];
  for (const [label, entry] of Object.entries(experiment.models)) {
    const backbone: Experiment['model'] = { ...experiment.model, ...defined(entry.model ?? {}) };
    const nLayers = entry.nLayers ?? entry.layers.length;
    const layers: { spec: LayerSpec; block: Block; source: string }[] = [];
    for (let index = 0; index < nLayers; index++) {
      const config = entry.layers[index % entry.layers.length] as LayerConfig;
      const where = `models.${label}.layers.${index % entry.layers.length}`;
      const layer = await resolveLayer(config, backbone, where, registry);
      layers.push({ ...layer, source: await code.sourceOf(layer.spec.sequenceMixer) });
    }
    const { norm, residual: _residual, channelMixer: _channelMixer, maxPositions, ...rest } = defined(backbone);
    const model = {
      ...rest,
      ...(norm ? { norm } : {}),
      ...(backbone.positions === 'learned' ? { maxPositions: maxPositions ?? Math.max(...testLengths) } : {}),
    };
    const made = within(`models.${label}`, () =>
      createLanguageModel({ ...model, vocabSize: task.vocabSize, layers: layers.map(({ spec }) => spec) }),
    );
    assertModelFits(`models.${label}`, experiment, { model: made, task, testLengths });
    parts.push({
      label,
      model: made,
      resolved: {
        model: { ...model, dModel: backbone.dModel, nLayers },
        layers: layers.map(({ spec, block, source }) => ({
          mixer: spec.sequenceMixer.name,
          from: code.nameOf(source),
          config: spec.sequenceMixer.config,
          block: { ...block },
        })),
        code: code.read([taskSource, ...layers.map(({ source }) => source)]),
      },
    });
  }
  return { experiment, task, from: code.nameOf(taskSource), testLengths, parts };
}

type Block = z.output<typeof blockSchema>;

async function resolveTask({ task, ...options }: TaskConfig, registry: Registry): Promise<Task> {
  if (typeof task !== 'string' && typeof task !== 'function') {
    assertNoOptions('task', options);
    return recordable(task, 'task');
  }
  const factory: TaskFactory = typeof task === 'string' ? await findTask(registry, task) : task;
  return recordable(
    within('task', () => factory(options)),
    'task',
  );
}

/** @throws InvalidConfigError if the parsed config of a mixer or task is not data, as the record of a run has to be. */
function recordable<T extends Mixer | Task>(made: T, where: string): T {
  assertConfigData(made.config, `${where}: config of ${made.name}`);
  return made;
}

async function resolveLayer(
  config: LayerConfig,
  backbone: Experiment['model'],
  where: string,
  registry: Registry,
): Promise<{ spec: LayerSpec; block: Block }> {
  const { mixer, block: ownBlock = {}, ...options } = isReference(config) ? { mixer: config } : config;
  const { norm, residual, channelMixer } = backbone;
  const block: Block = defined({
    norm,
    residual,
    channelMixer,
    ...parseConfig(blockSchema, ownBlock, `${where}.block`),
  });
  const sequenceMixer = await resolveMixer(mixer, options, backbone.dModel, where, registry);
  const { channelMixer: channel, ...around } = block;
  return {
    block,
    spec: {
      sequenceMixer,
      ...defined(around),
      ...(channel === undefined ? {} : { channelMixer: resolveChannelMixer(channel, backbone.dModel, where) }),
    },
  };
}

async function resolveMixer(
  mixer: string | MixerFactory | Mixer,
  options: Record<string, unknown>,
  dModel: number,
  where: string,
  registry: Registry,
): Promise<Mixer> {
  if (typeof mixer === 'object') {
    assertNoOptions(where, options);
    if (typeof mixer.apply !== 'function' || mixer.specVersion !== 1) {
      throw new InvalidConfigError(`${where}: expected a mixer of version 1, got ${String(mixer.specVersion)}.`);
    }
    return recordable(mixer, where);
  }
  const factory = typeof mixer === 'string' ? await findMixer(registry, mixer).catch(prefix(where)) : mixer;
  return recordable(
    within(where, () => factory({ dModel, ...options })),
    where,
  );
}

function resolveChannelMixer(given: NonNullable<Block['channelMixer']>, dModel: number, where: string) {
  const { name, ...options } = typeof given === 'string' ? { name: given } : given;
  if (name === 'none') return 'none';
  if (!Object.hasOwn(CHANNEL_MIXERS, name)) {
    return prefix(where)(new UnknownNameError('channel mixer', name, ['none', ...Object.keys(CHANNEL_MIXERS)]));
  }
  const create = CHANNEL_MIXERS[name as keyof typeof CHANNEL_MIXERS];
  return within(where, () => create({ dModel, ...options })) as NonNullable<LayerSpec['channelMixer']>;
}

function isReference(config: LayerConfig): config is string | MixerFactory | Mixer {
  return typeof config !== 'object' || 'specVersion' in config;
}

function assertNoOptions(where: string, options: Record<string, unknown>): void {
  const keys = Object.keys(options);
  if (keys.length > 0) {
    throw new InvalidConfigError(
      `${where}: expected no options beside one that is made already, got ${keys.join(', ')}. Pass them to its factory.`,
    );
  }
}

/** Runs a factory; its error says where in the experiment it was called. */
function within<T>(where: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    return prefix(where)(error);
  }
}

function prefix(where: string): (error: unknown) => never {
  return (error) => {
    if (isZooError(error)) error.message = `${where}: ${error.message}`;
    throw error;
  };
}

/** Without the keys that are undefined. */
function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
