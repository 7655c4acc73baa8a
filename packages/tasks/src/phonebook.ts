/**
 * Phonebook: names with their numbers, then one of the names, to be answered with its number.
 *
 * 2 letters of an alphabet of 3 (A = 13, B = 14, C = 15), 2 digits (digit i = 3 + i), n = 2, L = 17; shown as text, where `.` is
 * IGNORED_LABEL, and `_` the blank token 0:
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11| 12| 13| 14| 15| 16|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | A | C | : | 4 | 1 | ; | C | C | : | 0 | 7 | ; | _ | A | C | : | 4 |
 * | label  | . | . | . | . | . | . | . | . | . | . | . | . | . | . | . | 4 | 1 |
 *
 * Names are distinct, and share their letters; digits are drawn one by one. Right digits stand in the input (teacher forced); the
 * model's own in their place: `evaluateAutoregressively`. What the book leaves of L is blank, before the query.
 *
 * The answer is right as a whole with probability 10^-b by guessing, and 1/n for one who knows the numbers, not whose. A state
 * must hold n b log2(10) bits, and the names, to answer all.
 *
 * Source: Jelassi et al. 2024, "Repeat After Me" (arXiv 2402.01032), Section 4: models of text, with names and numbers as text.
 * Deviations: letters, digits and the two marks are tokens of their own; the format of an entry is ours.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { countAtLength, lengthRuleSchema } from './length.js';
import { doublingBins, singleBins, sliceAnswers } from './slices.js';

const COLON = 1;
const SEMICOLON = 2;
const FIRST_DIGIT = 3;
const DIGITS = 10;
const FIRST_LETTER = FIRST_DIGIT + DIGITS;

const phonebookSchema = z
  .strictObject({
    seqLen: z.int().min(1).default(128).describe('L: the book, blanks, the name and all digits but the last'),
    numEntries: z.int().min(1).optional().describe('n, entries of the book; default: as many as fit'),
    nameLength: z.int().min(1).max(8).default(3).describe('a, letters of a name'),
    numberLength: z.int().min(1).max(16).default(4).describe('b, digits of a number'),
    alphabetSize: z.int().min(1).max(1024).default(26).describe('letters there are'),
    entriesAtLength: lengthRuleSchema.default('proportional').describe('at another length n grows with it, or stays'),
  })
  .transform((config) => ({ ...config, numEntries: config.numEntries ?? mostEntries(config) }));

type PhonebookConfig = z.output<typeof phonebookSchema>;

/** What an entry and the query take. */
interface Sizes {
  readonly seqLen: number;
  readonly nameLength: number;
  readonly numberLength: number;
  readonly alphabetSize: number;
}

/**
 * Recall of a number by a name, several tokens each.
 * @throws InvalidConfigError if `seqLen` is below n (a + b + 2) + a + b, or the alphabet has too few names of a letters.
 * @example phonebook({ numEntries: 12, seqLen: 128 })
 */
export const phonebook: TaskFactory<typeof phonebookSchema, SolvedTask> = defineTask({
  name: 'phonebook',
  summary: 'Phonebook: names with numbers, then a name, to be answered digit by digit.',
  schema: phonebookSchema,
  create(config) {
    assertFits(config);
    const { seqLen, numEntries, numberLength, alphabetSize, entriesAtLength } = config;
    return {
      vocabSize: FIRST_LETTER + alphabetSize,
      seqLen,
      labelsPerExample: numberLength,
      chance: 1 / DIGITS,
      generate: createGenerate('phonebook', seqLen, () => createWriter(config)),
      solve(inputs) {
        const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
        for (const { at, digit } of readAnswers(inputs, config)) labels[at] = digit;
        return labels;
      },
      slices: (examples) =>
        sliceAnswers(
          examples,
          [
            { name: 'entries of the book', bins: singleBins(numEntries, numEntries), of: () => numEntries },
            {
              name: 'gap between name and query (tokens)',
              bins: doublingBins(seqLen),
              of: ({ queryAt, nameAt }) => queryAt - nameAt,
            },
            { name: 'place in the answer', bins: singleBins(1, numberLength), of: ({ place }) => place },
          ],
          (inputs) => readAnswers(inputs, config),
        ),
      atLength: (length) => {
        const scaled = countAtLength(numEntries, entriesAtLength, seqLen, length);
        const fitting =
          entriesAtLength === 'fixed' ? scaled : Math.min(scaled, mostEntries({ ...config, seqLen: length }));
        return phonebook({ ...config, seqLen: length, numEntries: fitting });
      },
    };
  },
});

const entryLength = ({ nameLength, numberLength }: Sizes) => nameLength + numberLength + 2;
/** The name that is asked, its colon, and the digits but the last. */
const queryLength = ({ nameLength, numberLength }: Sizes) => nameLength + numberLength;

