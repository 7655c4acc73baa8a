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

/** What steps come to. */
export interface StepTotals {
  readonly steps: number;
  /** Means over all labelled positions: cross-entropy in nats, and the share answered correctly. */
  readonly loss: number;
  readonly accuracy: number;
  /** Of the last step. */
  readonly learningRate: number;
  /** The making of the batches included. */
  readonly seconds: number;
}

/**
 * A step for every batch; frees the event loop ten times a second.
 * @throws what a step throws; the signal's reason when it is aborted.
 */
export async function trainSteps(
  learner: Learner,
  batches: Iterator<Examples>,
  options: {
    /** Counted from 1. */
    readonly epoch: number;
    readonly onStep: ((info: StepInfo) => void) | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<StepTotals> {
  const { epoch, onStep, signal } = options;
  const sums = { loss: 0, hits: 0, count: 0, seconds: 0, steps: 0, learningRate: 0 };
  let lastYield = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const start = performance.now();
    const { value: batch, done } = batches.next();
    if (done) break;
    const { loss, hits, count, gradientNorm, learningRate } = await learner.train(batch);
    const seconds = (performance.now() - start) / 1000;
    sums.loss += loss * count;
    sums.hits += hits;
    sums.count += count;
    sums.seconds += seconds;
    sums.steps += 1;
    sums.learningRate = learningRate;
    onStep?.({
      epoch,
      step: learner.step,
      loss,
      accuracy: hits / count,
      learningRate,
      gradientNorm,
      seconds,
      secondsPerStep: sums.seconds / sums.steps,
    });
    // Reads of the embedded engine never leave the microtask queue: let timers and messages through.
    if (performance.now() - lastYield > 100) {
      await yieldToEventLoop();
      lastYield = performance.now();
    }
  }
  const { steps, learningRate, seconds } = sums;
  return { steps, loss: sums.loss / sums.count, accuracy: sums.hits / sums.count, learningRate, seconds };
}
