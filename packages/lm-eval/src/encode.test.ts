/** Pairs of texts as tokens. */
import { describe, expect, it } from 'vitest';
import { type EvalTokenizer, encodePair, encodeRequest, inputOf } from './encode.js';

/** Letters a-z are 1-26, the space is 27; 'ab' is 30, ' c' 31. */
const tokenizer: EvalTokenizer = {
  endOfText: 0,
  encode: (text) =>
    (text.match(/ab| c|[a-z ]/g) ?? []).map((piece) =>
      piece === 'ab' ? 30 : piece === ' c' ? 31 : piece === ' ' ? 27 : piece.charCodeAt(0) - 96,
    ),
};

describe('a pair', () => {
  it('is encoded as one text, by the count of the context', () => {
    expect(encodePair({ context: 'xa', continuation: 'bd' }, tokenizer)).toEqual({
      context: [24, 1],
      continuation: [4], // 'xabd' is x, ab, d: two belong to the context
    });
  });

  it('has the white space at the end of its context in the continuation', () => {
    expect(encodePair({ context: 'x ', continuation: 'c' }, tokenizer)).toEqual({ context: [24], continuation: [31] });
  });

  it('without a context follows the token that begins or ends texts', () => {
    expect(encodePair({ context: '', continuation: 'x' }, tokenizer)).toEqual({ context: [0], continuation: [24] });
    expect(encodePair({ context: '', continuation: 'xy' }, { ...tokenizer, bos: 24 })).toEqual({
      context: [24],
      continuation: [25], // it begins with that token already
    });
    expect(encodePair({ context: ' ', continuation: 'c' }, tokenizer)).toEqual({ context: [0], continuation: [31] });
  });

  it('begins with that token if asked to, once', () => {
    expect(encodePair({ context: 'x', continuation: 'y' }, tokenizer, true)).toEqual({
      context: [0, 24],
      continuation: [25],
    });
    expect(encodePair({ context: 'x', continuation: 'y' }, { ...tokenizer, bos: 24 }, true).context).toEqual([24]);
    expect(encodePair({ context: '', continuation: 'x' }, tokenizer, true)).toEqual({
      context: [0],
      continuation: [24],
    });
  });

  it('is refused where the context takes all tokens, or the model too few', () => {
    const request = { kind: 'continuation', context: 'xa', continuation: 'b' } as const;
    expect(() => encodeRequest(request, tokenizer, { maxLength: 8, where: 'task, document 3' })).toThrow(
      'task, document 3: expected a continuation of 1 to 8 tokens, got 0 of "b"',
    );
    expect(() =>
      encodeRequest({ ...request, continuation: 'xyz' }, tokenizer, { maxLength: 2, where: 'here' }),
    ).toThrow('got 3 of "xyz"');
  });

  it('is cut on the left', () => {
    expect(inputOf({ context: [1, 2, 3], continuation: [4, 5] }, 10)).toEqual([1, 2, 3, 4]);
    expect(inputOf({ context: [1, 2, 3], continuation: [4, 5] }, 3)).toEqual([2, 3, 4]);
    expect(inputOf({ context: [1, 2, 3], continuation: [4, 5] }, 2)).toEqual([3, 4]);
  });
});