/** As many entries as length and alphabet hold, 1 at least. */
function mostEntries(sizes: Sizes): number {
  const fitting = Math.floor((sizes.seqLen - queryLength(sizes)) / entryLength(sizes));
  return Math.max(1, Math.min(fitting, sizes.alphabetSize ** sizes.nameLength));
}

/** A digit of the answer: where it is due, and where the name stands in the query and in the book. */
interface Answer {
  readonly at: number;
  readonly digit: number;
  readonly place: number;
  readonly queryAt: number;
  readonly nameAt: number;
}

/** The answers from the inputs alone: entries by name, then the name that is asked. */
function readAnswers(inputs: Int32Array, config: PhonebookConfig): Answer[] {
  const { numEntries, nameLength, numberLength } = config;
  const nameFrom = (at: number) => inputs.subarray(at, at + nameLength).join();
  const book = new Map<string, number>();
  for (let entry = 0; entry < numEntries; entry++) book.set(nameFrom(entry * entryLength(config)), entry);
  const queryAt = inputs.length - queryLength(config);
  const nameAt = book.get(nameFrom(queryAt))! * entryLength(config);
  return Array.from({ length: numberLength }, (_, index) => ({
    at: queryAt + nameLength + index,
    digit: inputs[nameAt + nameLength + 1 + index]!,
    place: index + 1,
    queryAt,
    nameAt,
  }));
}

function createWriter(config: PhonebookConfig): WriteExample {
  const { seqLen, numEntries, nameLength, numberLength, alphabetSize } = config;
  const names = new Int32Array(numEntries); // written in base `alphabetSize`, all digits of it
  const taken = new Set<number>();
  const numNames = alphabetSize ** nameLength;
  const putName = (inputs: Int32Array, at: number, name: number) => {
    for (let i = nameLength - 1, rest = name; i >= 0; i--, rest = Math.floor(rest / alphabetSize))
      inputs[at + i] = FIRST_LETTER + (rest % alphabetSize);
  };
  return (rng, inputs, labels) => {
    taken.clear();
    let at = 0;
    for (let entry = 0; entry < numEntries; entry++) {
      // Floyd's sample: distinct without rejection; its order is not uniform, which the shuffle below mends.
      const bound = numNames - numEntries + entry;
      const drawn = rng.integer(bound + 1);
      names[entry] = taken.has(drawn) ? bound : drawn;
      taken.add(names[entry]!);
    }
    for (let entry = numEntries - 1; entry > 0; entry--) {
      const other = rng.integer(entry + 1);
      [names[entry], names[other]] = [names[other]!, names[entry]!];
    }
    for (const name of names) {
      putName(inputs, at, name);
      inputs[at + nameLength] = COLON;
      for (let i = 1; i <= numberLength; i++) inputs[at + nameLength + i] = FIRST_DIGIT + rng.integer(DIGITS);
      inputs[at + nameLength + numberLength + 1] = SEMICOLON;
      at += entryLength(config);
    }
    const asked = rng.integer(numEntries);
    const queryAt = seqLen - queryLength(config);
    const digitsAt = asked * entryLength(config) + nameLength + 1;
    const digits = inputs.slice(digitsAt, digitsAt + numberLength);
    putName(inputs, queryAt, names[asked]!);
    inputs[queryAt + nameLength] = COLON;
    inputs.set(digits.subarray(0, numberLength - 1), queryAt + nameLength + 1);
    labels.set(digits, queryAt + nameLength);
  };
}

function assertFits(config: PhonebookConfig): void {
  const { seqLen, numEntries, nameLength, numberLength, alphabetSize } = config;
  const smallest = numEntries * entryLength(config) + queryLength(config);
  if (seqLen < smallest) {
    throw new InvalidConfigError(
      `phonebook: seqLen must be at least ${smallest} for ${numEntries} entries of ${nameLength} letters and ${numberLength} digits ` +
        `and the query, got ${seqLen}. Use seqLen >= ${smallest} or fewer entries.`,
    );
  }
  const numNames = alphabetSize ** nameLength;
  if (numNames < numEntries) {
    throw new InvalidConfigError(
      `phonebook: alphabetSize must make ${numEntries} names of ${nameLength} letters, got ${alphabetSize}, which makes ${numNames}. ` +
        'Enlarge alphabetSize or nameLength, or take fewer entries.',
    );
  }
  if (numNames > 2 ** 31) {
    throw new InvalidConfigError(
      `phonebook: alphabetSize ** nameLength must be at most 2 ** 31, got ${alphabetSize} ** ${nameLength}. Take a smaller alphabet or shorter names.`,
    );
  }
}
