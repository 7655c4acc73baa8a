/**
 * Autoregressive evaluation of tasks whose answer is several tokens long, such as selective copying: what the model answers
 * becomes its next input, instead of the teacher's token. Independent of any model.
 */
import { ShapeError } from '@mixerzoo/core/errors';
import { type Examples, IGNORED_LABEL } from '@mixerzoo/core/task';

/** The token a model predicts at `position` of each example; inputs: [count, seqLen] -> [count]. */
export type PredictAt = (inputs: Int32Array, position: number) => Int32Array | Promise<Int32Array>;

export interface AutoregressiveResult {
  /** Share of the answer's tokens that are right. */
  readonly accuracy: number;
  /** Share of the examples whose whole answer is right. */
  readonly exactMatch: number;
  /** Accuracy at each place of the answer. */
  readonly perPosition: readonly number[];
  /** Right tokens of each example, [count]. */
  readonly perExampleCorrect: Int32Array;
}

/**
 * Answers every example token by token: `labelsPerExample` calls of `predict`, on all examples at once.
 * @throws ShapeError if the labels of an example are not one run up to its end, or do not follow as inputs.
 */
export async function evaluateAutoregressively(examples: Examples, predict: PredictAt): Promise<AutoregressiveResult> {
  const { count, seqLen, labels } = examples;
  const start = answerStart(examples);
  assertTaught(examples, start);
  const inputs = examples.inputs.slice();
  for (let i = 0; i < count; i++) inputs.fill(0, i * seqLen + start + 1, (i + 1) * seqLen); // the teacher's tokens
  const perPosition: number[] = [];
  const perExampleCorrect = new Int32Array(count);
  for (let position = start; position < seqLen; position++) {
    const predicted = await predict(inputs, position);
    if (predicted.length !== count) {
      throw new ShapeError(`evaluateAutoregressively: predict must return ${count} tokens, got ${predicted.length}.`);
    }
    let right = 0;
    for (let i = 0; i < count; i++) {
      const at = i * seqLen + position;
      if (predicted[i] === labels[at]) {
        right++;
        perExampleCorrect[i]!++;
      }
      if (position + 1 < seqLen) inputs[at + 1] = predicted[i]!;
    }
    perPosition.push(right / count);
  }
  return {
    accuracy: perPosition.reduce((sum, share) => sum + share, 0) / perPosition.length,
    exactMatch: perExampleCorrect.filter((right) => right === perPosition.length).length / count,
    perPosition,
    perExampleCorrect,
  };
}

/** A model that was trained without answers in the input would be asked for what it never saw. */
function assertTaught({ count, seqLen, inputs, labels }: Examples, start: number): void {
  for (let i = 0; i < count; i++) {
    for (let at = i * seqLen + start; at < (i + 1) * seqLen - 1; at++) {
      if (inputs[at + 1] === labels[at]) continue;
      throw new ShapeError(
        `evaluateAutoregressively: expected each answer as the next input, got token ${inputs[at + 1]} after the answer ` +
          `${labels[at]} in example ${i}. Use a task with a teacher's answers, such as selectiveCopy with answers: 'teacher'.`,
      );
    }
  }
}

/** Where the answer begins: the first labelled position, the same in every example. */
function answerStart({ count, seqLen, labels }: Examples): number {
  const start = labels.subarray(0, seqLen).findIndex((label) => label !== IGNORED_LABEL);
  for (let i = 0; i < count * seqLen; i++) {
    if ((labels[i] !== IGNORED_LABEL) !== (start >= 0 && i % seqLen >= start)) {
      throw new ShapeError(
        `evaluateAutoregressively: expected labels from one position to the end, the same in every example, got ` +
          `${labels[i] === IGNORED_LABEL ? 'none' : 'one'} at position ${i % seqLen} of example ${Math.floor(i / seqLen)}. ` +
          'Use a task such as selectiveCopy.',
      );
    }
  }
  if (start < 0) throw new ShapeError('evaluateAutoregressively: expected at least one labelled example, got none.');
  return start;
}
