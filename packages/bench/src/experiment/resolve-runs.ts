/**
 * From an experiment to its runs: every model at every learning rate and seed, mixers and tasks looked up, configs
 * parsed, models put together, so that a mistake shows before anything is trained.
 */
import { join } from 'node:path';
import { InvalidConfigError, type LanguageModel, type Task } from '@mixerzoo/core';
import { hashConfig } from '@mixerzoo/core/harness';
import type { Registry } from '../plugins.js';
import { listWords } from '../report/format.js';
import { assertFreeRunning } from '../runs/free-running.js';
import {
  DEFAULT_CHECKPOINT_MINUTES,
  RUN_FORMAT,
  type RunConfig,
  type SearchProtocol,
  type TrainSettings,
} from '../runs/run-config.js';
import { type CodeReader, createCodeReader } from './code.js';
import { describeExperiment } from './describe-experiment.js';
import type { Experiment } from './experiment.js';
import type { LoadedExperiment } from './experiment-source.js';
import { extendContext } from './extend-context.js';
import { assertCountable, assertExamplesFit, assertModelFits } from './limits.js';
import { foldName, slug } from './names.js';
import { testCount } from './recipe.js';
import { resolveModel, resolveModelTraining } from './resolve-model.js';
import { defined, prefix, resolveTask, within } from './resolve-parts.js';
import { assertShare, resolveTraining } from './training.js';

/** A run that can be started. */
export interface PlannedRun {
  readonly config: RunConfig;
  /** Name of its directory within the experiment's: label, learning rate, seed and id. */
  readonly directoryName: string;
  /** In which it comes: rounds of the first seed, one for each learning rate in order of promise, then of the next seed. */
  readonly round: number;
  readonly task: Task;
  readonly model: LanguageModel;
  /** By test length, where the experiment extends the context: the model as it is tested there. */
  readonly extended: ReadonlyMap<number, LanguageModel>;
}

/** Where a run's files go. */
export function runDirectory(out: string, run: PlannedRun): string {
  return join(out, run.config.experiment, run.directoryName);
}

/**
 * The runs of an experiment. A round is one seed at one learning rate: all its cells (dims x lengths), each with every
 * model, so that whole comparisons come first; then the next learning rate, then the next seed.
 * @throws InvalidConfigError, UnknownNameError naming the model or task that is at fault.
 */
export async function resolveRuns({ experiment, files }: LoadedExperiment, registry: Registry): Promise<PlannedRun[]> {
  assertCountable(experiment);
  const code = await createCodeReader(files);
  const cells: Cell[] = [];
  for (const at of sweptCells(experiment)) cells.push(await resolveCell(at, registry, code));
  const testLengths = [...new Set(cells.flatMap((cell) => cell.testLengths))].sort((a, b) => a - b);
  const search = resolveSearch(experiment, cells);
  const description = describeExperiment(experiment, cells, testLengths);
  const { dims, lengths, enoughAt } = experiment.sweep;
  const { checkpointMinutes } = experiment.train;
  const mostRates = Math.max(...cells.flatMap(({ parts }) => parts.map(({ learningRates }) => learningRates.length)));
  const runs = experiment.seeds.flatMap((seed, seedIndex) =>
    Array.from({ length: mostRates }, (_, rateIndex) =>
      cells.flatMap(({ task, from, testLengths, parts }) =>
        parts.flatMap(({ label, train, learningRates, source, model, extended, resolved }): PlannedRun[] => {
          const learningRate = learningRates[rateIndex];
          if (learningRate === undefined) return [];
          const decisive = {
            format: RUN_FORMAT,
            task: {
              name: task.name,
              from,
              config: task.config,
              ...(task.measure === 'likelihood' && { measure: task.measure }),
            },
            ...resolved,
            train,
            testLengths,
            seed,
            learningRate,
            engine: experiment.engine,
            ...(experiment.freeRunning ? { freeRunning: true as const } : {}),
            ...(experiment.extendContext ? { extendContext: true as const } : {}),
          } as const;
          const id = hashConfig(decisive).slice(0, 12);
          const about = {
            experiment: experiment.name,
            description,
            label,
            ...(source && { source }),
            ...(enoughAt === null ? {} : { enoughAt }),
            ...(search && { search: { rates: learningRates, ...search } }),
            ...(checkpointMinutes === DEFAULT_CHECKPOINT_MINUTES ? {} : { checkpointMinutes }),
          };
          const where = task.places && { task: { ...decisive.task, places: task.places } };
          const config: RunConfig = { ...decisive, ...where, id, ...about };
          const cell = `${dims ? `-d${resolved.model.dModel}` : ''}${lengths ? `-L${task.seqLen}` : ''}`;
          const directoryName = `${slug(label)}${cell}-lr${learningRate}-s${seed}-${id}`;
          const round = seedIndex * mostRates + rateIndex;
          return [{ config, directoryName, round, task, model, extended }];
        }),
      ),
    ).flat(),
  );
  assertDistinct(runs);
  return runs;
}

