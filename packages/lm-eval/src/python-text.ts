/** What Python's strings do where JavaScript's differ: the harness is written in it, and a prompt is compared to the sign. */

/** What Python's `str.strip` and `\s` take for white space: U+001C to U+001F and U+0085 too, U+FEFF not. */
export const WHITE_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const AT_START = new RegExp(`^[${WHITE_SPACE}]+`);
const AT_END = new RegExp(`[${WHITE_SPACE}]+$`);
const BETWEEN_WORDS = new RegExp(`[${WHITE_SPACE}]+`);

/** `str.rstrip()` */
export const rstrip = (text: string) => text.replace(AT_END, '');

/** `str.strip()` */
export const strip = (text: string) => rstrip(text).replace(AT_START, '');

/** `re.split(r'\s+', text)`: an empty piece before leading white space, and after trailing. */
export const splitWords = (text: string) => text.split(BETWEEN_WORDS);

/** `len(text)`: code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** `str.capitalize()`: the first sign upper, all others lower. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** `json.dumps(value)` of lists and strings: ASCII, a space after each comma. */
export function jsonDumps(value: string | readonly unknown[]): string {
  if (Array.isArray(value)) return `[${value.map((item) => jsonDumps(item as string)).join(', ')}]`;
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
