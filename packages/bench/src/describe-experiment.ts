/** An experiment in words: what a table must say beside its numbers. */
import type { Task } from '@mixerzoo/core';
import type { Experiment } from './experiment.js';
import { listWords } from './report/format.js';

/**
 * Its own description, then the task, the lengths and the budget as resolved.
 * @param tasks one for each training length; what they share is said once.
 * @param dims the widths that are swept, if any.
 * @example `Recall of what was read. mqar (vocabSize 512, seqLen 64, numKvPairs 16, …), tested at 32, 64. Budget of every model: …`
 */
export function describeExperiment(
  experiment: Experiment,
  tasks: readonly Task[],
  testLengths: readonly number[],
  dims: readonly number[] = [],
): string {
  const { description } = experiment;
  const configs = tasks.map(({ config }) => config);
  const options = [...new Set(configs.flatMap((config) => Object.keys(config)))]
    .filter((key) => key !== 'seqLen')
    .map((key) => `${key} ${listWords([...new Set(configs.map((config) => formatOption(config[key])))])}`);
  const lengths = [...new Set(tasks.map(({ seqLen }) => String(seqLen)))];
  const setting = [`length ${listWords(lengths)}`, ...options].join(', ');
  const purpose = description === '' ? '' : `${description.replace(/(?<![.?!])$/, '.')} `;
  const widths = dims.length > 1 ? `, widths ${listWords(dims.map(String))}` : '';
  return `${purpose}Task: ${tasks[0]?.name} (${setting})${widths}, tested at ${listWords(testLengths.map(String))}. ${describeBudget(experiment)}`;
}

/** The training every model gets: steps, examples, optimizer, when it ends. */
export function describeBudget({
  train,
  learningRates,
  seeds,
}: Pick<Experiment, 'train' | 'learningRates' | 'seeds'>): string {
  const { epochs, stepsPerEpoch, batchSize, freshExamples, weightDecay, schedule, warmupSteps, clipNorm, stopAt } =
    train;
  const steps = epochs * stepsPerEpoch;
  const examples = freshExamples
    ? `${batchSize} fresh examples`
    : `${batchSize} out of ${batchSize * stepsPerEpoch} examples`;
  const rates = `learning rate ${listWords(learningRates.map(String))}${schedule === 'constant' ? '' : ' falling to 0 by a cosine'}`;
  const parts = [
    `${stopAt === null ? '' : 'at most '}${steps} steps of ${examples}`,
    `AdamW with weight decay ${weightDecay}`,
    rates,
    ...(warmupSteps > 0 ? [`${warmupSteps} steps of warm-up`] : []),
    ...(clipNorm === null ? [] : [`gradients clipped to norm ${clipNorm}`]),
    ...(seeds.length > 1 ? [`${seeds.length} seeds`] : []),
    ...(stopAt === null ? [] : [`ended at ${100 * stopAt} % on validation`]),
  ];
  return `Budget of every model: ${parts.join(', ')}.`;
}

function formatOption(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
