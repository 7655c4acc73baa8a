/**
 * A text that comes in parts, and need not fit into memory, as pieces to encode one by one.
 *
 * For a separable tokenizer ({@link Tokenizer.separable}) they have some thousand characters, and are cut where that changes
 * nothing. A run of letters without a space is one piece up to 2^20 characters and cut there: beyond that, and there alone,
 * the ids can differ from those of the whole text. Other tokenizers are given whole texts, of up to 2^22 characters. Pieces
 * follow from the text and from where the first one begins: encoding can start anew after any piece.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { isBoundary } from './tokenizer.js';

/** Characters (UTF-16 units) of a piece. Longer ones are encoded more slowly. */
const PIECE = 8_192;
const LONGEST_WORD = 2 ** 20;
const LONGEST_TEXT = 2 ** 22;

/** The pieces of one text: give its parts to `push` in order, then call `end`. @throws InvalidConfigError (push) */
export function createTextPieces(separable: boolean, where: string) {
  let text = '';
  return {
    *push(part: string): Generator<string> {
      text += part;
      let start = 0;
      for (let cut = separable ? nextCut(text, 0) : 0; cut > 0; cut = nextCut(text, start)) {
        yield text.slice(start, cut);
        start = cut;
      }
      text = text.slice(start);
      if (!separable && text.length > LONGEST_TEXT) {
        throw new InvalidConfigError(
          `${where}: expected texts of at most ${LONGEST_TEXT} characters, since this tokenizer takes them whole, got a longer one. Divide it, or use a byte-level tokenizer.`,
        );
      }
    },
    *end(): Generator<string> {
      if (text.length > 0) yield text;
      text = '';
    },
  };
}

/** Where the piece from `start` ends; 0 while that cannot be said. */
function nextCut(text: string, start: number): number {
  if (text.length - start <= PIECE) return 0;
  for (let at = start + PIECE; at > start; at--) if (isBoundary(text, at)) return at;
  const limit = Math.min(text.length - 1, start + LONGEST_WORD);
  for (let at = start + PIECE + 1; at <= limit; at++) if (isBoundary(text, at)) return at;
  if (text.length - start <= LONGEST_WORD) return 0;
  const cut = start + LONGEST_WORD;
  return /[\ud800-\udbff]/.test(text[cut - 1]!) ? cut - 1 : cut; // between characters
}
