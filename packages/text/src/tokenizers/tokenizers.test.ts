import { existsSync, readFileSync } from 'node:fs';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteLevelJson } from './byte-level.js';
import { byteTokenizer } from './bytes.js';
import { huggingFaceTokenizer, parseTokenizer } from './hugging-face.js';
import { createTextPieces } from './text-pieces.js';
import type { Tokenizer } from './tokenizer.js';
import { trainBytePairTokenizer } from './train-byte-pairs.js';

const readJson = (file: string): object => JSON.parse(readFileSync(file, 'utf8')) as object;
const NEOX = readJson(new URL('../__fixtures__/gpt-neox-subset.json', import.meta.url).pathname);
const PROSE = Array.from(
  { length: 40 },
  (_, i) =>
    `Said the ${i}th walrus: "I don't think it'll rain, größer  or 4${i} times."\n\nThe sea was wet as wet could be;\t— `,
).join('');
const BPE = trainBytePairTokenizer([PROSE], { vocabSize: 320 });

/** Text of all kinds, words that are known among it. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(' the', 'walrus', '\n\n', '  ', "'ll", '42', '<|endoftext|>'),
    ),
  )
  .map((parts) => parts.join(''));

const tokenizers: readonly [string, Tokenizer][] = [
  ['bytes', byteTokenizer()],
  ['trained BPE', huggingFaceTokenizer(BPE)],
];

describe.each(tokenizers)('%s', (_, tokenizer) => {
  it('gives any text back', () => {
    fc.assert(fc.property(anyText, (text) => tokenizer.decode(tokenizer.encode(text)) === text));
  });

  it('counts the bytes of the text that its tokens stand for', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const special = text.split('<|endoftext|>').length - 1;
        const bytes = tokenizer.encode(text).reduce((sum, id) => sum + tokenizer.tokenBytes[id]!, 0);
        return bytes === new TextEncoder().encode(text).length - special * '<|endoftext|>'.length;
      }),
    );
  });

  it('encodes in pieces what it encodes as a whole, however the parts come, and from any piece on', () => {
    const words = fc.array(fc.oneof(anyText, fc.constant('x'.repeat(9_000)), fc.constant(PROSE)), { maxLength: 12 });
    fc.assert(
      fc.property(words, fc.array(fc.nat(30_000), { maxLength: 5 }), fc.nat(), (parts, cuts, from) => {
        const text = parts.join(' ');
        const whole = tokenizer.encode(text);
        const pieces = piecesOf(text, cuts);
        expect(pieces.join('')).toBe(text);
        expect(encodeAll(tokenizer, pieces)).toEqual([...whole]);
        const start = pieces.length === 0 ? 0 : from % pieces.length;
        const rest = text.slice(pieces.slice(0, start).join('').length);
        expect(piecesOf(rest, [])).toEqual(pieces.slice(start));
      }),
      { numRuns: 40 },
    );
  });

  it('is what its JSON says to other programs', () => {
    const other = new HuggingFaceTokenizer(tokenizer.json as object, {});
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids } = other.encode(text, { add_special_tokens: false });
        expect([...tokenizer.encode(text)]).toEqual(ids);
      }),
    );
    expect(parseTokenizer(JSON.parse(JSON.stringify(tokenizer.json))).hash).toBe(tokenizer.hash);
  });
});

/** Pieces of a text that comes in parts, cut at places. */
function piecesOf(text: string, cuts: readonly number[]): string[] {
  const pieces = createTextPieces(true, 'test');
  const places = [...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
  const parts = places.map((place, i) => text.slice(places[i - 1] ?? 0, place));
  return [...parts.flatMap((part) => [...pieces.push(part)]), ...pieces.end()];
}

const encodeAll = (tokenizer: Tokenizer, pieces: readonly string[]) =>
  pieces.flatMap((piece) => [...tokenizer.encode(piece)]);

describe('pieces of text', () => {
  it('cut a word that never ends between characters, and refuse such a text of a tokenizer that takes it whole', () => {
    const endless = `a${'😀'.repeat(2 ** 19)}b`;
    const pieces = createTextPieces(true, 'f.txt');
    const cut = [...pieces.push(endless), ...pieces.end()];
    expect(cut.map((piece) => piece.length)).toEqual([2 ** 20 - 1, 3]);
    const whole = createTextPieces(false, 'f.txt');
    expect([...whole.push('x '.repeat(2 ** 20))]).toEqual([]);
    expect(() => [...whole.push('x '.repeat(2 ** 20 + 1))]).toThrow(/f\.txt: expected texts of at most 4194304/);
  });
});

describe('tokenizer.json', () => {
  const neox = huggingFaceTokenizer(NEOX);

  it('gives the ids of GPT-NeoX', () => {
    expect([...neox.encode('foo bar')]).toEqual([12110, 2534]);
    expect([...neox.encode('bar foo')]).toEqual([2009, 17374]);
    expect([neox.vocabSize, neox.endOfText, neox.bos, neox.separable]).toEqual([50277, 0, undefined, true]);
    expect([12110, 2534, 50276, 50254, 0].map((id) => neox.tokenBytes[id])).toEqual([3, 4, 2, 24, 0]);
  });

  it('is separable where no token goes across a place to cut, and nothing is done at the ends of a text', () => {
    const json = byteLevelJson([], [], false);
    const separable = (changed: object) => huggingFaceTokenizer({ ...json, ...changed }).separable;
    const added = (content: string) => ({ added_tokens: [...json.added_tokens, { id: 300, content, special: false }] });
    expect(separable({})).toBe(true);
    expect(separable(byteLevelJson(['.Ġ', 'ĠĠ', 'Ġa'], [], false))).toBe(true);
    expect(separable(byteLevelJson(['aĠ'], [['a', 'Ġ']], false))).toBe(false);
    expect(separable(byteLevelJson(['Ã©Ċ'], [['Ã©', 'Ċ']], false))).toBe(false);
    expect(separable(added('<end>'))).toBe(true);
    expect(separable(added('the end'))).toBe(false);
    expect(separable({ normalizer: { type: 'NFC' } })).toBe(true);
    expect(separable({ normalizer: { type: 'Sequence', normalizers: [{ type: 'Strip' }] } })).toBe(false);
  });

  it('leaves ids of a padded vocabulary out', () => {
    expect(neox.decode([12110, 50300, 2534])).toBe('foo bar');
  });

  const file = process.env['MIXERZOO_NEOX_TOKENIZER'] ?? '';
  it('encodes text by words as it does as a whole, by all of GPT-NeoX', ({ skip }) => {
    if (!existsSync(file)) skip('no tokenizer.json of GPT-NeoX: name it by MIXERZOO_NEOX_TOKENIZER');
    const json = readJson(file);
    const ours = parseTokenizer(json);
    const theirs = new HuggingFaceTokenizer(json, {});
    expect([...ours.encode('foo bar'), ...ours.encode('bar foo')]).toEqual([12110, 2534, 2009, 17374]);
    fc.assert(
      fc.property(anyText, (text) => {
        expect([...ours.encode(text)]).toEqual(theirs.encode(text, { add_special_tokens: false }).ids);
      }),
    );
  });

  it('finds what texts begin and end with, of tokenizers made by SentencePiece', () => {
    const json = {
      added_tokens: [
        { id: 0, content: '<unk>', special: true },
        { id: 1, content: '<s>', special: true },
        { id: 2, content: '</s>', special: true },
      ],
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      pre_tokenizer: null,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: {
        type: 'BPE',
        byte_fallback: true,
        unk_token: '<unk>',
        vocab: { '<unk>': 0, '<s>': 1, '</s>': 2, '<0x0A>': 3, '▁': 4, ö: 5, a: 6, '▁a': 7 },
        merges: ['▁ a'],
      },
    };
    const tokenizer = huggingFaceTokenizer(json);
    expect([tokenizer.bos, tokenizer.endOfText, tokenizer.separable]).toEqual([1, 2, false]);
    expect([...tokenizer.tokenBytes]).toEqual([0, 0, 0, 1, 1, 2, 1, 2]);
    expect([...tokenizer.encode('a a\n')]).toEqual([7, 7, 3]);
  });

  it('names what is missing', () => {
    expect(() => huggingFaceTokenizer({ model: 3 })).toThrow(/tokenizer\.json: model: /);
    const json = { model: { type: 'BPE', vocab: { a: 0 }, merges: [] } };
    expect(() => huggingFaceTokenizer(json)).toThrow(/expected a token that ends a text/);
    expect(huggingFaceTokenizer(json, { endOfText: 'a' }).endOfText).toBe(0);
  });
});

describe('training of byte pairs', () => {
  it('merges the most frequent pair, of equals the one of smaller ids', () => {
    // ` b` 97 times... words: `ab` x 5, `abc` x 3, `bc` x 4: (a,b) 8, (b,c) 7.
    const json = trainBytePairTokenizer([`${'ab\n'.repeat(5)}${'abc\n'.repeat(3)}${'bc\n'.repeat(4)}`], {
      vocabSize: 260,
    });
    expect(json.model.merges).toEqual(['a b', 'b c', 'ab c']);
    expect([json.model.vocab['ab'], json.model.vocab['bc'], json.model.vocab['abc']]).toEqual([257, 258, 259]);
  });

  it('divides its words as it was trained: by counting anew after each merge', () => {
    const tokenizer = huggingFaceTokenizer(BPE);
    expect(BPE.model.merges).toEqual(mergesByCountingAnew(PROSE, 320 - 257));
    expect(tokenizer.encode(PROSE).length).toBeLessThan(PROSE.length / 2);
  });

  it('gives the same whatever the order of the texts', () => {
    const texts = PROSE.split('\n\n');
    const one = trainBytePairTokenizer(texts, { vocabSize: 300 });
    expect(trainBytePairTokenizer(texts.toReversed(), { vocabSize: 300 })).toEqual(one);
  });

  it('says how large a vocabulary a text is enough for', () => {
    expect(() => trainBytePairTokenizer(['abab'], { vocabSize: 300 })).toThrow(
      /bpe: expected text for a vocabulary of 300, got enough for 258/,
    );
    expect(() => trainBytePairTokenizer(['abab'], { vocabSize: 256 })).toThrow(
      /expected a vocabulary of 257 or more, the bytes and the end of text, got 256/,
    );
  });
});

/** The same algorithm without its shortcuts. */
function mergesByCountingAnew(text: string, count: number): string[] {
  const byteLevel = huggingFaceTokenizer({ ...BPE, model: { ...BPE.model, merges: [] } });
  const names = new Map(Object.entries(BPE.model.vocab).map(([name, id]) => [id, name]));
  const pattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
  let words = [...text.matchAll(pattern)].map(([word]) => Array.from(byteLevel.encode(word), (id) => names.get(id)!));
  const idOf = (name: string) => BPE.model.vocab[name]!;
  const merges: string[] = [];
  while (merges.length < count) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 1; i < word.length; i++)
        counts.set(`${word[i - 1]} ${word[i]}`, (counts.get(`${word[i - 1]} ${word[i]}`) ?? 0) + 1);
    }
    const ids = (pair: string) => pair.split(' ').map(idOf) as [number, number];
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || ids(a)[0] - ids(b)[0] || ids(a)[1] - ids(b)[1])[0]!;
    const [left, right] = best.split(' ') as [string, string];
    merges.push(best);
    words = words.map((word) =>
      word.reduce<string[]>((done, token, i) => {
        if (done.at(-1) === left && token === right && i > 0) done[done.length - 1] = left + right;
        else done.push(token);
        return done;
      }, []),
    );
  }
  return merges;
}
