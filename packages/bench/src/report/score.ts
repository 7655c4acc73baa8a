/** What accuracies and likelihoods have in common where they are shown: a number for how good a model is, with its words. */
import type { EpochRecord, Evaluation } from '../runs/results.js';
import type { measureOf, RunConfig } from '../runs/run-config.js';
import type { Entry } from './entries.js';
import { formatEstimate, formatInterval, formatPercent, formatPerplexity, NO_VALUE } from './format.js';
import type { LengthOutcome, Outcome } from './outcome.js';
import type { Estimate } from './statistics.js';

export type Measure = ReturnType<typeof measureOf>;

/** One kind of score, its numbers and their words. */
export interface Score {
  /** In a sentence, and before one. */
  readonly word: string;
  readonly title: string;
  /** Of a model at its training length. */
  of(outcome: Outcome): Estimate;
  ofEvaluation(evaluation: Evaluation): number;
  ofEpoch(epoch: EpochRecord): number;
  format(value: number | undefined): string;
  interval(estimate: Estimate): string;
}

/** The scores of runs as a whole: accuracies, or losses in nats. */
export const SCORES: Readonly<Record<Measure, Score>> = {
  accuracy: {
    word: 'accuracy',
    title: 'Accuracy',
    of: ({ accuracy }) => accuracy,
    ofEvaluation: ({ accuracy }) => accuracy,
    ofEpoch: ({ validationAccuracy }) => validationAccuracy,
    format: formatPercent,
    interval: formatInterval,
  },
  likelihood: {
    word: 'loss',
    title: 'Loss',
    of: ({ loss }) => loss,
    ofEvaluation: ({ loss }) => loss,
    ofEpoch: ({ validationLoss }) => validationLoss,
    format: formatNats,
    interval: (estimate) => span(estimate, formatNats),
  },
};

/** What is shown of test lengths: accuracies, or perplexities. */
export const LENGTH_SCORES = {
  accuracy: {
    word: 'accuracy',
    title: 'Accuracy',
    of: ({ accuracy }: LengthOutcome) => accuracy,
    format: formatPercent,
    formatEstimate,
    interval: formatInterval,
  },
  likelihood: {
    word: 'perplexity',
    title: 'Perplexity',
    of: ({ lossEstimate }: LengthOutcome) => perplexity(lossEstimate),
    format: formatPerplexity,
    formatEstimate: (estimate: Estimate) =>
      `${formatPerplexity(estimate.value)} ${span(estimate, formatPerplexity)}`.trimEnd(),
    interval: (estimate: Estimate) => span(estimate, formatPerplexity),
  },
} as const;

/** `1.443`, of a loss in nats. */
export function formatNats(loss = Number.NaN): string {
  return Number.isFinite(loss) ? loss.toFixed(3) : NO_VALUE;
}

/** `1.443 [1.430, 1.455]`. */
export function formatLossEstimate(estimate: Estimate): string {
  return `${formatNats(estimate.value)} ${span(estimate, formatNats)}`.trimEnd();
}

/** A loss as a perplexity, its interval too. */
export function perplexity({ value, low, high }: Estimate): Estimate {
  return {
    value: Math.exp(value),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}

function span({ low, high }: Estimate, format: (value: number) => string): string {
  return low === null || high === null ? '' : `[${format(low)}, ${format(high)}]`;
}

/** What entries are shown by: likelihood where all of them are judged by it. */
export function measureOfEntries(entries: readonly Pick<Entry, 'measure'>[]): Measure {
  return entries.length > 0 && entries.every(({ measure }) => measure === 'likelihood') ? 'likelihood' : 'accuracy';
}

/** Tokens of a training step. */
export function tokensPerStep({ train, task, testLengths }: RunConfig): number {
  const seqLen = task.config['seqLen'];
  return train.batchSize * (typeof seqLen === 'number' ? seqLen : (testLengths[0] ?? Number.NaN));
}
