/**
 * Training of a language model on a task: epochs of AdamW steps, each ended by a validation pass.
 *
 * Every random stream is derived by `foldIn` from the seed and the counters (epoch, step): the order of examples,
 * fresh examples, dropout masks. So the parameters, the moments and the counters are all there is to a checkpoint,
 * and a resumed run repeats the uninterrupted one bit for bit on the same engine.
 */
import { z } from 'zod';
import { parseConfig } from '../config.js';
import { arithmeticOf } from '../engines/engine.js';
import { currentEngine } from '../engines/index.js';
import { CheckpointError, InvalidConfigError, isZooError } from '../errors.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { foldIn, LARGEST_SEED, LEAST_SEED } from '../rng.js';
import type { Split, Task } from '../task.js';
import { createBatches } from './batches.js';
import { hashConfig, toJson } from './config-identity.js';
import { type EvaluationOptions, type EvaluationResult, evaluate, evaluateExamples } from './evaluate.js';
import { createLearner } from './learner.js';
import { createOptimizer, optimizerSchema } from './optimizer.js';
import { createSchedule, scheduleSchema } from './schedule.js';
import { type StepInfo, trainSteps } from './train-steps.js';
import { readTraining, saveTraining } from './training-checkpoint.js';
import type { EpochMetrics } from './training-state.js';

export type { StepInfo } from './train-steps.js';

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
  const arithmetic = arithmeticOf(currentEngine());
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
  const learner = createLearner(model, optimizer, { schedule, clipNorm, seed, stepsPerEpoch });
  let history: EpochMetrics[] = [];
  /** True while an epoch is under way, and after one that ended in an error. */
  let unfinished = false;

  function assertWhole(where: string): void {
    if (unfinished)
      throw new CheckpointError(
        `${where}: expected whole epochs, got one that ended in an error or is under way. Restore a checkpoint first.`,
      );
  }

  /** The parameters as they are on the validation examples. */
  async function validate(learningRate: number, onBatch: EvaluationOptions['onBatch']) {
    const start = performance.now();
    const batchSize = Math.ceil(tokensPerEvaluation / task.seqLen);
    const { loss, accuracy } = await evaluateExamples(model, learner.trees.params, validation, batchSize, {
      onBatch,
    }).catch((error: unknown) => {
      if (!isZooError(error, 'numerical')) throw error;
      throw learner.notFinite('validation', 'loss', 'none', learningRate, { cause: error });
    });
    return { loss, accuracy, seconds: (performance.now() - start) / 1000 };
  }

  return {
    config,
    get configHash() {
      configHash ??= hashConfig(config);
      return configHash;
    },
    stepsPerEpoch,
    get epoch() {
      return history.length;
    },
    get step() {
      return learner.step;
    },
    get history() {
      return history;
    },
    get done() {
      return history.length >= epochs || (stopAt !== null && (history.at(-1)?.validationAccuracy ?? -1) >= stopAt);
    },
    get params() {
      return learner.trees.params;
    },
    async runEpoch({ onStep, onValidationBatch, signal } = {}) {
      assertWhole('runEpoch');
      const epoch = history.length + 1;
      if (epoch > epochs) {
        throw new InvalidConfigError(
          `runEpoch: expected one of ${epochs} epochs, got one more: the run is done. Give createTrainer more epochs.`,
        );
      }
      unfinished = true;
      const trained = await trainSteps(learner, batchesOf(epoch - 1), { epoch, onStep, signal });
      const validated = await validate(trained.learningRate, onValidationBatch);
      const metrics: EpochMetrics = {
        epoch,
        step: learner.step,
        trainLoss: trained.loss,
        trainAccuracy: trained.accuracy,
        validationLoss: validated.loss,
        validationAccuracy: validated.accuracy,
        learningRate: trained.learningRate,
        seconds: trained.seconds,
        validationSeconds: validated.seconds,
        tokensPerSecond: (trained.steps * batchSize * task.seqLen) / trained.seconds,
        engine: arithmetic,
        finishedAt: new Date().toISOString(),
      };
      history.push(metrics);
      unfinished = false;
      return metrics;
    },
    evaluate: (other, split, count, evaluation) =>
      evaluate(model, learner.trees.params, other, {
        ...evaluation,
        split,
        seed: foldIn(dataSeed, split),
        count,
        batchSize: Math.max(1, Math.floor(tokensPerEvaluation / other.seqLen)),
      }),
    async save(directory) {
      assertWhole('save');
      await saveTraining(directory, learner.trees, config, history);
    },
    async restore(directory) {
      const saved = await readTraining(directory, { config, epochs, stepsPerEpoch }, learner.trees);
      history = [...saved.history];
      learner.continueFrom(saved.trees, history.length * stepsPerEpoch, history.at(-1)?.trainLoss);
      unfinished = false;
      const engines = new Set(history.map((done) => done.engine));
      engines.delete(arithmetic);
      return { otherEngines: [...engines] };
    },
    dispose: () => learner.dispose(),
  };
}
