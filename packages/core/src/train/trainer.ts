/**
 * Training of a language model on a task: epochs of AdamW steps, each ended by a validation pass.
 *
 * Every random stream is derived by `foldIn` from the seed and the counters (epoch, step): the order of examples,
 * fresh examples, dropout masks. So the parameters, the moments and the counters are all there is to a checkpoint,
 * and a resumed run repeats the uninterrupted one bit for bit on the same engine.
 */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { arithmeticOf } from '../engines/engine.js';
import { currentEngine } from '../engines/index.js';
import { CheckpointError, InvalidConfigError, isZooError } from '../errors.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { foldIn, LARGEST_SEED, LEAST_SEED } from '../rng.js';
import { assertSpecVersion } from '../spec-version.js';
import type { Split, Task } from '../task.js';
import { flattenTree, unflattenTree } from '../tree.js';
import { createBatches } from './batches.js';
import { hashConfig, toJson } from './config-identity.js';
import { type EvaluationOptions, type EvaluationResult, evaluate, evaluateExamples } from './evaluate.js';
import { createLearner } from './learner.js';
import { createOptimizer, optimizerSchema } from './optimizer.js';
import { createSchedule, scheduleSchema } from './schedule.js';
import { NO_STEPS, type StepInfo, trainSteps } from './train-steps.js';
import { trainingBudget, validationCount } from './training-budget.js';
import { readTraining, saveTraining } from './training-checkpoint.js';
import type { EpochMetrics, PartialEpoch } from './training-state.js';

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
  /** Parts of a batch that are held one at a time, their gradients summed: less memory, the same step but for rounding. */
  accumulation: z.int().positive().default(1),
  /** Examples that do not fill a last batch are left out, others each epoch. */
  examplesPerEpoch: z.int().positive().optional(),
  /** Trained in all; each ends with a validation. */
  epochs: z.int().positive().optional(),
  /** In place of `examplesPerEpoch` and `epochs`: tokens to train on, rounded up to `evaluations` epochs of whole steps. */
  tokens: z.int().positive().optional(),
  /** Epochs of a budget in tokens, each ended by a validation. */
  evaluations: z.int().positive().optional(),
  /** New examples in every step; otherwise the same `examplesPerEpoch` ones, in a new order every epoch. */
  freshExamples: z.boolean().default(false),
  /** AdamW and its rates. */
  optimizer: optimizerSchema.default(() => optimizerSchema.parse({})),
  /** Of the learning rate. */
  schedule: scheduleSchema.default(() => scheduleSchema.parse({})),
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  clipNorm: z.number().positive().nullable().default(null),
  /** Examples of each validation, the same every time. */
  validationExamples: z.int().positive().optional(),
  /** In place of `validationExamples`: as many examples as hold so many tokens, one at least. */
  validationTokens: z.int().positive().optional(),
  /** Tokens per batch of an evaluation stay about those of a training batch. */
  evaluationBatchSize: z.int().positive().optional(),
  /** `done` once validation reaches it: an accuracy, or for a task judged by likelihood a loss in nats. */
  stopAt: z.number().nonnegative().nullable().default(null),
  /** Of what else decides the numbers, such as the code of a mixer: a checkpoint of another identity is refused. */
  identity: z.string().optional(),
});

export type TrainerConfig = z.input<typeof trainerSchema>;

