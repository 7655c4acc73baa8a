/** A stream's texts add up to the text of all tokens. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTextStream } from './text-stream.js';

const bytes = { decode: (ids: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(Array.from(ids))) };
/** Words with a space between them, as WordPiece has it: `##` joins. */
const words = ['a', 'play', '##ing', '##ed', 'é', 'x'];
const wordPiece = {
  decode: (ids: ArrayLike<number>) =>
    Array.from(ids, (id) => words[id] as string)
      .join(' ')
      .replaceAll(' ##', ''),
};

const streamed = (decoder: typeof bytes, ids: readonly number[]) => {
  const stream = createTextStream(decoder);
  const parts = ids.map((id) => stream.push(id));
  return { parts, text: parts.join('') + stream.end() };
};

it('gives characters as soon as they are whole', () => {
  const ids = [...new TextEncoder().encode('né 😀!')];
  const { parts, text } = streamed(bytes, ids);
  expect(text).toBe('né 😀!');
  expect(parts).toEqual(['n', '', 'é', ' ', '', '', '', '😀', '!']);
});

it('adds up for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(streamed(bytes, [...new TextEncoder().encode(text)]).text).toBe(text);
    }),
  );
});

it('gives what no character can be of, too', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (ids) => {
      expect(streamed(bytes, [...ids]).text).toBe(bytes.decode(ids));
    }),
    { examples: [[Uint8Array.of(0x80, 0x80, 0x80, 0xe2, 0x82, 0xac)]] },
  );
  const ids = [0x61, 0xff, 0x62, 0xe2, 0x82];
  expect(streamed(bytes, ids).text).toBe(bytes.decode(ids));
  expect(streamed(bytes, new Array(200).fill(0xff)).parts.slice(0, 100).join('').length).toBe(99); // as it comes
});

it('keeps the spaces of a tokenizer that joins words', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(words.length - 1)), (ids) => {
      expect(streamed(wordPiece, ids).text).toBe(wordPiece.decode(ids));
    }),
  );
});
