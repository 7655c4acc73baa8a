/**
 * Training of a language model on a task: epochs of AdamW steps, each ended by a validation pass.
 *
 * Every random stream is derived by `foldIn` from the seed and the counters (epoch, step): the order of examples,
 * fresh examples, dropout masks. So the parameters, the moments and the counters are all there is to a checkpoint,
 * and a resumed run repeats the uninterrupted one bit for bit on the same engine.
 */
import { z } from 'zod';
import { parseConfig } from '../config.js';
import { currentEngine } from '../engines/index.js';
import { CheckpointError, InvalidConfigError, isZooError, NumericalError } from '../errors.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { foldIn, LARGEST_SEED, LEAST_SEED } from '../rng.js';
import type { Examples, Split, Task } from '../task.js';
import { disposeTree } from '../tree.js';
import { createBatches } from './batches.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { hashConfig, toJson } from './config-identity.js';
import { type EvaluationOptions, type EvaluationResult, evaluate, evaluateExamples } from './evaluate.js';
import { computeGradients } from './gradients.js';
import { createOptimizer, type OptimizerState, optimizerSchema } from './optimizer.js';
import { createSchedule, scheduleSchema } from './schedule.js';
import { restoreTrees, snapshotTrees } from './snapshot.js';
import { assertStateOf, type EpochMetrics, trainingState, trainingStateSchema } from './training-state.js';
import { yieldToEventLoop } from './yield.js';

const seedSchema = z.int().min(LEAST_SEED).max(LARGEST_SEED);

const trainerSchema = z.strictObject({
  /** What is trained. */
  model: z.custom<LanguageModel>(
    (value) => typeof (value as LanguageModel | undefined)?.loss === 'function',
    'expected a model from createLanguageModel',
  ),
  /** What it is trained on. */
  task: z.custom<Task>(
    (value) => typeof (value as Task | undefined)?.generate === 'function',
    'expected a task, as a task factory returns it',
  ),
  /** Of the parameters, the order of examples and the dropout masks. */
  seed: seedSchema.default(0),
  /** Of the examples. Default: `seed`. The same for every model that is to be compared. */
  dataSeed: seedSchema.optional(),
  /** Examples of a training step. */
  batchSize: z.int().positive(),
  /** Examples that do not fill a last batch are left out, others each epoch. */
  examplesPerEpoch: z.int().positive(),
  /** Trained in all; each ends with a validation. */
  epochs: z.int().positive(),
  /** New examples in every step; otherwise the same `examplesPerEpoch` ones, in a new order every epoch. */
  freshExamples: z.boolean().default(false),
  /** AdamW and its rates. */
  optimizer: optimizerSchema.default(() => optimizerSchema.parse({})),
  /** Of the learning rate. */
  schedule: scheduleSchema.default(() => scheduleSchema.parse({})),
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  clipNorm: z.number().positive().nullable().default(null),
  /** Examples of each validation, the same every time. */
  validationExamples: z.int().positive(),
  /** Tokens per batch of an evaluation stay about those of a training batch. */
  evaluationBatchSize: z.int().positive().optional(),
  /** `done` once the validation accuracy reaches it. */
  stopAt: z.number().min(0).max(1).nullable().default(null),
  /** Of what else decides the numbers, such as the code of a mixer: a checkpoint of another identity is refused. */
  identity: z.string().optional(),
});

export type TrainerConfig = z.input<typeof trainerSchema>;

/** One optimizer step. */
export interface StepInfo {
  /** The epoch it belongs to and the steps done, both from 1. */
  readonly epoch: number;
  readonly step: number;
  /** Mean cross-entropy over the batch's labelled positions, nats. */
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Global norm of the gradients, before clipping. */
  readonly gradientNorm: number;
  /** This step's time, and the mean of the epoch so far. */
  readonly seconds: number;
  readonly secondsPerStep: number;
}