/** What hears of an epoch, and may end it. */
export interface EpochOptions {
  /** Called after every step; the next waits for it. Within it the trainer may `save`. */
  readonly onStep?: ((info: StepInfo) => unknown) | undefined;
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
  /** Seconds spent in the steps of the epoch under way, or restored in its middle; else 0. */
  readonly epochSeconds: number;
  /** True after the last epoch, or once `stopAt` is reached. */
  readonly done: boolean;
  /** The current parameters, owned by the trainer; replaced by every step. */
  readonly params: LanguageModelParams;
  /**
   * Trains one epoch, or what is left of one that was restored, and validates.
   * @throws InvalidConfigError after the last epoch; nothing is changed then. NumericalError when a loss or gradient is not
   *   finite; it names the step. The signal's reason when it is aborted. After either of these two, only `restore` and
   *   `dispose` are left.
   */
  runEpoch(options?: EpochOptions): Promise<EpochMetrics>;
  /**
   * Evaluates the current parameters on a task, at any length; in another model of the same parameters where one is given.
   * @throws NumericalError, which names the length, if the loss is not finite; ShapeError without examples.
   */
  evaluate(
    task: Task,
    split: Split,
    count: number,
    options?: EvaluationOptions & { readonly model?: LanguageModel | undefined },
  ): Promise<EvaluationResult>;
  /** Writes a checkpoint: between epochs, or in an epoch's `onStep`. @throws CheckpointError */
  save(directory: string): Promise<void>;
  /**
   * Goes on where a checkpoint was saved: bit for bit as the uninterrupted run, if on the same engine.
   * @returns the other engines that trained some of it, which round differently; empty if there are none.
   * @throws CheckpointError if there is none, or it is damaged, or of a run with another config; nothing is changed then.
   */
  restore(directory: string): Promise<{ readonly otherEngines: readonly string[] }>;
  /** Frees every tensor. */
  dispose(): void;
}

