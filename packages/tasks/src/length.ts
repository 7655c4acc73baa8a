/**
 * What becomes of a task at another length: the rule of `atLength` for length generalisation.
 *
 * The CAT paper trains at 128 and tests at 32 to 1,024 (Figure 6) and ascribes the fall of the other models to "the
 * increased demand of recall": the number of pairs grows with the length. That is `proportional`, the default of the
 * recall tasks; `fixed` keeps the number and lengthens what is between, which tests distance alone.
 */
import * as z from 'zod';

export const lengthRuleSchema = z.enum(['proportional', 'fixed']);
export type LengthRule = z.output<typeof lengthRuleSchema>;

/** A count of things at length `to`, given the count at length `from`: rounded down, at least 1. */
export function countAtLength(count: number, rule: LengthRule, from: number, to: number): number {
  return rule === 'fixed' ? count : Math.max(1, Math.floor((count * to) / from));
}
