/** An experiment in words: what a table must say beside its numbers. */
import type { Task } from '@mixerzoo/core';
import { formatCount, inPercent, listWords, shortened } from '../report/format.js';
import type { TrainSettings } from '../runs/run-config.js';
import { kept } from '../runs/search.js';
import type { Experiment } from './experiment.js';
import { fallInWords, optimizerInWords, warmupInWords } from './recipe-words.js';

/** What is trained on in one cell of a sweep. */
interface Training {
  readonly task: Task;
  readonly train: TrainSettings;
  /** Of each model. */
  readonly parts?: readonly OwnTraining[];
}

interface OwnTraining {
  readonly label: string;
  readonly train: TrainSettings;
  readonly learningRates: readonly number[];
}

/**
 * Its own description, then the task, the lengths and the budget as resolved.
 * @param cells one for each training length and width; what they share is said once.
 * @example `Recall of what was read. mqar (vocabSize 512, seqLen 64, numKvPairs 16, …), tested at 32, 64. Budget of every model: …`
 */
export function describeExperiment(
  experiment: Experiment,
  cells: readonly Training[],
  testLengths: readonly number[],
): string {
  const { description, freeRunning, sweep } = experiment;
  const tasks = cells.map(({ task }) => task);
  const configs = tasks.map(({ config }) => config);
  const options = [...new Set(configs.flatMap((config) => Object.keys(config)))]
    .filter((key) => key !== 'seqLen')
    .map((key) => `${key} ${listWords([...new Set(configs.map((config) => formatOption(config[key])))])}`);
  const lengths = [...new Set(tasks.map(({ seqLen }) => String(seqLen)))];
  const setting = [`length ${listWords(lengths)}`, ...options].join(', ');
  const purpose = description === '' ? '' : `${description.replace(/(?<![.?!])$/, '.')} `;
  const { dims = [] } = sweep;
  const widths = dims.length > 1 ? `, widths ${listWords(dims.map(String))}` : '';
  const generated = freeRunning ? ", with the teacher's tokens and free-running" : '';
  return `${purpose}Task: ${tasks[0]?.name} (${setting})${widths}, tested at ${listWords(testLengths.map(String))}${generated}. ${[describeBudgets(experiment, cells), ...describeOwn(experiment, cells), ...describeSearch(experiment, cells)].join(' ')}`;
}

/** A description of {@link describeExperiment} in its parts: what the experiment asks, and its task and budget. Other texts are `purpose` alone. */
export function partsOfDescription(description: string): { readonly purpose: string; readonly setting: string } {
  const [, purpose, setting] = /^(|.*?[.?!] )(Task: .*)$/su.exec(description) ?? [];
  return { purpose: (purpose ?? description).trimEnd(), setting: setting ?? '' };
}

/** The training of every model, and at which length it is another. */
function describeBudgets(experiment: Experiment, cells: readonly Training[]): string {
  const lengthsOf = new Map<string, Set<string>>();
  for (const { task, train } of cells) {
    const budget = describeBudget({ ...experiment, train }, task);
    lengthsOf.set(budget, (lengthsOf.get(budget) ?? new Set()).add(String(task.seqLen)));
  }
  if (lengthsOf.size < 2) return [...lengthsOf.keys()].join('');
  return [...lengthsOf]
    .map(([budget, lengths]) => budget.replace('every model', `every model at length ${listWords([...lengths])}`))
    .join(' ');
}

/** `Mamba: AdamW with …, learning rate 0.003 and 0.001.`, a sentence for each training that is not every model's. */
function describeOwn({ models, learningRates }: Experiment, cells: readonly Training[]): string[] {
  const labelsOf = new Map<string, Set<string>>();
  for (const { train, parts = [] } of cells) {
    const common = describeRecipe(train, learningRates).join(', ');
    for (const { label, ...own } of parts) {
      const { train: ownTrain, learningRates: ownRates } = models[label] ?? {};
      const text = describeRecipe(own.train, own.learningRates).join(', ');
      if ((ownTrain || ownRates) && text !== common) labelsOf.set(text, (labelsOf.get(text) ?? new Set()).add(label));
    }
  }
  return [...labelsOf].map(([text, labels]) => `But for ${listWords([...labels])}: ${text}.`);
}

