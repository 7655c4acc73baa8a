/** What a check says of its number: a part of the claim, unless told otherwise. */
import type { Check } from '../claim.js';

type Bound = Omit<Check, 'what'>;

export const atLeast = (measured: number, bound: number): Bound => {
  return { measured, relation: 'at least', bound, expected: 'holds' };
};

export const atMost = (measured: number, bound: number): Bound => {
  return { measured, relation: 'at most', bound, expected: 'holds' };
};
