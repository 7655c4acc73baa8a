/** UTF-8 that comes in chunks, held to be valid: what is not is named by its place, and not replaced in silence. */
import { InvalidConfigError } from '@mixerzoo/core/errors';

/** Where the first fault is in bytes, [0, length); -1 if there is none. A character cut off at the end is a fault. */
export function firstInvalid(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length === 0) return i;
    i += length;
  }
  return -1;
}

/** Length of the valid sequence at i, 0 if it is none (Unicode 15, table 3-7). */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const lead = bytes[i]!;
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let k = 1; k < length; k++) {
    const byte = bytes[i + k] ?? 0;
    if (byte < (k === 1 ? least : 0x80) || byte > (k === 1 ? most : 0xbf)) return 0;
  }
  return length;
}

/** Decodes whole text. @throws InvalidConfigError that names `where` and the byte, counted from `offset`. */
export function decodeUtf8(bytes: Uint8Array, where: string, offset = 0): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const at = firstInvalid(bytes);
    const byte = (bytes[at] ?? 0).toString(16).padStart(2, '0');
    throw new InvalidConfigError(
      `${where}: expected UTF-8, got the byte 0x${byte} at offset ${offset + at}. Convert it: iconv -f latin1 -t utf-8.`,
      { cause: error },
    );
  }
}

/** Text of chunks of bytes, a mark of byte order at the start left out. @throws InvalidConfigError as {@link decodeUtf8}. */
export async function* decodeChunks(chunks: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<string> {
  let carry = new Uint8Array(0);
  let offset = 0;
  for await (const chunk of chunks) {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const whole = bytes.length - openEnd(bytes);
    const text = decodeUtf8(bytes.subarray(0, whole), where, offset);
    carry = bytes.slice(whole);
    if (text.length > 0) yield offset === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
    offset += whole;
  }
  if (carry.length > 0) decodeUtf8(carry, where, offset);
}

/** Bytes at the end that may begin a character which goes on in the next chunk: 0 to 3. */
function openEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}
