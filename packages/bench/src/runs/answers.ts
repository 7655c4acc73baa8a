/**
 * Right answers, counted; losses, in parts.
 *
 * Source: L. Kish, Survey Sampling, 1965, section 11.7: n weights w are worth (sum w)^2 / sum w^2 equal ones. The weight of
 * an example is how often it came; the model answers it the same way each time.
 */

import type { EvaluationResult } from '@mixerzoo/core';
import { mean, sampleStandardDeviation, sum } from 'simple-statistics';
import type { Answers, Likelihood } from './results.js';

/**
 * What right answers come to, with the spread over examples that an honest interval needs.
 * @param correct right answers of each example, of how many labelled positions in `total`; examples without any are left
 *   out.
 * @param copies how many of the examples are the same as each, itself included.
 */
export function countAnswers(correct: Int32Array, total: Int32Array, copies: Int32Array): Answers {
  const labelled = Array.from(total.keys()).filter((example) => total[example]! > 0);
  const shares = labelled.map((example) => correct[example]! / total[example]!);
  const [right, labels] = [sum(Array.from(correct)), sum(Array.from(total))];
  const examples = shares.length;
  const distinct = Math.round(sum(labelled.map((example) => 1 / copies[example]!)));
  const std = distinct > 1 ? sampleStandardDeviation(shares) : 0;
  const counted = { correct: right, total: labels, accuracy: right / labels, examples };
  if (distinct === examples) return { ...counted, exampleStd: std };
  const effective = examples ** 2 / sum(labelled.map((example) => copies[example]!));
  // The degrees of freedom that repeats leave to the sample variance.
  const freedom = distinct > 1 ? examples * (1 - 1 / effective) : 1;
  return { ...counted, exampleStd: std * Math.sqrt((examples - 1) / freedom), repeats: { distinct, effective } };
}

/** Examples whose labels were all answered; those without a label do not count. Arguments as of {@link countAnswers}. */
export function countExact(correct: Int32Array, total: Int32Array): number {
  return correct.filter((right, example) => right > 0 && right === total[example]).length;
}

/** Stretches, of positions or of examples, that a loss is told of at most. */
const MOST_STRETCHES = 64;

/** What a record says of a loss beside its mean; undefined where the loss of every token was not asked for. */
export function lossInParts(evaluation: EvaluationResult): Likelihood | undefined {
  const { seqLen, perPosition, perExampleLoss, perExampleTotal, bytes, bitsPerByte } = evaluation;
  if (!perExampleLoss) return undefined;
  const means = Array.from(perExampleLoss, (nats, example) => nats / perExampleTotal[example]!).filter(Number.isFinite);
  const stretch = Math.ceil(seqLen / MOST_STRETCHES);
  const byPosition = Array.from({ length: Math.ceil(seqLen / stretch) }, (_, index) => {
    const end = Math.min(seqLen, (index + 1) * stretch);
    const slices = perPosition.filter(({ position }) => position >= index * stretch && position < end);
    const total = sum([0, ...slices.map((slice) => slice.total)]);
    return { end, loss: sum([0, ...slices.map((slice) => slice.loss! * slice.total)]) / total };
  }).filter(({ loss }) => Number.isFinite(loss));
  return {
    exampleStd: means.length > 1 ? sampleStandardDeviation(means) : 0,
    ...(bytes !== undefined && { bytes, bitsPerByte }),
    byPosition,
    byStretch: meanOfStretches(means),
  };
}

/** Means of consecutive values, in equal parts to one: the same text at every length where the numbers of windows halve. */
function meanOfStretches(values: readonly number[]): number[] {
  const count = Math.min(MOST_STRETCHES, values.length);
  const start = (index: number) => Math.floor((index * values.length) / count);
  return Array.from({ length: count }, (_, index) => mean(values.slice(start(index), start(index + 1))));
}
