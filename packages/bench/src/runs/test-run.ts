/** The tests of a trained model: on validation examples, and on test examples at every length. */
import { type EvaluationResult, foldIn, type Task, type Trainer } from '@mixerzoo/core';
import { testCount } from '../experiment/recipe.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { countAnswers, countExact, lossInParts } from './answers.js';
import { countSlices } from './count-slices.js';
import { evaluateFreeRunning } from './free-running.js';
import type { Evaluation, LengthEvaluation } from './results.js';

/** @param onBatch called after each batch of each test. */
export async function testRun(
  { config, task, model, extended }: PlannedRun,
  trainer: Trainer,
  onBatch: () => void,
): Promise<{ validation: Evaluation; test: LengthEvaluation[] }> {
  const { train, testLengths, freeRunning, seed } = config;
  const test: LengthEvaluation[] = [];
  for (const seqLen of testLengths) {
    const at = task.atLength(seqLen);
    const tested = extended.get(seqLen) ?? model;
    const count = testCount(train, seqLen);
    const { answers, evaluation } = await evaluate('test', at, count, tested);
    // The examples that the trainer draws, and as many tokens at a time as in a training batch.
    const examples = () => at.generate({ split: 'test', seed: foldIn(seed, 'test'), count });
    const batchSize = Math.max(1, Math.floor((train.batchSize * task.seqLen) / (train.accumulation ?? 1) / seqLen));
    test.push({
      ...evaluation,
      stateSize: model.stateSize(seqLen),
      flops: model.flops(seqLen, at.labelsPerExample),
      ...(tested !== model && { extended: true as const }),
      ...(at.slices && { slices: countSlices(at.slices(examples()), answers) }),
      ...(freeRunning && {
        freeRunning: await evaluateFreeRunning(tested, trainer.params, examples(), { batchSize, onBatch }),
      }),
    });
  }
  const { evaluation: validation } = await evaluate('validation', task, train.validationExamples);
  return { validation, test };

  /** In the soft form too, of a model that has one. `answers`: one by one. */
  async function evaluate(
    split: 'validation' | 'test',
    on: Task,
    count: number,
    tested = model,
  ): Promise<{ answers: EvaluationResult; evaluation: Evaluation }> {
    const answers = await trainer.evaluate(on, split, count, { model: tested, onBatch });
    const { seqLen, loss, perExampleCorrect, perExampleTotal, perExampleCopies } = answers;
    const likelihood = lossInParts(answers);
    const whole = !likelihood && on.labelsPerExample > 1;
    const hard = {
      seqLen,
      ...countAnswers(perExampleCorrect, perExampleTotal, perExampleCopies),
      loss,
      ...(whole && { exactMatches: countExact(perExampleCorrect, perExampleTotal) }),
      ...(likelihood && { likelihood }),
    };
    if (!model.softForm) return { answers, evaluation: hard };
    const soft = await trainer.evaluate(on, split, count, { model: tested, soft: true, onBatch });
    return { answers, evaluation: { ...hard, softAccuracy: soft.accuracy } };
  }
}
