/**
 * Byte-level vocabularies, as GPT-2 has them: every byte is written as one printable character, so that any text is a
 * sequence of known symbols.
 */

/** The character of each byte, [256]: itself where it is printable, else the next of U+0100 and on. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

/** The byte of each character of {@link BYTE_CHARACTERS}. */
export const CHARACTER_BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/** How GPT-2 divides text into words, which no token crosses. */
export const GPT2_WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The token that ends a text, in the tokenizers made here. */
export const END_OF_TEXT = '<|endoftext|>';

function byteCharacters(): string[] {
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/**
 * A `tokenizer.json` of byte-level BPE whose ids 0 to 255 are the bytes, 256 is the end of text and the merges follow.
 *
 * @param words - the text of each id from 257 on, in characters of bytes.
 * @param merges - the two tokens that each of them is made of.
 * @param useRegex - whether text is divided into words first.
 */
export function byteLevelJson(
  words: readonly string[],
  merges: readonly (readonly [string, string])[],
  useRegex: boolean,
) {
  const alphabet = BYTE_CHARACTERS.map((character, byte) => [character, byte] as const);
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ id: 256, content: END_OF_TEXT, ...special }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...alphabet, ...words.map((word, index) => [word, 257 + index] as const)]),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
}