/** What hears of an epoch, and may end it. */
export interface EpochOptions {
  readonly onStep?: ((info: StepInfo) => void) | undefined;
  /** Called after every batch of the validation. */
  readonly onValidationBatch?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Trainer {
  /** JSON: everything that decides the numbers. */
  readonly config: Readonly<Record<string, unknown>>;
  /** SHA-256 of `config`. */
  readonly configHash: string;
  /** Epochs and optimizer steps done. */
  readonly epoch: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Metrics of every epoch done, those before a restore included. */
  readonly history: readonly EpochMetrics[];
  /** True after the last epoch, or once `stopAt` is reached. */
  readonly done: boolean;
  /** The current parameters, owned by the trainer; replaced by every step. */
  readonly params: LanguageModelParams;
  /**
   * Trains one epoch and validates.
   * @throws InvalidConfigError after the last epoch; nothing is changed then. NumericalError when a loss or gradient is not
   *   finite; it names the step. The signal's reason when it is aborted. After either of these two, only `restore` and
   *   `dispose` are left.
   */
  runEpoch(options?: EpochOptions): Promise<EpochMetrics>;
  /**
   * Evaluates the current parameters on a task, at any length.
   * @throws NumericalError, which names the length, if the loss is not finite; ShapeError without examples.
   */
  evaluate(task: Task, split: Split, count: number, options?: EvaluationOptions): Promise<EvaluationResult>;
  /** Writes a checkpoint. @throws CheckpointError */
  save(directory: string): Promise<void>;
  /**
   * Goes on where a checkpoint was saved: bit for bit as the uninterrupted run, if on the same engine.
   * @returns the other engines that trained epochs of it, which round differently; empty if there are none.
   * @throws CheckpointError if there is none, or it is damaged, or of a run with another config; nothing is changed then.
   */
  restore(directory: string): Promise<{ readonly otherEngines: readonly string[] }>;
  /** Frees every tensor. */
  dispose(): void;
}

/**
 * Sets up a run: parameters, optimizer, validation examples.
 *
 * @example
 * const trainer = await createTrainer({ model, task, batchSize: 32, examplesPerEpoch: 3200, epochs: 8, validationExamples: 500 });
 * while (!trainer.done) await trainer.runEpoch();
 * @throws InvalidConfigError; EngineError if no engine is in use.
 */
export async function createTrainer(input: TrainerConfig): Promise<Trainer> {
  const { model, task, ...options } = parseConfig(trainerSchema, input, 'createTrainer');
  const {
    seed,
    dataSeed = seed,
    batchSize,
    examplesPerEpoch,
    epochs,
    freshExamples,
    clipNorm,
    validationExamples,
    stopAt,
  } = options;
  const engine = currentEngine();
  if (examplesPerEpoch < batchSize) {
    throw new InvalidConfigError(
      `createTrainer: expected examplesPerEpoch to fill a batch of ${batchSize}, got ${examplesPerEpoch}. Lower batchSize.`,
    );
  }
  if (task.vocabSize > model.vocabSize) {
    throw new InvalidConfigError(
      `createTrainer: expected a model for task '${task.name}' with vocabSize ${task.vocabSize}, got ${model.vocabSize}. Give the model the task's vocabSize.`,
    );
  }
  const stepsPerEpoch = Math.floor(examplesPerEpoch / batchSize);
  const optimizer = createOptimizer(options.optimizer, { noDecay: model.noDecay ?? [] });
  const schedule = createSchedule(options.schedule, {
    learningRate: optimizer.config.learningRate,
    epochs,
    stepsPerEpoch,
  });
  const config = toJson({
    model: model.config,
    task: { name: task.name, config: task.config },
    ...options,
    dataSeed,
  });
  let configHash: string | undefined;
  const tokensPerEvaluation = (options.evaluationBatchSize ?? batchSize) * task.seqLen;

  const validation = task.generate({
    split: 'validation',
    seed: foldIn(dataSeed, 'validation'),
    count: validationExamples,
  });
  const batchesOf = createBatches(task, { batchSize, examplesPerEpoch, freshExamples, seed, dataSeed });
  let params = model.init(foldIn(seed, 'init'));
  let optimizerState: OptimizerState = optimizer.init(params);
  let epoch = 0;
  let step = 0;
  let history: EpochMetrics[] = [];
  let lastFiniteLoss: number | undefined;
  /** True while an epoch is under way, and after one that ended in an error. */
  let unfinished = false;

  /** One optimizer step; its one read of the device comes before the update, so that a bad gradient changes nothing. */
  async function trainStep(batch: Examples) {
    const learningRate = schedule(step);
    const context = { training: true, seed: foldIn(foldIn(seed, 'dropout'), step) };
    const { grads, loss, objective, hits, count, gradientNorm } = await computeGradients(model, params, batch, context);
    step += 1;
    for (const [what, value] of Object.entries({
      loss,
      'loss with auxiliary losses': objective,
      'gradient norm': gradientNorm,
    })) {
      if (Number.isFinite(value)) continue;
      disposeTree(grads);
      throw notFinite('training', what, value, learningRate);
    }
    lastFiniteLoss = loss;
    const gradientScale = clipNorm !== null && gradientNorm > clipNorm ? clipNorm / gradientNorm : 1;
    const updated = optimizer.update(params, grads, optimizerState, { learningRate, gradientScale });
    disposeTree(grads);
    params = updated.params;
    optimizerState = updated.state;
    return { loss, hits, count, gradientNorm, learningRate };
  }

  function notFinite(
    where: string,
    what: string,
    value: number | 'none',
    learningRate: number,
    options?: ErrorOptions,
  ): NumericalError {
    return new NumericalError(
      `${where}: expected a finite ${what}, got ${value} at step ${step} (epoch ${epoch + 1}, learning rate ${learningRate.toPrecision(3)}, ` +
        `last finite loss ${lastFiniteLoss?.toPrecision(4) ?? 'none'}). Lower the learning rate, warm up, or set clipNorm.`,
      options,
    );
  }

  function assertWhole(where: string): void {
    if (unfinished)
      throw new CheckpointError(
        `${where}: expected whole epochs, got one that ended in an error or is under way. Restore a checkpoint first.`,
      );
  }

  const trainer: Trainer = {
    config,
    get configHash() {
      configHash ??= hashConfig(config);
      return configHash;
    },
    stepsPerEpoch,
    get epoch() {
      return epoch;
    },
    get step() {
      return step;
    },
    get history() {
      return history;
    },
    get done() {
      return epoch >= epochs || (stopAt !== null && (history.at(-1)?.validationAccuracy ?? -1) >= stopAt);
    },
    get params() {
      return params;
    },
    async runEpoch({ onStep, onValidationBatch, signal } = {}) {
      assertWhole('runEpoch');
      if (epoch >= epochs) {
        throw new InvalidConfigError(
          `runEpoch: expected one of ${epochs} epochs, got one more: the run is done. Give createTrainer more epochs.`,
        );
      }
      unfinished = true;
      const totals = { loss: 0, hits: 0, count: 0, seconds: 0, steps: 0, learningRate: 0 };
      let lastYield = performance.now();
      const batches = batchesOf(epoch);
      for (;;) {
        signal?.throwIfAborted();
        const start = performance.now();
        const { value: batch, done } = batches.next();
        if (done) break;
        const { loss, hits, count, gradientNorm, learningRate } = await trainStep(batch);
        const seconds = (performance.now() - start) / 1000;
        totals.loss += loss * count;
        totals.hits += hits;
        totals.count += count;
        totals.seconds += seconds;
        totals.steps += 1;
        totals.learningRate = learningRate;
        const secondsPerStep = totals.seconds / totals.steps;
        onStep?.({
          epoch: epoch + 1,
          step,
          loss,
          accuracy: hits / count,
          learningRate,
          gradientNorm,
          seconds,
          secondsPerStep,
        });
        // Reads of the embedded engine never leave the microtask queue: let timers and messages through.
        if (performance.now() - lastYield > 100) {
          await yieldToEventLoop();
          lastYield = performance.now();
        }
      }
      const start = performance.now();
      const { loss, accuracy } = await evaluateExamples(
        model,
        params,
        validation,
        Math.ceil(tokensPerEvaluation / task.seqLen),
        { onBatch: onValidationBatch },
      ).catch((error: unknown) => {
        if (!isZooError(error, 'numerical')) throw error;
        throw notFinite('validation', 'loss', 'none', totals.learningRate, { cause: error });
      });
      epoch += 1;
      const metrics: EpochMetrics = {
        epoch,
        step,
        trainLoss: totals.loss / totals.count,
        trainAccuracy: totals.hits / totals.count,
        validationLoss: loss,
        validationAccuracy: accuracy,
        learningRate: totals.learningRate,
        seconds: totals.seconds,
        validationSeconds: (performance.now() - start) / 1000,
        tokensPerSecond: (totals.steps * batchSize * task.seqLen) / totals.seconds,
        engine: engine.name,
        finishedAt: new Date().toISOString(),
      };
      history.push(metrics);
      unfinished = false;
      return metrics;
    },
    evaluate: (other, split, count, options) =>
      evaluate(model, params, other, {
        ...options,
        split,
        seed: foldIn(dataSeed, split),
        count,
        batchSize: Math.max(1, Math.floor(tokensPerEvaluation / other.seqLen)),
      }),
    async save(directory) {
      assertWhole('save');
      const { m, v } = optimizerState;
      const tensors = await snapshotTrees({ params, m, v });
      await writeCheckpoint(directory, { tensors, sidecar: trainingState(config, history) });
    },
    async restore(directory) {
      const { tensors, sidecar } = await readCheckpoint(directory, trainingStateSchema);
      assertStateOf(sidecar, { config, epochs, stepsPerEpoch }, directory);
      const old = { params, m: optimizerState.m, v: optimizerState.v };
      const { m, v, ...restored } = restoreTrees(tensors, old, `${directory}/model.safetensors`);
      params = restored.params;
      history = [...sidecar.history];
      epoch = history.length;
      step = epoch * stepsPerEpoch;
      optimizerState = { step, m, v };
      disposeTree(old);
      lastFiniteLoss = history.at(-1)?.trainLoss;
      unfinished = false;
      const engines = new Set(history.map((done) => done.engine));
      engines.delete(engine.name);
      return { otherEngines: [...engines] };
    },
    dispose() {
      for (const tree of [params, optimizerState.m, optimizerState.v]) disposeTree(tree);
    },
  };
  return trainer;
}
