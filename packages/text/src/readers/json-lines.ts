/** JSON Lines: an object per line, one field of which is the text. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { decodeUtf8 } from './utf8.js';

const NEWLINE = 0x0a;
/** What a string of V8 surely holds. */
const LONGEST_LINE = 2 ** 28;

/** The text of each line. @throws InvalidConfigError that names the line. */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  field: string,
): AsyncGenerator<string> {
  let line = 0;
  let offset = 0;
  for await (const bytes of splitLines(chunks, path)) {
    line++;
    const where = `${path}:${line}`;
    const source = decodeUtf8(bytes, where, offset).replace(/^\ufeff/, '');
    offset += bytes.length + 1;
    if (source.trim() !== '') yield textOf(source, field, where);
  }
}

function textOf(source: string, field: string, where: string): string {
  let row: unknown;
  try {
    row = JSON.parse(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`${where}: expected a line of JSON, got '${reason}'.`, { cause: error });
  }
  const text = (row as Record<string, unknown> | null)?.[field];
  if (typeof text !== 'string') {
    throw new InvalidConfigError(
      `${where}: expected a text in '${field}', got ${describe(row, text)}. Name the field: --field.`,
    );
  }
  const half = text.search(/\p{Surrogate}/u); // none of a pair
  if (half < 0) return text;
  const code = text.charCodeAt(half).toString(16);
  throw new InvalidConfigError(
    `${where}: expected characters, got half of one, \\u${code}, at ${half} of '${field}'. Write whole ones where the file is made.`,
  );
}

function describe(row: unknown, text: unknown): string {
  if (text !== undefined) return text === null ? 'null' : typeof text;
  if (Array.isArray(row)) return 'a list in place of an object';
  return typeof row === 'object' && row !== null
    ? `keys ${Object.keys(row).join(', ')}`
    : `${row === null ? 'null' : `a ${typeof row}`} in place of an object`;
}

async function* splitLines(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  let open: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield open.length === 0 ? chunk.subarray(start, end) : Buffer.concat([...open, chunk.subarray(start, end)]);
      open = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) open.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > LONGEST_LINE) {
      throw new InvalidConfigError(`${path}: expected lines of at most ${LONGEST_LINE} bytes, got a longer one.`);
    }
  }
  if (open.length > 0) yield Buffer.concat(open);
}
