/**
 * Tokenizers of Hugging Face's `tokenizer.json`, run by `@huggingface/tokenizers`.
 *
 * Bytes of a token: of byte-level vocabularies its characters, each one byte; of those made by SentencePiece its UTF-8 with `▁`
 * for a space and `<0x0A>` for a byte; else, as of WordPiece, those of what it is decoded to alone. A space that such a
 * tokenizer puts before a text is then counted as one of its bytes.
 */
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { parseConfig } from '@mixerzoo/core/config';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import { sha256 } from '../node-modules.js';
import { CHARACTER_BYTES } from './byte-level.js';
import { byteTokenizer } from './bytes.js';
import type { Tokenizer } from './tokenizer.js';
import { createWordCache } from './word-cache.js';

const part = z.looseObject({ type: z.string() }).nullish();
const vocab = z.union([z.record(z.string(), z.int().min(0)), z.array(z.tuple([z.string(), z.number()]))]);
const tokenizerSchema = z.looseObject({
  added_tokens: z
    .array(z.looseObject({ id: z.int().min(0), content: z.string(), special: z.boolean().default(false) }))
    .default([]),
  normalizer: part,
  pre_tokenizer: part,
  post_processor: part,
  decoder: part,
  model: z.looseObject({ type: z.string().default('BPE'), vocab }),
});
type Json = z.output<typeof tokenizerSchema>;

/** What ends a text, by the names that vocabularies give it. */
const ENDS = ['<|endoftext|>', '<|end_of_text|>', '</s>', '<eos>', '<|eot_id|>', '[SEP]'];

export interface HuggingFaceOptions {
  /** The token that ends a text, by its text or id, where it has none of the usual names: `<|endoftext|>`, `</s>`, ... */
  readonly endOfText?: string | number | undefined;
}

/**
 * The tokenizer of a parsed `tokenizer.json`.
 * @throws InvalidConfigError for another JSON, and where no token ends a text; from its methods if it does not load.
 */
export function huggingFaceTokenizer(json: unknown, { endOfText }: HuggingFaceOptions = {}): Tokenizer {
  const parsed = parseConfig(tokenizerSchema, json, 'tokenizer.json');
  const words = wordsOf(parsed);
  const ends = endOfText === undefined ? ENDS : [endOfText];
  const end = ends
    .map((name) => (typeof name === 'number' ? (words[name] === undefined ? -1 : name) : words.indexOf(name)))
    .find((id) => id >= 0);
  if (end === undefined) {
    throw new InvalidConfigError(
      `tokenizer.json: expected a token that ends a text, ${ends.join(' or ')}, got none. Name it by endOfText.`,
    );
  }
  let loaded: HuggingFaceTokenizer | undefined;
  const tokenizer = () => {
    loaded ??= load(json as object);
    return loaded;
  };
  const template = findPart(parsed.post_processor, 'processors', 'TemplateProcessing')?.['single'];
  const first = (template as { SpecialToken?: { id: string } }[] | undefined)?.[0]?.SpecialToken?.id;
  const bos = first === undefined ? -1 : words.indexOf(first);
  const encodeWhole = (text: string) => tokenizer().encode(text, { add_special_tokens: false }).ids;
  const added = parsed.added_tokens.map(({ content }) => content);
  const encodeWords = isDividedIntoWords(parsed)
    ? createWordCache(encodeWhole, added, parsed.normalizer != null)
    : undefined;
  let tokenBytes: Uint16Array | undefined;
  let separable: boolean | undefined;
  return {
    name: parsed.model.type,
    vocabSize: words.length,
    endOfText: end,
    bos: bos < 0 || first === '[CLS]' ? undefined : bos,
    get separable() {
      separable ??= isSeparable(parsed, words);
      return separable;
    },
    get tokenBytes() {
      tokenBytes ??= countBytes(parsed, words, (id) => tokenizer().decode([id]));
      return tokenBytes;
    },
    json,
    get hash() {
      return sha256(JSON.stringify(json));
    },
    encode: (text) => encodeWords?.(text) ?? Int32Array.from(encodeWhole(text)),
    decode(ids) {
      const known = Array.from(ids).filter((id) => words[id] !== undefined);
      if (known.length === 0) return '';
      return tokenizer().decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
  };
}

/** The tokenizer that a `tokenizer.json` written here or elsewhere holds: bytes are recognised, which are encoded faster. */
export function parseTokenizer(json: unknown, options: HuggingFaceOptions = {}): Tokenizer {
  const bytes = byteTokenizer();
  return JSON.stringify(json) === JSON.stringify(bytes.json) ? bytes : huggingFaceTokenizer(json, options);
}

function load(json: object): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(json, {});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`tokenizer.json: expected one that loads, got '${reason}'.`, { cause: error });
  }
}

