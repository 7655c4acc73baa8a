/** Evaluation of a model: loss and accuracy over labelled positions, as a whole and per slice. */
import { InvalidConfigError, NumericalError, ShapeError } from '../errors.js';
import { EVALUATION } from '../mixer.js';
import { labelledPositions } from '../model/labelled-positions.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { type Examples, IGNORED_LABEL, type Split, type Task } from '../task.js';
import * as tf from '../tf.js';
import { countCopies } from './count-copies.js';
import { yieldToEventLoop } from './yield.js';

/** Accuracy at one position of the sequence. */
export interface PositionAccuracy {
  readonly position: number;
  readonly correct: number;
  readonly total: number;
  readonly accuracy: number;
}

/** Counts rather than fractions where intervals are wanted. */
export interface EvaluationResult {
  readonly examples: number;
  readonly seqLen: number;
  /** Labelled positions answered correctly, of how many. */
  readonly correct: number;
  readonly total: number;
  readonly accuracy: number;
  /** Mean cross-entropy over labelled positions, nats. */
  readonly loss: number;
  /** The positions that carry a label in any example, ascending. */
  readonly perPosition: readonly PositionAccuracy[];
  /** Correct answers of each example, [examples]. */
  readonly perExampleCorrect: Int32Array;
  /** Labelled positions of each example, [examples]. */
  readonly perExampleTotal: Int32Array;
  /** How many of the examples are the same as each, itself included, [examples]; all 1 where they differ. */
  readonly perExampleCopies: Int32Array;
}

/** How to evaluate. */
export interface EvaluationOptions {
  /** In the form used in training, for models that have one (`softForm`). */
  readonly soft?: boolean | undefined;
  /** Called after every batch: a long evaluation is no silence. */
  readonly onBatch?: (() => void) | undefined;
}

/**
 * Evaluates on examples of a task at its length.
 *
 * @param options.seed - of the examples; the same seed gives every model the same ones.
 * @param options.batchSize - sequences at a time; it moves no result but rounding.
 * @throws as {@link evaluateExamples}.
 */
export function evaluate(
  model: LanguageModel,
  params: LanguageModelParams,
  task: Task,
  options: { split: Split; seed: number; count: number; batchSize: number } & EvaluationOptions,
): Promise<EvaluationResult> {
  const { split, seed, count, batchSize } = options;
  return evaluateExamples(model, params, task.generate({ split, seed, count }), batchSize, options);
}

/**
 * Evaluates on given examples, those without a label among them; frees the event loop between batches.
 * @throws ShapeError without an example, without a label, or for a token outside of the vocabulary; InvalidConfigError for
 *   a batch size that is none; NumericalError, which names the length, if the loss is not finite.
 */
export async function evaluateExamples(
  model: LanguageModel,
  params: LanguageModelParams,
  examples: Examples,
  batchSize: number,
  { soft = false, onBatch }: EvaluationOptions = {},
): Promise<EvaluationResult> {
  const context = { ...EVALUATION, soft };
  const { count, seqLen } = examples;
  if (!(Number.isSafeInteger(batchSize) && batchSize > 0)) {
    throw new InvalidConfigError(`evaluate: expected a batchSize of whole sequences from 1, got ${batchSize}.`);
  }
  if (count === 0) throw new ShapeError('evaluate: expected at least one example, got none. Raise their count.');
  labelledPositions(examples, model.vocabSize, 'evaluate'); // whether all fits must not depend on what is in one batch
  const positionCorrect = new Float64Array(seqLen);
  const positionTotal = new Float64Array(seqLen);
  const perExampleCorrect = new Int32Array(count);
  const perExampleTotal = new Int32Array(count);
  let lossSum = 0;
  let correct = 0;
  let total = 0;
  for (let start = 0; start < count; start += batchSize) {
    const batch = sliceExamples(examples, start, Math.min(batchSize, count - start));
    if (batch.labels.every((label) => label === IGNORED_LABEL)) continue;
    // One read a batch: the loss, then a 0 or 1 per labelled position.
    const packed = tf.tidy(() => {
      const { crossEntropy, correct } = model.loss(params, batch, context);
      return tf.concat1d([tf.reshape(crossEntropy, [1]), correct]);
    });
    const values = await packed.data();
    packed.dispose();
    lossSum += (values[0] as number) * (values.length - 1);
    total += values.length - 1;
    let next = 1;
    for (let index = 0; index < batch.labels.length; index += 1) {
      if (batch.labels[index] === IGNORED_LABEL) continue;
      const hit = values[next] as number;
      const example = start + Math.floor(index / seqLen);
      const position = index % seqLen;
      next += 1;
      correct += hit;
      perExampleCorrect[example] = (perExampleCorrect[example] as number) + hit;
      perExampleTotal[example] = (perExampleTotal[example] as number) + 1;
      positionCorrect[position] = (positionCorrect[position] as number) + hit;
      positionTotal[position] = (positionTotal[position] as number) + 1;
    }
    onBatch?.();
    await yieldToEventLoop();
  }
  const loss = lossSum / total;
  if (!Number.isFinite(loss)) {
    throw new NumericalError(
      `evaluate: expected a finite loss at length ${seqLen}, got ${loss}. Evaluate at shorter lengths, or train with a lower learning rate.`,
    );
  }
  return {
    examples: count,
    seqLen,
    correct,
    total,
    accuracy: correct / total,
    loss,
    perPosition: Array.from(positionTotal, (labels, position) => {
      const hits = positionCorrect[position] as number;
      return { position, correct: hits, total: labels, accuracy: hits / labels };
    }).filter((slice) => slice.total > 0),
    perExampleCorrect,
    perExampleTotal,
    perExampleCopies: countCopies(examples),
  };
}

/** `count` examples from `start` on; shares the arrays. */
export function sliceExamples({ seqLen, inputs, labels }: Examples, start: number, count: number): Examples {
  const [from, to] = [start * seqLen, (start + count) * seqLen];
  return { count, seqLen, inputs: inputs.subarray(from, to), labels: labels.subarray(from, to) };
}
