/** The documents of a task, from its published files. */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { z } from 'zod';
import type { EvalTask, Row } from '../task.js';
import { findFiles } from './find-files.js';
import { readRows } from './read-rows.js';

export interface Documents {
  readonly documents: readonly unknown[];
  readonly files: readonly string[];
  /** Of the files' hashes. */
  readonly sha256: string;
}

/**
 * @param place - a directory that holds the task's data, or a file of it.
 * @throws InvalidConfigError if there is none, it holds no row, or lacks a column: the message says what to get.
 */
export async function loadDocuments(task: EvalTask, place: string): Promise<Documents> {
  const files = findFiles(task, place);
  const hashes: string[] = [];
  const rows: Row[] = [];
  for (const file of files) {
    const read = await readRows(file);
    hashes.push(read.sha256);
    rows.push(...(await withLabels(read.rows, file, hashes)));
  }
  const [first] = files as readonly [string];
  if (rows.length === 0) throw new InvalidConfigError(`${first}: expected rows, got none. Download it again.`);
  const adapted = task.adapt?.(rows) ?? rows;
  const documents = adapted.map((row, index) => parseRow(task, row, `${first}, row ${index}`));
  return { documents, files, sha256: hash('sha256', hashes.join(' ')) };
}

/** Labels that are published beside the rows, one a line: `dev-labels.lst` of `dev.jsonl`. */
async function withLabels(rows: readonly Row[], file: string, hashes: string[]): Promise<readonly Row[]> {
  const path = file.replace(/\.jsonl$/, '-labels.lst');
  if (path === file || rows.some((row) => 'label' in row) || !existsSync(path)) return rows;
  const text = await readFile(path, 'utf8');
  hashes.push(hash('sha256', text));
  const labels = text.split('\n').filter((line) => line.trim() !== '');
  if (labels.length !== rows.length) {
    throw new InvalidConfigError(
      `${path}: expected ${rows.length} labels, as ${file} has rows, got ${labels.length}. Download both again.`,
    );
  }
  return rows.map((row, index) => ({ ...row, label: Number(labels[index]) }));
}

function parseRow(task: EvalTask, row: Row, where: string): unknown {
  const parsed = task.schema.safeParse(row);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues as [z.core.$ZodIssue];
  const column = issue.path.join('.');
  const got =
    issue.path.length > 0 && !(String(issue.path[0]) in row) ? `columns ${Object.keys(row).join(', ')}` : issue.message;
  const { dataSet, split } = task.source;
  throw new InvalidConfigError(
    `${task.name}: expected rows of the ${split} split of ${dataSet}${column === '' ? '' : ` with ${column}`}, got ${got} in ${where}. ` +
      'Put that data there.',
  );
}
