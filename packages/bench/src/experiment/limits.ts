/**
 * The sizes up to which a config is taken: a slip (`nLayers: 1e9`) is an error with a number, at once, and not memory
 * that runs out, perhaps after hours. What must be held at least is estimated; less than all of it, so that nothing is
 * refused that could be trained.
 */
import { InvalidConfigError, type LanguageModel, type Task } from '@mixerzoo/core';
import type { TrainSettings } from '../runs/run-config.js';
import type { Experiment } from './experiment.js';
import { testCount } from './recipe.js';

export const LIMITS = {
  /** Bytes of a config file. */
  configBytes: 2 ** 20,
  /** Of a config: lists and objects within each other, and values in all. */
  configDepth: 64,
  configValues: 10_000,
  /** Runs of an experiment: models x dims x lengths x learning rates x seeds. */
  runs: 100_000,
  /** Layers of a model, and of all models in all cells of a sweep. */
  nLayers: 1024,
  layers: 100_000,
  /** Of epochs, and of the steps of one. */
  steps: 2 ** 24,
  /** Of a width, a length, a vocabulary, a batch: what is over this cannot be one axis of a tensor. */
  size: 2 ** 28,
  /** Elements of a tensor: engines count its bytes in 32 bits. */
  tensor: 2 ** 30,
  /** Tokens of the examples that are held at a time, 8 bytes each. */
  tokens: 2 ** 28,
  /** Floats that a training holds: what the wasm engine's heap of 4 GiB has room for, and what a large GPU's memory. */
  wasmFloats: 2 ** 30,
  floats: 2 ** 36,
} as const;

/** @throws InvalidConfigError if a count is over its limit. */
function assertWithin(where: string, what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new InvalidConfigError(`${where}: expected at most ${words(limit)} ${what}, got ${words(count)}.`);
}

const words = (count: number) =>
  count < 1e15 ? Math.ceil(count).toLocaleString('en') : count.toLocaleString('en', { notation: 'scientific' });

/** @throws InvalidConfigError if an experiment has more runs, or more layers, than are taken. */
export function assertCountable({ models, seeds, learningRates, sweep }: Experiment): void {
  const cells = (sweep.dims?.length ?? 1) * (sweep.lengths?.length ?? 1);
  const entries = Object.values(models);
  const layers = entries.reduce((sum, { layers, nLayers = layers.length }) => sum + nLayers, 0);
  assertWithin('experiment', 'layers of all models in all cells', cells * layers, LIMITS.layers);
  const rates = entries.reduce((sum, model) => sum + (model.learningRates ?? learningRates).length, 0);
  const runs = cells * rates * seeds.length;
  assertWithin('experiment', 'runs (models x dims x lengths x learning rates x seeds)', runs, LIMITS.runs);
}

/** @throws InvalidConfigError if the examples of a training or of its tests are more than are held at a time. */
export function assertExamplesFit(train: TrainSettings, { seqLen }: Task, testLengths: readonly number[]): void {
  const { batchSize, stepsPerEpoch, freshExamples, validationExamples } = train;
  const longest = Math.max(...testLengths);
  const held = [
    ['batchSize', batchSize, seqLen],
    ...(freshExamples ? [] : [['batchSize x stepsPerEpoch (freshExamples false)', batchSize * stepsPerEpoch, seqLen]]),
    ['validationExamples', validationExamples, seqLen],
    ['testExamples', testCount(train, longest), longest],
  ] as [string, number, number][];
  for (const [name, count, length] of held) {
    assertWithin(`train: ${name} ${count} at length ${length}`, 'tokens', count * length, LIMITS.tokens);
  }
}

/**
 * Refuses a training that no engine has room for. Counted are the parameters with gradients and both moments, the input of
 * each layer, kept for the gradient, and the logits.
 * @throws InvalidConfigError
 */
export function assertModelFits(
  where: string,
  { engine }: Experiment,
  {
    model,
    task,
    train,
    testLengths,
  }: { model: LanguageModel; task: Task; train: TrainSettings; testLengths: readonly number[] },
): void {
  const { vocabSize, dModel, nLayers } = model;
  const batchSize = train.batchSize / (train.accumulation ?? 1);
  const tokens = batchSize * task.seqLen;
  const tensor = (name: string, elements: number) =>
    assertWithin(`${where}: ${name}`, 'elements in a tensor', elements, LIMITS.tensor);
  tensor(`embedding [vocabSize ${vocabSize}, dModel ${dModel}]`, vocabSize * dModel);
  tensor(`a weight [dModel ${dModel}, dModel ${dModel}]`, dModel * dModel);
  tensor(`hidden [batchSize ${batchSize}, seqLen ${task.seqLen}, dModel ${dModel}]`, tokens * dModel);
  const longest = Math.max(...testLengths);
  tensor(`hidden [1, test length ${longest}, dModel ${dModel}]`, longest * dModel);
  // A multiply-add is 2 FLOPs, and a token takes one of each weight.
  const parameters = vocabSize * dModel + model.flops(1, 0) / 2;
  const floats = 4 * parameters + nLayers * tokens * dModel;
  const limit = engine === 'wasm' ? LIMITS.wasmFloats : LIMITS.floats;
  assertWithin(
    `${where}: about ${words(parameters)} parameters, ${nLayers} layers of ${words(tokens * dModel)} activations a batch`,
    `floats to train${engine === 'wasm' ? ' on the wasm engine' : ''}`,
    floats,
    limit,
  );
}
