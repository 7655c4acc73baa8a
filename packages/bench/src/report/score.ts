/** What accuracies and likelihoods have in common where they are shown: a number for how good a model is, with its words. */
import type { EpochRecord, Evaluation, measureOf, RunConfig } from '../runs/results.js';
import type { Entry, LengthOutcome, Outcome } from './entries.js';
import { formatEstimate, formatInterval, formatPercent, formatSignificant, NO_VALUE } from './format.js';
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
    interval: (estimate) => span(estimate, 4),
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
    format: (value: number | undefined) => formatSignificant(value, 4),
    formatEstimate: (estimate: Estimate) => `${formatSignificant(estimate.value, 4)} ${span(estimate, 4)}`.trimEnd(),
    interval: (estimate: Estimate) => span(estimate, 4),
  },
} as const;

/** `1.443`, of a loss in nats. */
export function formatNats(loss = Number.NaN): string {
  return Number.isFinite(loss) ? loss.toFixed(3) : NO_VALUE;
}

/** `1.443 [1.43, 1.45]`. */
export function formatLossEstimate(estimate: Estimate): string {
  return `${formatNats(estimate.value)} ${span(estimate, 4)}`.trimEnd();
}

/** A loss as a perplexity, its interval too. */
export function perplexity({ value, low, high }: Estimate): Estimate {
  return {
    value: Math.exp(value),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}

function span({ low, high }: Estimate, digits: number): string {
  return low === null || high === null ? '' : `[${formatSignificant(low, digits)}, ${formatSignificant(high, digits)}]`;
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
