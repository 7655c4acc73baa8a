/** What tasks of several choices have in common: a request a choice, the likeliest being the answer. */
import { codePoints } from '../python-text.js';
import type { EvalTask, Likelihood, TextRequest } from '../task.js';

/** A choice: what stands before it, and what is scored. */
interface Choice {
  readonly context: string;
  readonly continuation: string;
  /** As `acc_norm` counts its signs: without the space before it. */
  readonly text: string;
}

/** Choices after one context, a space before each. */
export const choicesAfter = (context: string, texts: readonly string[]): Choice[] =>
  texts.map((text) => ({ context, continuation: ` ${text}`, text }));

/**
 * Requests and metrics of a task by its choices. `acc` is 1 where the likeliest choice is right, `acc_norm` where the likeliest per
 * code point is, the first of equals being chosen.
 */
export function multipleChoice<D>(parts: {
  choices(document: D): readonly Choice[];
  gold(document: D): number;
}): Pick<EvalTask<D>, 'requests' | 'items'> {
  return {
    requests: (document) =>
      parts.choices(document).map(({ context, continuation }): TextRequest => {
        return { kind: 'continuation', context, continuation };
      }),
    items(document, answers) {
      const gold = parts.gold(document);
      const lengths = parts.choices(document).map(({ text }) => codePoints(text));
      const hit = (scores: readonly number[]) => (firstLargest(scores) === gold ? 1 : 0);
      return {
        acc: hit(answers.map(likelihoodOf)),
        acc_norm: hit(answers.map((answer, index) => answer.logLikelihood / (lengths[index] as number))),
      };
    },
  };
}

const likelihoodOf = ({ logLikelihood }: Likelihood) => logLikelihood;

function firstLargest(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > (values[best] as number) ? index : best), 0);
}
