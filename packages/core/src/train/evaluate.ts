/** Evaluation of a model: loss and accuracy over labelled positions, as a whole and per slice; of text bits per byte. */
import { InvalidConfigError, isZooError, NumericalError, ShapeError } from '../errors.js';
import { EVALUATION } from '../mixer.js';
import { labelledPositions } from '../model/labelled-positions.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { scoreTokens } from '../model/score.js';
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
  /** Mean cross-entropy there, nats; where every token's was asked for. */
  readonly loss?: number;
}

/** Counts rather than fractions where intervals are wanted. */
export interface EvaluationResult {
  readonly examples: number;
  readonly seqLen: number;
  /** Labelled positions answered correctly, of how many. */
  readonly correct: number;
  readonly total: number;
  readonly accuracy: number;
  /** Mean cross-entropy over labelled positions, nats; the perplexity is its exponential. */
  readonly loss: number;
  /** Bytes that the labels stand for, and the cross-entropy in bits for each of them; where tokens are known to have bytes. */
  readonly bytes?: number;
  readonly bitsPerByte?: number;
  /** The positions that carry a label in any example, ascending. */
  readonly perPosition: readonly PositionAccuracy[];
  /** Correct answers of each example, [examples]. */
  readonly perExampleCorrect: Int32Array;
  /** Labelled positions of each example, [examples]. */
  readonly perExampleTotal: Int32Array;
  /** 1 for a right answer, 0 for a wrong one, of each labelled position, row by row, [total]. */
  readonly perLabelCorrect: Uint8Array;
  /** How many of the examples are the same as each, itself included, [examples]; all 1 where they differ. */
  readonly perExampleCopies: Int32Array;
  /** Sum of the cross-entropies of each example, nats, [examples]; where every token's was asked for. */
  readonly perExampleLoss?: Float64Array;
}

/** How to evaluate. */
export interface EvaluationOptions {
  /** In the form used in training, for models that have one (`softForm`). */
  readonly soft?: boolean | undefined;
  /**
   * Also the loss of every token, by position and by example, in float32 from the logits of some positions at a time. Default:
   * where the task is judged by likelihood; not in the soft form.
   */
  readonly perToken?: boolean | undefined;
  /** Bytes of text of each token, [vocabSize], for bits per byte. Default: the task's. */
  readonly tokenBytes?: ArrayLike<number> | undefined;
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
  const { perToken = task.measure === 'likelihood', tokenBytes = task.tokenBytes } = options;
  const examples = task.generate({ split, seed, count });
  return evaluateExamples(model, params, examples, batchSize, { ...options, perToken, tokenBytes });
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
  { soft = false, perToken = false, tokenBytes, onBatch }: EvaluationOptions = {},
): Promise<EvaluationResult> {
  const { count, seqLen, labels } = examples;
  if (!(Number.isSafeInteger(batchSize) && batchSize > 0)) {
    throw new InvalidConfigError(`evaluate: expected a batchSize of whole sequences from 1, got ${batchSize}.`);
  }
  if (count === 0) throw new ShapeError('evaluate: expected at least one example, got none. Raise their count.');
  labelledPositions(examples, model.vocabSize, 'evaluate'); // whether all fits must not depend on what is in one batch
  const score = perToken && !soft ? scoreEach : scoreBatch;
  const byToken = score === scoreEach;
  const positions = Array.from({ length: seqLen }, () => ({ correct: 0, total: 0, loss: 0 }));
  const perExampleCorrect = new Int32Array(count);
  const perExampleTotal = new Int32Array(count);
  const perExampleLoss = new Float64Array(count);
  const perLabelCorrect = new Uint8Array(labels.reduce((sum, label) => sum + Number(label !== IGNORED_LABEL), 0));
  let lossSum = 0;
  let correct = 0;
  let total = 0;
  for (let start = 0; start < count; start += batchSize) {
    const batch = sliceExamples(examples, start, Math.min(batchSize, count - start));
    if (batch.labels.every((label) => label === IGNORED_LABEL)) continue;
    const { loss, hits, losses } = await score(model, params, batch, soft);
    lossSum += loss;
    perLabelCorrect.set(hits, total);
    total += hits.length;
    let next = 0;
    for (let index = 0; index < batch.labels.length; index += 1) {
      if (batch.labels[index] === IGNORED_LABEL) continue;
      const [hit, nats] = [hits[next] as number, losses?.[next] ?? 0];
      const example = start + Math.floor(index / seqLen);
      const position = positions[index % seqLen] as (typeof positions)[number];
      next += 1;
      correct += hit;
      perExampleCorrect[example] = (perExampleCorrect[example] as number) + hit;
      perExampleTotal[example] = (perExampleTotal[example] as number) + 1;
      perExampleLoss[example] = (perExampleLoss[example] as number) + nats;
      position.correct += hit;
      position.total += 1;
      position.loss += nats;
    }
    onBatch?.();
    await yieldToEventLoop();
  }
  const loss = lossSum / total;
  if (!Number.isFinite(loss)) throw notFinite(seqLen, loss);
  const bytes = tokenBytes && labels.reduce((sum, label) => sum + (label < 0 ? 0 : (tokenBytes[label] ?? 0)), 0);
  return {
    examples: count,
    seqLen,
    correct,
    total,
    accuracy: correct / total,
    loss,
    ...(bytes && { bytes, bitsPerByte: lossSum / bytes / Math.LN2 }),
    perPosition: positions
      .map(({ correct, total, loss }, position) => ({
        position,
        correct,
        total,
        accuracy: correct / total,
        ...(byToken && { loss: loss / total }),
      }))
      .filter((slice) => slice.total > 0),
    perExampleCorrect,
    perExampleTotal,
    perLabelCorrect,
    perExampleCopies: countCopies(examples),
    ...(byToken && { perExampleLoss }),
  };
}

