/** Rows of a published file: JSON lines, Parquet, or lines of text. */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Row } from '../task.js';

/** Endings of files that are read. */
export const READABLE = /\.(jsonl|jsonl\.gz|parquet|txt|raw)$/;

export interface RowsOfFile {
  readonly rows: readonly Row[];
  /** SHA-256 of the file. */
  readonly sha256: string;
}

/** @throws InvalidConfigError, with the line where there are lines, for a file that is not what its name says. */
export async function readRows(path: string): Promise<RowsOfFile> {
  const bytes = await readFile(path);
  const sha256 = hash('sha256', bytes);
  if (path.endsWith('.parquet')) return { rows: await parquetRows(bytes, path), sha256 };
  const text = decode(path.endsWith('.gz') ? unzipped(bytes, path) : bytes, path);
  const lines = text.split('\n');
  if (/\.(txt|raw)$/.test(path)) return { rows: textRows(lines), sha256 };
  return {
    rows: lines.flatMap((line, index) => (line.trim() === '' ? [] : [jsonRow(line, `${path}:${index + 1}`)])),
    sha256,
  };
}

/** Lines of a text, without what follows the last newline if it is nothing. */
function textRows(lines: readonly string[]): Row[] {
  const whole = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  return whole.map((text) => ({ text }));
}

async function parquetRows(bytes: Buffer, path: string): Promise<Row[]> {
  const { buffer, byteOffset, byteLength } = bytes;
  const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  try {
    return (await parquetReadObjects({ file, compressors })).map((row) => plain(row) as Row);
  } catch (cause) {
    throw new InvalidConfigError(
      `${path}: expected a Parquet file, got '${(cause as Error).message}'. Download it again.`,
      { cause },
    );
  }
}

/** 64-bit integers as numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function jsonRow(line: string, where: string): Row {
  try {
    const row: unknown = JSON.parse(line);
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Row;
  } catch {
    // said below
  }
  throw new InvalidConfigError(
    `${where}: expected a JSON object, got ${JSON.stringify(line.slice(0, 60))}. Download the file again.`,
  );
}

function unzipped(bytes: Buffer, path: string): Buffer {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InvalidConfigError(`${path}: expected a whole gzip file, got ${code}. Download it again.`, { cause });
  }
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidConfigError(`${path}: expected UTF-8, got other bytes. Convert it.`, { cause });
  }
}
