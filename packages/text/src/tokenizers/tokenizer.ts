/** What a tokenizer is: text to ids and back, and how many bytes of text each id stands for. */

export interface Tokenizer {
  /** `bytes`, `BPE`, ...: for people. */
  readonly name: string;
  /** Ids are in [0, vocabSize). */
  readonly vocabSize: number;
  /** The id that ends a text. */
  readonly endOfText: number;
  /** The id that texts begin with, where the tokenizer says so, as Llama's and Mistral's do. */
  readonly bos?: number | undefined;
  /**
   * Whether a text's encoding is that of its parts, wherever it is cut after a letter or number and before a space or
   * newline ({@link isBoundary}). So it is with bytes and byte-level BPE, whose words never merge with one another.
   */
  readonly separable: boolean;
  /** Bytes of text (UTF-8) that each id stands for, [vocabSize]; 0 for special tokens. */
  readonly tokenBytes: Uint16Array;
  /** As Hugging Face's `tokenizer.json` has it: every tokenizer here can be written as one. */
  readonly json: unknown;
  /** Hex SHA-256 of the JSON. Node.js only. */
  readonly hash: string;
  /** The ids of a text, without `bos` or `endOfText`. A special token's text becomes its id. */
  encode(text: string): Int32Array;
  /** The text of ids, special tokens as they are written. Ids that stand for nothing, as of a padded vocabulary, are left out. */
  decode(ids: ArrayLike<number>): string;
}

/** The id before each document: what texts begin with, else what ends them. */
export const separatorOf = ({ bos, endOfText }: Pick<Tokenizer, 'bos' | 'endOfText'>): number => bos ?? endOfText;

const LETTER_OR_NUMBER = /[\p{L}\p{N}]/u;

/** Whether a text can be cut before `at`: after a letter or number (of one UTF-16 unit) and before a space or newline. */
export function isBoundary(text: string, at: number): boolean {
  const next = text.charCodeAt(at);
  return (next === 0x20 || next === 0x0a) && at > 0 && LETTER_OR_NUMBER.test(text[at - 1]!);
}
