/** A made text whose best loss is known: a Markov chain of the first order. Windows, stream and baselines as real text has them. */
import * as z from 'zod';
import { InvalidConfigError } from '../../errors.js';
import { createRng, foldIn } from '../../rng.js';
import { defineTask, type Examples, type Split, type TaskFactory } from '../../task.js';

const chainSchema = z.strictObject({
  vocabSize: z.int().min(2).default(8),
  seqLen: z.int().min(1).default(16),
  /** Of each split. */
  tokens: z.int().min(2).default(4001),
});

/**
 * Each token has its own distribution over the next: the share 2^-1, 2^-2, ... of a fixed permutation.
 * Its entropy rate is that of one such distribution, whatever the token.
 */
export const chain: TaskFactory<typeof chainSchema> = defineTask({
  name: 'chain',
  summary: 'A Markov chain.',
  schema: chainSchema,
  create: ({ vocabSize, seqLen, tokens }) => {
    const texts = { train: write('train'), validation: write('validation'), test: write('test') };
    const windows = Math.floor((tokens - 1) / seqLen);

    function write(split: Split): Int32Array {
      const rng = createRng(foldIn(7, split));
      const text = new Int32Array(tokens);
      for (let t = 1; t < tokens; t += 1) {
        let rank = 0;
        while (rank < vocabSize - 1 && rng.uniform() < 0.5) rank += 1;
        text[t] = (3 * (text[t - 1] as number) + 1 + rank) % vocabSize;
      }
      return text;
    }

    function read(split: Split, numbers: readonly number[]): Examples {
      const rows = (offset: number) =>
        Int32Array.from(
          numbers.flatMap((number) => [
            ...texts[split].subarray(number * seqLen + offset, (number + 1) * seqLen + offset),
          ]),
        );
      return { count: numbers.length, seqLen, inputs: rows(0), labels: rows(1) };
    }

    function order(seed: number, pass: number): number[] {
      const rng = createRng(foldIn(seed, pass));
      const keys = Array.from({ length: windows }, (_, window) => [rng.uniform(), window] as const);
      return keys.sort(([a], [b]) => a - b).map(([, window]) => window);
    }

    return {
      vocabSize,
      seqLen,
      labelsPerExample: seqLen,
      chance: 1 / vocabSize,
      measure: 'likelihood' as const,
      tokenBytes: new Uint16Array(vocabSize).fill(2),
      generate({ split, count }) {
        if (count > windows) {
          throw new InvalidConfigError(`chain: expected at most ${windows} windows of ${split}, got ${count}.`);
        }
        return read(split, [...Array(count).keys()]);
      },
      stream({ seed, first, count }) {
        const numbers: number[] = [];
        while (numbers.length < count) {
          const next = first + numbers.length;
          const rest = next % windows;
          numbers.push(...order(seed, Math.floor(next / windows)).slice(rest, rest + count - numbers.length));
        }
        return read('train', numbers);
      },
      baselines: () => [
        { name: 'unigram', loss: Math.log(vocabSize) },
        { name: 'bigram', loss: entropyRate(vocabSize) },
      ],
      atLength: (length) => chain({ vocabSize, tokens, seqLen: length }),
    };
  },
});

/** Nats per token. */
export function entropyRate(vocabSize: number): number {
  const shares = Array.from({ length: vocabSize }, (_, rank) => 2 ** -Math.min(rank + 1, vocabSize - 1));
  return -shares.reduce((sum, share) => sum + share * Math.log(share), 0);
}
