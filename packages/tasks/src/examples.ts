/**
 * Examples from a function that writes one: seeded, in typed arrays, with splits that are disjoint by construction.
 *
 * The content of an example decides which split it belongs to (a hash of its tokens), and a request draws until an
 * example of its split comes up. So no example of one split can be made by a request for another, whatever the seeds,
 * the counts and the order of requests; and within a split the examples are distributed as the task defines them.
 */
import { InvalidConfigError, UnknownNameError } from '@mixerzoo/core/errors';
import { createRng, foldIn, type Rng } from '@mixerzoo/core/rng';
import { type Examples, IGNORED_LABEL, type Split, type Task } from '@mixerzoo/core/task';

/** Eighths of all possible examples that belong to each split: train 6, validation 1, test 1. */
const SPLIT_OF_EIGHTH: readonly Split[] = ['train', 'train', 'train', 'train', 'train', 'train', 'validation', 'test'];

/** Draws in a row that may miss the split before the task is held to have too few different examples. */
const MAX_MISSES = 2_000;

/**
 * Writes one example. Both rows are [seqLen]; `inputs` comes filled with 0 and `labels` with IGNORED_LABEL.
 * It draws from `rng` alone, so that a seed determines the examples.
 */
export type WriteExample = (rng: Rng, inputs: Int32Array, labels: Int32Array) => void;

/**
 * Makes the `generate` of a task out of a function that writes one example. `begin` is called for every request, so
 * that what the writer keeps between examples does not carry over from one request to the next.
 *
 * The examples depend on the task's name, the split and the seed; a larger `count` extends a smaller one.
 * Memory: 8 bytes per token (inputs and labels), nothing else that grows with `count`.
 * @throws UnknownNameError (from `generate`) for another split; InvalidConfigError if `count` is not a whole number, or if
 *   the task has too few different examples for the split to be found.
 */
export function createGenerate(taskName: string, seqLen: number, begin: () => WriteExample): Task['generate'] {
  return ({ split, seed, count }): Examples => {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new InvalidConfigError(`${taskName}.generate: count must be a whole number >= 0, got ${count}.`);
    }
    if (!SPLIT_OF_EIGHTH.includes(split)) {
      throw new UnknownNameError(`split of ${taskName}`, split, ['train', 'validation', 'test']);
    }
    const write = begin();
    const rng = createRng(foldIn(foldIn(seed, taskName), split));
    const inputs = new Int32Array(count * seqLen);
    const labels = new Int32Array(count * seqLen);
    const inputRow = new Int32Array(seqLen);
    const labelRow = new Int32Array(seqLen);
    for (let example = 0; example < count; example++) {
      let misses = 0;
      do {
        if (misses++ === MAX_MISSES) throw tooFewExamples(taskName, split);
        inputRow.fill(0);
        labelRow.fill(IGNORED_LABEL);
        write(rng, inputRow, labelRow);
      } while (splitOf(inputRow) !== split);
      inputs.set(inputRow, example * seqLen);
      labels.set(labelRow, example * seqLen);
    }
    return { count, seqLen, inputs, labels };
  };
}

/** The split an example belongs to, from its tokens [L] alone. */
export function splitOf(inputs: Int32Array): Split {
  return SPLIT_OF_EIGHTH[hashTokens(inputs) >>> 29] as Split;
}

/** 32-bit hash of a row of tokens (MurmurHash3, x86 32-bit, one block per token). */
function hashTokens(tokens: Int32Array): number {
  let hash = 0;
  for (let i = 0; i < tokens.length; i++) {
    let block = Math.imul(tokens[i]!, 0xcc9e2d51);
    block = Math.imul((block << 15) | (block >>> 17), 0x1b873593);
    hash ^= block;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= tokens.length * 4;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function tooFewExamples(taskName: string, split: Split): InvalidConfigError {
  return new InvalidConfigError(
    `${taskName}.generate: expected a task with many different examples, got none for the split '${split}' in ` +
      `${MAX_MISSES} draws. Enlarge vocabSize or seqLen.`,
  );
}
