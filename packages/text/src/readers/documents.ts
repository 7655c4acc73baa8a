/**
 * Documents of files, in order, in bounded memory: plain text, JSON Lines and Parquet, the first two also as `.gz` and `.zst`.
 *
 * A document comes in parts, so that it need not fit into memory: text files in parts of some 100 kB, rows of JSON Lines and
 * Parquet as a whole. Of Parquet the text column of one row group is held at a time.
 */
import { InvalidConfigError, UnknownNameError } from '@mixerzoo/core/errors';
import { byteStream } from './byte-stream.js';
import { readJsonLines } from './json-lines.js';
import { readParquet } from './parquet.js';
import { decodeChunks } from './utf8.js';

export const FORMATS = ['text', 'jsonl', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

export interface ReadOptions {
  /** Default: by the file's name. */
  readonly format?: Format | undefined;
  /** The key or column that holds the text. Default `text`. */
  readonly field?: string | undefined;
  /** What divides a text file into documents. Default: nothing does. */
  readonly separator?: 'blank-line' | undefined;
}

/** Characters (UTF-16 units) of a document between blank lines. */
const LONGEST_PARAGRAPH = 2 ** 26;

/** A piece of a document. */
export interface DocumentPart {
  readonly text: string;
  /** Whether a document begins with it. */
  readonly begins: boolean;
}

/**
 * The documents of a file, in parts, empty ones too.
 * @throws InvalidConfigError that names file and line or byte: of data that are damaged, no UTF-8, or without the field.
 */
export async function* readDocuments(path: string, options: ReadOptions = {}): AsyncGenerator<DocumentPart> {
  const format = options.format ?? formatOf(path);
  if (!FORMATS.includes(format)) throw new UnknownNameError('format', format, FORMATS);
  const field = options.field ?? 'text';
  if (format === 'parquet') yield* wholes(readParquet(path, field));
  else if (format === 'jsonl') yield* wholes(readJsonLines(byteStream(path), path, field));
  else if (options.separator === 'blank-line') yield* paragraphs(decodeChunks(byteStream(path), path), path);
  else yield* oneDocument(decodeChunks(byteStream(path), path));
}

/** The format of a file by its name. @throws InvalidConfigError for one that says none. */
export function formatOf(path: string): Format {
  const name = path.replace(/\.(gz|zst)$/, '');
  if (/\.(jsonl|ndjson)$/.test(name)) return 'jsonl';
  if (name.endsWith('.parquet')) return 'parquet';
  if (/\.(txt|text|md)$/.test(name)) return 'text';
  throw new InvalidConfigError(
    `${path}: expected a name that ends in .txt, .jsonl (both also with .gz or .zst) or .parquet. Say what it is: --format ${FORMATS.join('|')}.`,
  );
}

async function* wholes(texts: AsyncIterable<string>): AsyncGenerator<DocumentPart> {
  for await (const text of texts) yield { text, begins: true };
}

async function* oneDocument(texts: AsyncIterable<string>): AsyncGenerator<DocumentPart> {
  yield { text: '', begins: true };
  for await (const text of texts) yield { text, begins: false };
}

/** Documents divided by lines without text, which belong to none; nor does space at their ends. */
async function* paragraphs(texts: AsyncIterable<string>, path: string): AsyncGenerator<DocumentPart> {
  let document = '';
  let line = '';
  for await (const text of texts) {
    const [first, ...more] = text.split('\n') as [string, ...string[]];
    line += first;
    for (const next of more) {
      if (line.trim() !== '') document += `${line}\n`;
      else if (document !== '') {
        yield { text: document.trimEnd(), begins: true };
        document = '';
      }
      line = next;
    }
    if (document.length + line.length > LONGEST_PARAGRAPH) {
      throw new InvalidConfigError(
        `${path}: expected blank lines between documents of at most ${LONGEST_PARAGRAPH} characters, got a longer one. Divide it, or leave --separator out.`,
      );
    }
  }
  document = (document + line).trimEnd();
  if (document !== '') yield { text: document, begins: true };
}