/** The same tensors in a tree that no model made: it is for whoever takes it. */
const copyTree = (params: LanguageModelParams) => unflattenTree<LanguageModelParams>(flattenTree(params));

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
  assertSpecVersion('createTrainer: task', 'task', task, 'defineTask');
  const { seed, dataSeed = seed, batchSize, accumulation, freshExamples, clipNorm, stopAt } = options;
  const arithmetic = arithmeticOf(currentEngine());
  const { epochs, examplesPerEpoch } = trainingBudget(options, task.seqLen);
  const validationExamples = validationCount(options, task.seqLen);
  if (examplesPerEpoch < batchSize) {
    throw new InvalidConfigError(
      `createTrainer: expected examplesPerEpoch to fill a batch of ${batchSize}, got ${examplesPerEpoch}. Lower batchSize.`,
    );
  }
  if (batchSize % accumulation !== 0) {
    throw new InvalidConfigError(
      `createTrainer: expected a batchSize of accumulation ${accumulation} equal parts, got ${batchSize}. Make one a multiple of the other.`,
    );
  }
  const likelihood = task.measure === 'likelihood';
  if (stopAt !== null && stopAt > 1 && !likelihood) {
    throw new InvalidConfigError(
      `createTrainer: stopAt: expected an accuracy of at most 1 for task '${task.name}', got ${stopAt}. Use 0.99 for 99 %.`,
    );
  }
  if (task.vocabSize > model.vocabSize) {
    throw new InvalidConfigError(
      `createTrainer: expected a model for task '${task.name}' with vocabSize ${task.vocabSize}, got ${model.vocabSize}. Give the model the task's vocabSize.`,
    );
  }
  if (task.decoder !== model.config['decoder']) {
    const words = (decoder: unknown) => (decoder === undefined ? 'without a decoder' : `with decoder '${decoder}'`);
    throw new InvalidConfigError(
      `createTrainer: expected a model ${words(task.decoder)} for task '${task.name}', got one ${words(model.config['decoder'])}. Give createLanguageModel the task's decoder.`,
    );
  }
  const stepsPerEpoch = Math.floor(examplesPerEpoch / batchSize);
  const optimizer = createOptimizer(options.optimizer, {
    noDecay: model.noDecay ?? [],
    factors: model.factors ?? {},
  });
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
  const tokensPerEvaluation = (options.evaluationBatchSize ?? batchSize / accumulation) * task.seqLen;

  const validation = task.generate({
    split: 'validation',
    seed: foldIn(dataSeed, 'validation'),
    count: validationExamples,
  });
  const batchesOf = createBatches(task, { batchSize, examplesPerEpoch, freshExamples, seed, dataSeed });
  const learner = createLearner(model, optimizer, { schedule, clipNorm, accumulation, seed, stepsPerEpoch });
  let history: EpochMetrics[] = [];
  /** The epoch under way after its last whole step. */
  let partial: PartialEpoch | undefined;
  /** What the trainer is at. A step that fails leaves it `busy` for good. */
  let state: 'idle' | 'busy' | 'between steps' = 'idle';

  function assertNot(where: string, ...states: (typeof state)[]): void {
    if (states.includes(state))
      throw new CheckpointError(
        `${where}: expected whole steps, got an epoch that ended in an error or is under way. Restore a checkpoint first.`,
      );
  }

  const reaches = (goal: number, { validationLoss, validationAccuracy }: EpochMetrics) =>
    likelihood ? validationLoss <= goal : validationAccuracy >= goal;

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
    get epochSeconds() {
      return partial?.sums.seconds ?? 0;
    },
    get done() {
      const last = history.at(-1);
      return (
        history.length >= epochs ||
        (stopAt !== null && partial === undefined && last !== undefined && reaches(stopAt, last))
      );
    },
    get params() {
      return learner.trees.params;
    },
    async runEpoch({ onStep, onValidationBatch, signal } = {}) {
      assertNot('runEpoch', 'busy', 'between steps');
      const epoch = history.length + 1;
      if (epoch > epochs) {
        throw new InvalidConfigError(
          `runEpoch: expected one of ${epochs} epochs, got one more: the run is done. Give createTrainer more epochs.`,
        );
      }
      state = 'busy';
      const before = partial?.sums ?? NO_STEPS;
      const engines = [...new Set([...(partial?.engines ?? []), arithmetic])];
      const trained = await trainSteps(learner, batchesOf(epoch - 1, before.steps), {
        epoch,
        before,
        signal,
        async onStep(info, sums) {
          partial = { sums, engines };
          state = 'between steps';
          await onStep?.(info);
          state = 'busy';
        },
      });
      const validated = await validate(trained.learningRate, onValidationBatch);
      const metrics: EpochMetrics = {
        epoch,
        step: learner.step,
        trainLoss: trained.loss / trained.count,
        trainAccuracy: trained.hits / trained.count,
        validationLoss: validated.loss,
        validationAccuracy: validated.accuracy,
        learningRate: trained.learningRate,
        seconds: trained.seconds,
        validationSeconds: validated.seconds,
        tokensPerSecond: (trained.steps * batchSize * task.seqLen) / trained.seconds,
        engine: arithmetic,
        ...(engines.length > 1 && { otherEngines: engines.filter((engine) => engine !== arithmetic) }),
        finishedAt: new Date().toISOString(),
      };
      history.push(metrics);
      partial = undefined;
      state = 'idle';
      return metrics;
    },
    evaluate: (other, split, count, { model: tested = model, ...evaluation } = {}) =>
      evaluate(tested, tested === model ? learner.trees.params : copyTree(learner.trees.params), other, {
        ...evaluation,
        split,
        seed: foldIn(dataSeed, split),
        count,
        batchSize: Math.max(1, Math.floor(tokensPerEvaluation / other.seqLen)),
      }),
    async save(directory) {
      assertNot('save', 'busy');
      await saveTraining(directory, learner.trees, config, { history, partial });
    },
    async restore(directory) {
      const saved = await readTraining(directory, { config, epochs, stepsPerEpoch }, learner.trees);
      history = [...saved.history];
      partial = saved.partial;
      const steps = history.length * stepsPerEpoch + (partial?.sums.steps ?? 0);
      learner.continueFrom(saved.trees, steps, history.at(-1)?.trainLoss);
      state = 'idle';
      const engines = new Set([
        ...history.flatMap(({ engine, otherEngines = [] }) => [engine, ...otherEngines]),
        ...(partial?.engines ?? []),
      ]);
      engines.delete(arithmetic);
      return { otherEngines: [...engines] };
    },
    dispose: () => learner.dispose(),
  };
}
