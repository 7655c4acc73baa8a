/** Right answers, counted. */
import { sampleStandardDeviation, sum } from 'simple-statistics';
import type { Answers } from './results.js';

/**
 * What right answers come to, with the spread over examples that an honest interval needs.
 * @param correct right answers of each example, of how many labelled positions in `total`; examples without any are left
 *   out.
 */
export function countAnswers(correct: Int32Array, total: Int32Array): Answers {
  const shares = Array.from(correct, (right, example) => right / total[example]!).filter(
    (share) => !Number.isNaN(share),
  );
  const [right, labels] = [sum(Array.from(correct)), sum(Array.from(total))];
  return {
    correct: right,
    total: labels,
    accuracy: right / labels,
    examples: shares.length,
    exampleStd: shares.length > 1 ? sampleStandardDeviation(shares) : 0,
  };
}
