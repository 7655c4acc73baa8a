/** Bytes as tokens: any text in any language, no file, and bits per byte are what is learned. */
import { sha256 } from '../node-modules.js';
import { byteLevelJson, END_OF_TEXT } from './byte-level.js';
import type { Tokenizer } from './tokenizer.js';

const END = 256;

/** The tokenizer whose ids are the bytes of UTF-8, 0 to 255, and the end of text, 256. V = 257. */
export function byteTokenizer(): Tokenizer {
  const encoder = new TextEncoder();
  const tokenBytes = new Uint16Array(END + 1).fill(1, 0, END);
  const json = byteLevelJson([], [], false);
  return Object.freeze({
    name: 'bytes',
    vocabSize: END + 1,
    endOfText: END,
    separable: true,
    tokenBytes,
    json,
    get hash() {
      return sha256(JSON.stringify(json));
    },
    encode: (text: string) => encodeBytes(text, encoder),
    decode: decodeBytes,
  });
}

function encodeBytes(text: string, encoder: TextEncoder): Int32Array {
  const [first, ...rest] = text.split(END_OF_TEXT);
  if (rest.length === 0) return Int32Array.from(encoder.encode(text));
  return Int32Array.from([first!, ...rest].flatMap((part, i) => [...(i > 0 ? [END] : []), ...encoder.encode(part)]));
}

function decodeBytes(ids: ArrayLike<number>): string {
  const decoder = new TextDecoder();
  const known = Array.from(ids).filter((id) => id >= 0 && id <= END);
  const texts: string[] = [];
  for (let start = 0; start <= known.length; ) {
    const end = known.indexOf(END, start);
    texts.push(decoder.decode(Uint8Array.from(known.slice(start, end < 0 ? known.length : end))));
    if (end < 0) break;
    start = end + 1;
  }
  return texts.join(END_OF_TEXT);
}
