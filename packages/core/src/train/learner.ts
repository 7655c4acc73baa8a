/**
 * What a run changes: the parameters, the optimizer's moments, the count of steps. One optimizer step of them, as a function
 * of a batch and of the count alone.
 */
import { NumericalError } from '../errors.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { foldIn } from '../rng.js';
import type { Examples } from '../task.js';
import { disposeTree, type Tree } from '../tree.js';
import { computeGradients } from './gradients.js';
import type { Optimizer } from './optimizer.js';
import type { Schedule } from './schedule.js';

/** One optimizer step. */
export interface StepResult {
  /** Mean cross-entropy over the batch's labelled positions, nats. */
  readonly loss: number;
  /** Labelled positions answered correctly, of how many. */
  readonly hits: number;
  readonly count: number;
  /** Global norm of the gradients, before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
}

/** Parameters and moments: with the count of steps all that is learned. */
export type LearnedTrees = { readonly params: LanguageModelParams; readonly m: Tree; readonly v: Tree };

export interface Learner {
  /** Owned by the learner; replaced by every step. */
  readonly trees: LearnedTrees;
  /** Steps done, from 0. */
  readonly step: number;
  /**
   * One step; its one read of the device comes before the update, so that a bad gradient changes nothing but the count.
   * @throws NumericalError, which names the step, for a loss or gradient that is not finite.
   */
  train(batch: Examples): Promise<StepResult>;
  /** The error for `what` that came out as `value` after the last step, at the learning rate of that step. */
  notFinite(
    where: string,
    what: string,
    value: number | 'none',
    learningRate: number,
    options?: ErrorOptions,
  ): NumericalError;
  /** Goes on from other trees, which it takes over, after so many steps; the old ones are freed. */
  continueFrom(trees: LearnedTrees, step: number, lastLoss: number | undefined): void;
  dispose(): void;
}

export function createLearner(
  model: LanguageModel,
  optimizer: Optimizer,
  options: {
    readonly schedule: Schedule;
    readonly clipNorm: number | null;
    /** Parts of a batch whose gradients are summed. */
    readonly accumulation: number;
    /** Of the parameters and the dropout masks. */
    readonly seed: number;
    /** For messages. */
    readonly stepsPerEpoch: number;
  },
): Learner {
  const { schedule, clipNorm, accumulation, seed, stepsPerEpoch } = options;
  let params = model.init(foldIn(seed, 'init'));
  let state = optimizer.init(params);
  let step = 0;
  let lastFiniteLoss: number | undefined;

  const learner: Learner = {
    get trees() {
      return { params, m: state.m, v: state.v };
    },
    get step() {
      return step;
    },
    async train(batch) {
      const learningRate = schedule(step);
      const context = { training: true, seed: foldIn(foldIn(seed, 'dropout'), step) };
      const { grads, loss, objective, hits, count, gradientNorm } = await computeGradients(
        model,
        params,
        batch,
        context,
        { parts: accumulation },
      );
      step += 1;
      for (const [what, value] of Object.entries({
        loss,
        'loss with auxiliary losses': objective,
        'gradient norm': gradientNorm,
      })) {
        if (Number.isFinite(value)) continue;
        disposeTree(grads);
        throw learner.notFinite('training', what, value, learningRate);
      }
      lastFiniteLoss = loss;
      const gradientScale = clipNorm !== null && gradientNorm > clipNorm ? clipNorm / gradientNorm : 1;
      ({ params, state } = optimizer.update(params, grads, state, { learningRate, gradientScale }));
      disposeTree(grads);
      return { loss, hits, count, gradientNorm, learningRate };
    },
    notFinite: (where, what, value, learningRate, errorOptions) =>
      new NumericalError(
        `${where}: expected a finite ${what}, got ${value} at step ${step} (epoch ${Math.ceil(step / stepsPerEpoch)}, learning rate ${learningRate.toPrecision(3)}, ` +
          `last finite loss ${lastFiniteLoss?.toPrecision(4) ?? 'none'}). Lower the learning rate, warm up, or set clipNorm.`,
        errorOptions,
      ),
    continueFrom(trees, stepsDone, lastLoss) {
      learner.dispose();
      ({ params } = trees);
      state = { step: stepsDone, m: trees.m, v: trees.v };
      step = stepsDone;
      lastFiniteLoss = lastLoss;
    },
    dispose() {
      for (const tree of [params, state.m, state.v]) disposeTree(tree);
    },
  };
  return learner;
}
