/** The tests of a trained model: on validation examples, and on test examples at every length. */
import { foldIn, type Task, type Trainer } from '@mixerzoo/core';
import { testCount } from '../experiment/recipe.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { countAnswers, countExact, lossInParts } from './answers.js';
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
    const evaluation = await evaluate('test', at, count, tested);
    // The examples that the trainer draws, and as many tokens at a time as in a training batch.
    const examples = () => at.generate({ split: 'test', seed: foldIn(seed, 'test'), count });
    const batchSize = Math.max(1, Math.floor((train.batchSize * task.seqLen) / (train.accumulation ?? 1) / seqLen));
    test.push({
      ...evaluation,
      stateSize: model.stateSize(seqLen),
      flops: model.flops(seqLen, at.labelsPerExample),
      ...(tested !== model && { extended: true as const }),
      ...(freeRunning && {
        freeRunning: await evaluateFreeRunning(tested, trainer.params, examples(), { batchSize, onBatch }),
      }),
    });
  }
  return { validation: await evaluate('validation', task, train.validationExamples), test };

  /** In the soft form too, of a model that has one. */
  async function evaluate(split: 'validation' | 'test', on: Task, count: number, tested = model): Promise<Evaluation> {
    const evaluated = await trainer.evaluate(on, split, count, { model: tested, onBatch });
    const { seqLen, loss, ...per } = evaluated;
    const answers = countAnswers(per.perExampleCorrect, per.perExampleTotal, per.perExampleCopies);
    const likelihood = lossInParts(evaluated);
    const whole = !likelihood && on.labelsPerExample > 1;
    const hard = {
      seqLen,
      ...answers,
      loss,
      ...(whole && { exactMatches: countExact(per.perExampleCorrect, per.perExampleTotal) }),
      ...(likelihood && { likelihood }),
    };
    if (!model.softForm) return hard;
    const soft = await trainer.evaluate(on, split, count, { model: tested, soft: true, onBatch });
    return { ...hard, softAccuracy: soft.accuracy };
  }
}