/**
 * The search of an experiment, but for the rates, which are each model's.
 * @throws InvalidConfigError where it is none, or not the same for every model.
 */
function resolveSearch(
  { search, seeds, models, learningRates }: Experiment,
  cells: readonly Cell[],
): Omit<SearchProtocol, 'rates'> | undefined {
  if (search === null) return undefined;
  const { rungs, keep, seed = seeds[0]! } = search;
  const epochs = Math.min(...cells.map(({ train }) => train.epochs));
  if (rungs.some((rung, index) => rung >= epochs || rung <= (rungs[index - 1] ?? 0))) {
    throw new InvalidConfigError(
      `search.rungs: expected ascending epochs before the last of ${epochs}, got ${rungs.join(', ')}. What is left after them is trained to the end. Name earlier ones (--set 'search.rungs=[1]'), or set search to null (--set search=null), and every rate is. A preset that is extended brings a search of its own.`,
    );
  }
  if (!seeds.includes(seed)) {
    throw new InvalidConfigError(`search.seed: expected one of seeds, ${listWords(seeds.map(String))}, got ${seed}.`);
  }
  const counts = Object.entries(models).map(([label, { learningRates: own = learningRates }]) => [label, own.length]);
  if (new Set(counts.map(([, count]) => count)).size > 1) {
    throw new InvalidConfigError(
      `search: expected as many learning rates for every model, got ${counts.map(([label, count]) => `${count} of '${label}'`).join(', ')}. More tries are more chances: give each the same number.`,
    );
  }
  return { rungs, keep, seed };
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
  /** What every model gets that has no training of its own. */
  readonly train: TrainSettings;
  readonly task: Task;
  /** The task's code; see {@link RunConfig.code}. */
  readonly from: string;
  readonly testLengths: readonly number[];
  readonly parts: readonly {
    readonly label: string;
    readonly train: TrainSettings;
    readonly learningRates: readonly number[];
    readonly source: RunConfig['source'];
    readonly model: LanguageModel;
    readonly extended: ReadonlyMap<number, LanguageModel>;
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
      train: { ...experiment.train, ...(inSteps(train) && { tokens: undefined }), ...defined(train ?? {}) },
      model: { ...experiment.model, ...(dModel === undefined ? {} : { dModel }) },
    }));
  });
}

/** True of a budget in steps, which stands in place of one in tokens. */
const inSteps = (train: object | undefined) => train !== undefined && ('epochs' in train || 'stepsPerEpoch' in train);

async function resolveCell(experiment: Experiment, registry: Registry, code: CodeReader): Promise<Cell> {
  const task = await resolveTask(experiment.task, registry);
  const taskSource = await code.sourceOf(task);
  const train = resolveTraining(experiment.train, task);
  const trainings = new Map(
    Object.entries(experiment.models).map(([label, model]) => [
      label,
      resolveModelTraining(experiment, label, model, task),
    ]),
  );
  assertShare('sweep.enoughAt', experiment.sweep.enoughAt, task);
  const testLengths = [...new Set([...experiment.testLengths, task.seqLen])].sort((a, b) => a - b);
  for (const seqLen of testLengths) {
    const at = within('testLengths', () => task.atLength(seqLen));
    if (experiment.freeRunning) await assertFreeRunning(at).catch(prefix('freeRunning'));
  }
  assertExamplesFit(train, task, testLengths);
  if (task.measure === 'likelihood') assertWindows(task, train, testLengths);
  const parts: Cell['parts'][number][] = [];
  for (const [label, entry] of Object.entries(experiment.models)) {
    const {
      create,
      specs,
      model: made,
      record,
      sources,
    } = await resolveModel(label, entry, experiment, {
      task,
      testLengths,
      lookup: { registry, code },
    });
    const extended = new Map<number, LanguageModel>();
    for (const seqLen of experiment.extendContext ? testLengths : []) {
      const own = within(`models.${label}`, () => extendContext(specs, task.seqLen, seqLen));
      if (own) extended.set(seqLen, create(own));
    }
    const training = trainings.get(label)!;
    assertModelFits(`models.${label}`, experiment, { model: made, task, train: training.train, testLengths });
    parts.push({
      label,
      ...training,
      source: entry.source,
      model: made,
      extended,
      resolved: { ...record, code: code.read([taskSource, ...sources]) },
    });
  }
  return { train, task, from: code.nameOf(taskSource), testLengths, parts };
}

/** @throws InvalidConfigError where a split of given data has fewer windows than are asked for, before anything is trained. */
function assertWindows(task: Task, train: TrainSettings, testLengths: readonly number[]): void {
  within('train', () => task.stream?.({ seed: 0, first: 0, count: 1 }));
  within('train', () => task.generate({ split: 'validation', seed: 0, count: train.validationExamples }));
  for (const seqLen of testLengths) {
    within('train', () => task.atLength(seqLen).generate({ split: 'test', seed: 0, count: testCount(train, seqLen) }));
  }
}