/** The protocol of the search of learning rates in a sentence or two. */
function describeSearch(
  { search, models, learningRates, seeds, sweep }: Experiment,
  cells: readonly Training[],
): string[] {
  if (search === null) return [];
  const { rungs, keep, seed = seeds[0] } = search;
  const rates = Math.max(...Object.values(models).map(({ learningRates: own = learningRates }) => own.length));
  let left = rates;
  const halvings = rungs.map((epoch, index) => {
    left = kept(left, keep);
    return `the best ${left} ${index === 0 ? 'on validation go on ' : ''}after epoch ${epoch}`;
  });
  const others =
    ['', ', also for the other seed'][seeds.length - 1] ?? `, also for the other ${seeds.length - 1} seeds`;
  const likelihood = cells.some(({ task }) => task.measure === 'likelihood');
  const { enoughAt } = sweep;
  const goal = enoughAt === null ? '' : likelihood ? `a loss of ${enoughAt}` : `${inPercent(enoughAt)} %`;
  return [
    `Search of the learning rate, the same for every model (successive halving at seed ${seed}, schedules of the whole budget): of ${rates} rates ${listWords(halvings)}; what is left is trained to the end, and the best of it is the model's${others}.`,
    ...(enoughAt === null ? [] : [`A rate that has ${goal} at one of these epochs goes on alone.`]),
  ];
}

/** Optimizer, rates and schedule. */
function describeRecipe(train: TrainSettings, learningRates: readonly number[]): string[] {
  return [
    `AdamW with ${optimizerInWords(train).join(', ')}`,
    `learning rate ${listWords(learningRates.map(String))}${fallInWords(train)}`,
    ...warmupInWords(train),
    ...(train.clipNorm === null ? [] : [`gradients clipped to norm ${train.clipNorm}`]),
  ];
}

/**
 * The training every model gets: steps, examples or tokens, optimizer, when it ends.
 * @param experiment `train.tokens`: a budget that is not resolved yet.
 */
export function describeBudget(
  {
    train,
    learningRates,
    seeds,
  }: Pick<Experiment, 'learningRates' | 'seeds'> & {
    readonly train: TrainSettings & { readonly tokens?: number | undefined };
  },
  { measure, seqLen }: Partial<Pick<Task, 'measure' | 'seqLen'>> = {},
): string {
  const { epochs, stepsPerEpoch, batchSize, accumulation = 1, freshExamples, stopAt, tokens } = train;
  const steps = epochs * stepsPerEpoch;
  const likelihood = measure === 'likelihood';
  const windows =
    seqLen && likelihood ? `windows, ${formatCount(steps * batchSize * seqLen)} tokens in all` : 'fresh examples';
  const examples = freshExamples
    ? `${batchSize} ${windows}`
    : `${batchSize} out of ${batchSize * stepsPerEpoch} examples`;
  const amount =
    tokens === undefined
      ? `${steps} steps of ${examples}`
      : `${formatCount(tokens)} tokens in steps of ${batchSize} examples`;
  const goal = stopAt === null ? '' : likelihood ? `a loss of ${stopAt}` : `${inPercent(stopAt)} %`;
  const parts = [
    `${stopAt === null ? '' : 'at most '}${amount}`,
    ...(accumulation > 1 ? [`in ${accumulation} parts`] : []),
    ...describeRecipe(train, learningRates),
    ...(seeds.length > 1 ? [`${seeds.length} seeds`] : []),
    ...(stopAt === null ? [] : [`ended at ${goal} on validation`]),
  ];
  return `Budget of every model: ${parts.join(', ')}.`;
}

function formatOption(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : shortened(String(value));
}
