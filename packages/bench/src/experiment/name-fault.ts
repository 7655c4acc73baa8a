/** Which names can be those of directories, on every file system. */

/** Bytes of UTF-8; file systems end names there. */
const LONGEST_NAME = 255;

/** Windows keeps these for devices, whatever follows a dot. */
const RESERVED = /^(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)/i;

/** Why a text, in NFC, cannot name a directory on every file system; undefined if it can. */
export function nameFault(name: string): string | undefined {
  if (!/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*$/u.test(name)) {
    return "expected letters, digits, '-', '_' and '.', the first a letter or digit (it names a directory)";
  }
  if (name.endsWith('.')) return "expected no '.' at the end (Windows drops it from names of directories)";
  if (RESERVED.test(name)) return 'expected another word (Windows keeps this one for a device)';
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > LONGEST_NAME) return `expected at most ${LONGEST_NAME} bytes (it names a directory), received ${bytes}`;
  return undefined;
}
