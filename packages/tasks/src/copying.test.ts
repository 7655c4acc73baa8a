/** Copy and palindrome. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { describeTask } from '@mixerzoo/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copy, evaluateAutoregressively, palindrome } from './index.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

describeTask('copy', () => copy({ seqLen: 32 }), { lengths: [16, 64, 256] });
describeTask('copy of bits', () => copy({ seqLen: 40, symbolVocabSize: 2 }));
describeTask('palindrome', () => palindrome({ seqLen: 32 }), { lengths: [16, 64, 256] });
describeTask('palindrome of letters', () => palindrome({ seqLen: 24, symbolVocabSize: 26 }));

describe('copy and palindrome', () => {
  it('ask for the symbols before the separator, forwards and backwards, each answer the next input', () => {
    const configs = fc.record({ n: fc.integer({ min: 5, max: 40 }), symbolVocabSize: fc.integer({ min: 2, max: 99 }) });
    fc.assert(
      fc.property(configs, fc.integer(), ({ n, symbolVocabSize }, seed) => {
        for (const factory of [copy, palindrome]) {
          const { inputs, labels } = factory({ seqLen: 2 * n, symbolVocabSize }).generate({
            split: 'train',
            seed,
            count: 1,
          });
          const symbols = [...inputs.subarray(0, n)];
          expect(symbols.every((symbol) => symbol >= 1 && symbol <= symbolVocabSize)).toBe(true);
          const answer = factory === copy ? symbols : symbols.reverse();
          expect([...labels.subarray(n)]).toEqual(answer);
          expect([...inputs.subarray(n)]).toEqual([0, ...answer.slice(0, -1)]);
        }
      }),
    );
  });

  it('let a model go on from its own answers', async () => {
    for (const task of [copy({ seqLen: 24 }), palindrome({ seqLen: 24 })]) {
      const examples = task.generate({ split: 'test', seed: 1, count: 20 });
      const oracle = (inputs: Int32Array, position: number) =>
        Int32Array.from({ length: 20 }, (_, i) => task.solve(inputs.subarray(i * 24, (i + 1) * 24))[position]!);
      expect(await evaluateAutoregressively(examples, oracle)).toMatchObject({ accuracy: 1, exactMatch: 1 });
    }
  });

  it.each([
    ['an odd length', { seqLen: 31 }, /seqLen must be even .* got 31\. Use 32/],
    ['a single symbol', { symbolVocabSize: 1 }, /symbolVocabSize/],
  ])('refuse %s', (_, config, message) => {
    for (const factory of [copy, palindrome]) {
      expect(() => factory(config)).toThrow(InvalidConfigError);
      expect(() => factory(config)).toThrow(message);
    }
  });
});
