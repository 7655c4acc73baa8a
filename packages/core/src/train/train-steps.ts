/** Training on a stretch of batches, a step each: what is told of every step, and what the stretch comes to. */
import type { Examples } from '../task.js';
import type { Learner } from './learner.js';
import { yieldToEventLoop } from './yield.js';

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

/** Sums over the steps of an epoch so far: what a checkpoint in its middle holds. */
export interface StepSums {
  readonly steps: number;
  /** Labelled positions, the sum of their cross-entropies in nats, and how many were answered correctly. */
  readonly count: number;
  readonly loss: number;
  readonly hits: number;
  /** Of the last step. */
  readonly learningRate: number;
  /** The making of the batches included. */
  readonly seconds: number;
}

export const NO_STEPS: StepSums = { steps: 0, count: 0, loss: 0, hits: 0, learningRate: 0, seconds: 0 };

/**
 * A step for every batch; frees the event loop ten times a second.
 * @returns the sums over `before` and these steps.
 * @throws what a step throws; the signal's reason when it is aborted.
 */
export async function trainSteps(
  learner: Learner,
  batches: Iterator<Examples>,
  options: {
    /** Counted from 1. */
    readonly epoch: number;
    /** What the epoch's steps before these came to. */
    readonly before: StepSums;
    /** After every step, which is then whole: the next waits for it. */
    readonly onStep: (info: StepInfo, sums: StepSums) => Promise<void>;
    readonly signal: AbortSignal | undefined;
  },
): Promise<StepSums> {
  const { epoch, before, onStep, signal } = options;
  let sums = before;
  let lastYield = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const start = performance.now();
    const { value: batch, done } = batches.next();
    if (done) return sums;
    const { loss, hits, count, gradientNorm, learningRate } = await learner.train(batch);
    const seconds = (performance.now() - start) / 1000;
    sums = {
      steps: sums.steps + 1,
      count: sums.count + count,
      loss: sums.loss + loss * count,
      hits: sums.hits + hits,
      learningRate,
      seconds: sums.seconds + seconds,
    };
    await onStep(
      {
        epoch,
        step: learner.step,
        loss,
        accuracy: hits / count,
        learningRate,
        gradientNorm,
        seconds,
        secondsPerStep: sums.seconds / sums.steps,
      },
      sums,
    );
    // Reads of the embedded engine never leave the microtask queue: let timers and messages through.
    if (performance.now() - lastYield > 100) {
      await yieldToEventLoop();
      lastYield = performance.now();
    }
  }
}
