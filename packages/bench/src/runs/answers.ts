/**
 * Right answers, counted.
 *
 * Source: L. Kish, Survey Sampling, 1965, section 11.7: n weights w are worth (sum w)^2 / sum w^2 equal ones. The weight of
 * an example is how often it came; the model answers it the same way each time.
 */
import { sampleStandardDeviation, sum } from 'simple-statistics';
import type { Answers } from './results.js';

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
