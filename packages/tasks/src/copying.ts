/**
 * What `copy` and `palindrome` share: n symbols, a separator, then the answer, teacher forced: its first n - 1 symbols stand in
 * the input. Tokens 1 ... v are symbols, 0 the separator; L = 2 n. There is one answer, whatever repeats among the symbols.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { IGNORED_LABEL, type SolvedTask } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate } from './examples.js';
import { lengthBins, singleBins, sliceAnswers } from './slices.js';

const SEPARATOR = 0;

export const copyingSchema = z.strictObject({
  seqLen: z.int().min(2).default(64).describe('L, even: n symbols, the separator, the answer but its last symbol'),
  symbolVocabSize: z
    .int()
    .min(2)
    .max(2 ** 16)
    .default(32)
    .describe('v, symbols there are'),
});

/**
 * Everything of such a task but its `config` and `atLength`.
 * @param source which of n symbols stands at a place of the answer.
 * @throws InvalidConfigError if `seqLen` is odd.
 */
export function createCopying(
  where: string,
  { seqLen, symbolVocabSize }: z.output<typeof copyingSchema>,
  source: (place: number, n: number) => number,
): Omit<SolvedTask, 'specVersion' | 'name' | 'config' | 'atLength'> {
  if (seqLen % 2 === 1) {
    throw new InvalidConfigError(
      `${where}: seqLen must be even (n symbols, the separator, n - 1 symbols of the answer), got ${seqLen}. Use ${seqLen + 1}.`,
    );
  }
  const n = seqLen / 2;
  return {
    vocabSize: 1 + symbolVocabSize,
    seqLen,
    labelsPerExample: n,
    chance: 1 / symbolVocabSize,
    generate: createGenerate(where, seqLen, () => (rng, inputs, labels) => {
      for (let t = 0; t < n; t++) inputs[t] = 1 + rng.integer(symbolVocabSize);
      inputs[n] = SEPARATOR;
      for (let place = 0; place < n; place++) {
        const symbol = inputs[source(place, n)]!;
        labels[n + place] = symbol;
        if (place < n - 1) inputs[n + place + 1] = symbol;
      }
    }),
    solve(inputs) {
      const separator = inputs.indexOf(SEPARATOR);
      const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
      for (let place = 0; place < separator; place++) labels[separator + place] = inputs[source(place, separator)]!;
      return labels;
    },
    slices: (examples) =>
      sliceAnswers(
        examples,
        [
          { name: 'symbols to copy', bins: singleBins(n, n), of: () => n },
          { name: 'place in the answer', bins: lengthBins(n), of: (place) => place + 1 },
        ],
        () => Array.from({ length: n }, (_, place) => place),
      ),
  };
}