/** Of a batch: the sum of its cross-entropies, a 0 or 1 per labelled position and, where they are looked at, their losses. */
interface Scores {
  readonly loss: number;
  readonly hits: ArrayLike<number>;
  readonly losses?: ArrayLike<number>;
}

/** By the fused loss of training, with one read of the device. */
async function scoreBatch(
  model: LanguageModel,
  params: LanguageModelParams,
  batch: Examples,
  soft: boolean,
): Promise<Scores> {
  const packed = tf.tidy(() => {
    const { crossEntropy, correct } = model.loss(params, batch, { ...EVALUATION, soft });
    return tf.concat1d([tf.reshape(crossEntropy, [1]), correct]);
  });
  const values = await packed.data();
  packed.dispose();
  const hits = values.subarray(1);
  return { loss: (values[0] as number) * hits.length, hits };
}

async function scoreEach(model: LanguageModel, params: LanguageModelParams, batch: Examples): Promise<Scores> {
  const { logProb, greedy } = await scoreTokens(model, params, batch).catch((error: unknown) => {
    throw isZooError(error, 'numerical') ? notFinite(batch.seqLen, Number.NaN, { cause: error }) : error;
  });
  const losses = Float64Array.from(logProb, (value) => -value);
  return { loss: losses.reduce((sum, nats) => sum + nats, 0), hits: greedy, losses };
}

function notFinite(seqLen: number, loss: number, options?: ErrorOptions): NumericalError {
  return new NumericalError(
    `evaluate: expected a finite loss at length ${seqLen}, got ${loss}. Evaluate at shorter lengths, or train with a lower learning rate.`,
    options,
  );
}

/** `count` examples from `start` on; shares the arrays. */
export function sliceExamples({ seqLen, inputs, labels }: Examples, start: number, count: number): Examples {
  const [from, to] = [start * seqLen, (start + count) * seqLen];
  return { count, seqLen, inputs: inputs.subarray(from, to), labels: labels.subarray(from, to) };
}