/** The text of every id; undefined where an id is left out. */
function wordsOf({ model, added_tokens: added }: Json): (string | undefined)[] {
  const entries: [string, number][] = Array.isArray(model.vocab)
    ? model.vocab.map(([word], id) => [word, id])
    : Object.entries(model.vocab);
  const all = [...entries, ...added.map(({ content, id }): [string, number] => [content, id])];
  const words = new Array<string | undefined>(all.reduce((most, [, id]) => Math.max(most, id), -1) + 1).fill(undefined);
  for (const [word, id] of all) words[id] = word;
  return words;
}

type Part = { readonly type: string; readonly [key: string]: unknown };

/** A part of a type: the one that is given, or within a sequence. */
function findPart(of: unknown, list: string, type: string): Part | undefined {
  const top = of as Part | null | undefined;
  const within = (top?.[list] ?? []) as Part[];
  return [...(top ? [top] : []), ...within].find((one) => one.type === type);
}

const byteLevelOf = ({ pre_tokenizer: pre }: Json) => findPart(pre, 'pretokenizers', 'ByteLevel');

const isByteLevel = (json: Json): boolean =>
  byteLevelOf(json) !== undefined || findPart(json.decoder, 'decoders', 'ByteLevel') !== undefined;

/**
 * Whether parts of a text are encoded as within it: of bytes, none put before or taken away, and no token that goes across a
 * place where text is cut.
 */
function isSeparable(json: Json, words: readonly (string | undefined)[]): boolean {
  const changesEnds = ['Prepend', 'Strip'].some((type) => findPart(json.normalizer, 'normalizers', type) !== undefined);
  if (!isByteLevel(json) || byteLevelOf(json)?.['add_prefix_space'] === true || changesEnds) return false;
  const decoder = new TextDecoder();
  const textOf = (word: string) =>
    decoder.decode(Uint8Array.from(word, (character) => CHARACTER_BYTES.get(character) ?? 0));
  const crosses = (text: string) => /[\p{L}\p{N}][ \n]/u.test(text);
  return (
    !words.some((word) => word !== undefined && /.[ĠĊ]/.test(word) && crosses(textOf(word))) &&
    !json.added_tokens.some(({ content }) => crosses(content))
  );
}

/** Whether text is put into NFC, if at all, divided as GPT-2 does, and nothing else. */
const isDividedIntoWords = ({ normalizer, pre_tokenizer: pre }: Json): boolean =>
  (normalizer == null || normalizer.type === 'NFC') &&
  pre?.type === 'ByteLevel' &&
  pre['add_prefix_space'] === false &&
  pre['use_regex'] !== false;

function countBytes(json: Json, words: readonly (string | undefined)[], decode: (id: number) => string): Uint16Array {
  const utf8 = (text: string) => new TextEncoder().encode(text).length;
  const added = new Map(json.added_tokens.map(({ id, content, special }) => [id, special ? 0 : utf8(content)]));
  const byteLevel = isByteLevel(json);
  const sentencePiece = !byteLevel && words.some((word) => word?.includes('▁'));
  return Uint16Array.from(words, (word, id) => {
    if (word === undefined) return 0;
    const known = added.get(id);
    if (known !== undefined) return known;
    if (byteLevel && [...word].every((character) => CHARACTER_BYTES.has(character))) return word.length;
    if (!sentencePiece) return utf8(decode(id));
    return /^<0x[0-9A-F]{2}>$/.test(word) ? 1 : utf8(word.replaceAll('▁', ' '));
  });
}
