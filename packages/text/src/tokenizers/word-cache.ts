/**
 * Encoding by words: of byte-level BPE with GPT-2's words each word is encoded alone, so each different one need be only once.
 * Text is made of few different words: several times as fast.
 */
import { GPT2_WORDS } from './byte-level.js';

/** Words that are kept; then all are forgotten. */
const KEPT = 2 ** 17;
const LONGEST = 64;

/**
 * @param encode - encodes a text in full.
 * @param added - tokens that are found in text before it is divided into words: what has one is encoded in full.
 */
export function createWordCache(encode: (text: string) => readonly number[], added: readonly string[], isNfc: boolean) {
  const known = new Map<string, readonly number[]>();
  return (text: string): Int32Array => {
    if (added.some((token) => text.includes(token))) return Int32Array.from(encode(text));
    const ids: number[] = [];
    for (const [word] of (isNfc ? text.normalize('NFC') : text).matchAll(GPT2_WORDS)) {
      let encoded = known.get(word);
      if (encoded === undefined) {
        encoded = encode(word);
        if (known.size === KEPT) known.clear();
        if (word.length <= LONGEST) known.set(word, encoded);
      }
      for (const id of encoded) ids.push(id);
    }
    return Int32Array.from(ids);
  };
}
