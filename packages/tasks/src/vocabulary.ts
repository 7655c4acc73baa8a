/**
 * Which tokens are keys and which are values: the two forms in the literature. Token 0 is blank in both.
 *
 * | form      | keys                              | values                                                       |
 * |-----------|-----------------------------------|--------------------------------------------------------------|
 * | `zoology` | from [1, V/2), without repeats    | from [V/2, V), without repeats                               |
 * | `paper`   | from [1, V), without repeats      | from what the keys of the example leave of [1, V), any number of times |
 *
 * In the form of the paper a token is a key in one example and a value in the next, so a model cannot tell them apart
 * by their embeddings.
 *
 * Sources: [1] Arora et al. 2023 and the zoology repository; [2] the CAT paper, Appendix A.1.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { Rng } from '@mixerzoo/core/rng';
import * as z from 'zod';
import { createTokenPool } from './sampling.js';

/** Largest vocabulary a config may ask for. */
const MAX_VOCAB_SIZE = 2 ** 20;

export const vocabSizeSchema = z.int().min(2).max(MAX_VOCAB_SIZE);
export const formSchema = z.enum(['zoology', 'paper']);
export type VocabularyForm = z.output<typeof formSchema>;

/** Most pairs of a key token and a value that a vocabulary holds. */
export const mostKeys = (form: VocabularyForm, vocabSize: number) =>
  form === 'zoology' ? Math.floor(vocabSize / 2) - 1 : vocabSize - 2;

/** Most values of an example that a vocabulary holds: distinct ones in the zoology form. */
export const mostValues = (form: VocabularyForm, vocabSize: number) =>
  form === 'zoology' ? Math.ceil(vocabSize / 2) : Number.POSITIVE_INFINITY;

/** Draws the tokens of one example after another. */
export interface Vocabulary {
  /** The values that can be an answer, over all examples. */
  readonly numValues: number;
  /** Begins an example: its key tokens, distinct, and its values. The arrays are overwritten by the next call. */
  draw(rng: Rng): { keys: Int32Array; values: Int32Array };
  /** A token that is none of the keys of the current example. */
  filler(rng: Rng): number;
}

/**
 * The vocabulary of a task with `numKeys` key tokens and `numValues` values in each example.
 * @throws InvalidConfigError that names the smallest vocabulary that would do.
 */
export function createVocabulary(options: {
  readonly where: string;
  readonly form: VocabularyForm;
  readonly vocabSize: number;
  readonly numKeys: number;
  readonly numValues: number;
}): Vocabulary {
  const { where, form, vocabSize, numKeys, numValues } = options;
  const smallest = form === 'zoology' ? Math.max(2 * numKeys + 2, 2 * numValues - 1) : numKeys + 2;
  if (vocabSize < smallest) {
    throw new InvalidConfigError(
      `${where}: vocabSize must be at least ${smallest} for ${numKeys} key tokens and ${numValues} values per example ` +
        `in the ${form} form, got ${vocabSize}. Enlarge vocabSize or take fewer pairs.`,
    );
  }
  return form === 'zoology'
    ? splitVocabulary(vocabSize, numKeys, numValues)
    : sharedVocabulary(vocabSize, numKeys, numValues);
}

function splitVocabulary(vocabSize: number, numKeys: number, numValues: number): Vocabulary {
  const firstValue = Math.floor(vocabSize / 2);
  const keyPool = createTokenPool(1, firstValue);
  const valuePool = createTokenPool(firstValue, vocabSize);
  const keys = keyPool.tokens.subarray(0, numKeys);
  const values = valuePool.tokens.subarray(0, numValues);
  const unusedKeys = keyPool.tokens.subarray(numKeys);
  return {
    numValues: vocabSize - firstValue,
    draw(rng) {
      keyPool.draw(rng, numKeys);
      valuePool.draw(rng, numValues);
      return { keys, values };
    },
    filler(rng) {
      const i = rng.integer(unusedKeys.length + vocabSize - firstValue);
      return i < unusedKeys.length ? unusedKeys[i]! : firstValue + i - unusedKeys.length;
    },
  };
}

function sharedVocabulary(vocabSize: number, numKeys: number, numValues: number): Vocabulary {
  const pool = createTokenPool(1, vocabSize);
  const keys = pool.tokens.subarray(0, numKeys);
  const rest = pool.tokens.subarray(numKeys);
  const values = new Int32Array(numValues);
  const filler = (rng: Rng) => rest[rng.integer(rest.length)]!;
  return {
    numValues: vocabSize - 1,
    draw(rng) {
      pool.draw(rng, numKeys);
      for (let i = 0; i < numValues; i++) values[i] = filler(rng);
      return { keys, values };
    },
    filler,
  };
}
