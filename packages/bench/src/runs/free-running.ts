/**
 * Tests of copying and the like in which the model goes on from its own answers, in place of the teacher's tokens that
 * stand in the example: what one gets who generates.
 */
import {
  type Examples,
  IGNORED_LABEL,
  InvalidConfigError,
  type LanguageModel,
  type LanguageModelParams,
  type Task,
} from '@mixerzoo/core';
import { NumericalError } from '@mixerzoo/core/errors';
import { countCopies, sliceExamples, yieldToEventLoop } from '@mixerzoo/core/harness';
import { evaluateAutoregressively, type PredictAt } from '@mixerzoo/tasks';
import { countAnswers } from './answers.js';
import type { FreeRunning } from './results.js';

/** @throws InvalidConfigError if the answer of a task is not one run of tokens up to the end of its examples. */
export async function assertFreeRunning(task: Task): Promise<void> {
  const examples = task.generate({ split: 'test', seed: 0, count: 2 });
  const { seqLen, labels } = examples;
  const solve: PredictAt = (_, position) => Int32Array.from([0, 1], (example) => labels[example * seqLen + position]!);
  try {
    await evaluateAutoregressively(examples, solve);
  } catch (error) {
    throw new InvalidConfigError(
      `${task.name}: expected a task that ends with its whole answer, such as selectiveCopy, got labels elsewhere, or inputs without the answers. Leave freeRunning out.`,
      { cause: error },
    );
  }
}

/**
 * Answers every example token by token, each token a forward pass.
 * @param options.batchSize sequences at a time. @param options.onBatch called after each.
 * @throws ShapeError as `evaluateAutoregressively`; NumericalError where the model's answer is not a number.
 */
export async function evaluateFreeRunning(
  model: LanguageModel,
  params: LanguageModelParams,
  examples: Examples,
  { batchSize, onBatch }: { readonly batchSize: number; readonly onBatch?: () => void },
): Promise<FreeRunning> {
  const { count, seqLen } = examples;
  const predict: PredictAt = async (inputs, position) => {
    const asked = new Int32Array(count * seqLen).fill(IGNORED_LABEL);
    for (let example = 0; example < count; example++) asked[example * seqLen + position] = 0; // any token: it is not read
    const predicted = new Int32Array(count);
    for (let start = 0; start < count; start += batchSize) {
      const size = Math.min(batchSize, count - start);
      const tokens = model.predict(params, sliceExamples({ count, seqLen, inputs, labels: asked }, start, size));
      predicted.set(await tokens.data(), start);
      tokens.dispose();
      onBatch?.();
      await yieldToEventLoop();
    }
    if (predicted.includes(-1)) {
      throw new NumericalError(
        `free-running test: expected finite logits at length ${seqLen}, got NaN at position ${position}. Test at shorter lengths, or train with a lower learning rate.`,
      );
    }
    return predicted;
  };
  const { perExampleCorrect, perPosition } = await evaluateAutoregressively(examples, predict);
  const places = perPosition.length;
  return {
    ...countAnswers(perExampleCorrect, new Int32Array(count).fill(places), countCopies(examples)),
    exactMatches: perExampleCorrect.filter((correct) => correct === places).length,
    perPosition,
  };
}
