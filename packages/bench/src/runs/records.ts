/**
 * Records as they stand on disk: JSON with the id of its run and a checksum, so that a damaged record, or one of another
 * run, is told from a sound one, and nothing of it is believed.
 */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, NumericalError } from '@mixerzoo/core/errors';
import PQueue from 'p-queue';
import type { z } from 'zod';
import { environmentSchema, metricSchema, resultSchema, runConfigSchema } from './record-schemas.js';
import { jsonText, replaceJson } from './replace-file.js';
import type { MetricRecord, RunEnvironment, RunResult } from './results.js';
import { RUN_FORMAT, type RunConfig } from './run-config.js';

/** A kind of record. */
export interface RecordKind<T> {
  readonly file: string;
  readonly schema: z.ZodType<T>;
  /** Whether the id is a part of the record, and not of its writing alone. */
  readonly hasId: boolean;
  /** What to do about a damaged one, so that the least is lost. */
  readonly remedy: string;
}

export const CONFIG: RecordKind<RunConfig> = {
  file: 'config.json',
  schema: runConfigSchema,
  hasId: true,
  remedy: 'The `mixerzoo run` that made the run writes it again, and keeps result and checkpoint.',
};

export const ENVIRONMENT: RecordKind<RunEnvironment> = {
  file: 'environment.json',
  schema: environmentSchema,
  hasId: false,
  remedy: 'Delete it: of the run, only what is known of its machine is lost.',
};

/** One a line. */
export const METRICS: RecordKind<MetricRecord> = {
  file: 'metrics.jsonl',
  schema: metricSchema,
  hasId: false,
  remedy: 'Delete the line: curves then lack this point, and nothing else is lost.',
};

export const RESULT: RecordKind<RunResult> = {
  file: 'result.json',
  schema: resultSchema,
  hasId: true,
  remedy: 'The `mixerzoo run` that made the run writes it again, from the checkpoint where there is one.',
};

/** The names of all of them. */
export const RECORD_FILES: readonly string[] = [CONFIG, ENVIRONMENT, METRICS, RESULT].map(({ file }) => file);

/** Files open at a time, of the few hundred that a process may have. */
const reads = new PQueue({ concurrency: 16 });

/** Runs work that opens a file, or waits until few enough are open. */
export const withFile = <T>(work: () => Promise<T>): Promise<T> => reads.add(work);

/** The text of a file; undefined when there is none. @throws CheckpointError if it cannot be read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await withFile(() => readFile(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CheckpointError(`${path}: expected a file that can be read, got ${code}. Check what is there.`, {
      cause: error,
    });
  }
}

/** Reads a record of a run; undefined when there is none. @throws CheckpointError if it is damaged, or of another run. */
export async function readRecord<T>(kind: RecordKind<T>, directory: string, id?: string): Promise<T | undefined> {
  const path = join(directory, kind.file);
  const text = await readIfThere(path);
  return text === undefined ? undefined : decodeRecord(kind, text, path, id);
}

/**
 * Writes a record of a run.
 * @throws NumericalError for a number that is not finite where a reader expects one, and CheckpointError for whatever else it would
 *   not believe.
 */
export async function writeRecord<T>(kind: RecordKind<T>, directory: string, id: string, record: T): Promise<void> {
  await replaceJson(join(directory, kind.file), seal(kind, id, record));
}

/** The text of a record as {@link writeRecord} writes it. @throws as that. */
export function encodeRecord<T>(kind: RecordKind<T>, id: string, record: T): string {
  return jsonText(seal(kind, id, record));
}

/** A record as a line of its file. @throws as {@link writeRecord}. */
export function encodeLine<T>(kind: RecordKind<T>, id: string, record: T): string {
  return `${JSON.stringify(seal(kind, id, record))}\n`;
}

function seal<T>(kind: RecordKind<T>, id: string, record: T): object {
  const json = JSON.parse(JSON.stringify({ id, ...record })) as object; // as it will be read: NaN is null there
  const checked = kind.schema.safeParse(json);
  if (!checked.success) {
    const at = notFinite(record);
    if (at) throw new NumericalError(`${kind.file}: expected finite numbers, got ${at}. Lower the learning rate.`);
    throw new CheckpointError(`${kind.file}: ${describeIssue(checked.error)}. The fault is in mixerzoo: report it.`);
  }
  return { ...json, checksum: checksumOf(json) };
}

/** `NaN at test.0.loss`: the first number that JSON has no word for. */
function notFinite(node: unknown, path = ''): string | undefined {
  if (typeof node === 'number') return Number.isFinite(node) ? undefined : `${node} at ${path}`;
  if (typeof node !== 'object' || node === null) return undefined;
  for (const [name, below] of Object.entries(node)) {
    const found = notFinite(below, path === '' ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The record in a text.
 * @param where names it in errors. @param id of the run it should be of.
 * @throws CheckpointError as {@link readRecord}.
 */
export function decodeRecord<T>(kind: RecordKind<T>, text: string, where: string, id?: string): T {
  const fault = (what: string, cause?: unknown) => new CheckpointError(`${where}: ${what}. ${kind.remedy}`, { cause });
  let json: unknown;
  let sum: string;
  try {
    json = JSON.parse(text);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('not an object');
    const { checksum: _, ...rest } = json as { checksum?: unknown };
    sum = checksumOf(rest);
  } catch (cause) {
    throw fault(`expected a record of a run, got ${quote(text)}`, cause);
  }
  const { checksum, ...rest } = json as Record<string, unknown>;
  if ('format' in rest && rest['format'] !== RUN_FORMAT) {
    throw new CheckpointError(
      `${where}: expected a run of format ${RUN_FORMAT}, got ${quote(rest['format'])}. It was made by another version of mixerzoo: use that one, or move it elsewhere.`,
    );
  }
  if (checksum !== sum) throw fault(`expected the checksum ${sum} of what it says, got ${quote(checksum)}`);
  if (id !== undefined && rest['id'] !== id) {
    throw fault(`expected a record of the run ${id}, got one of ${quote(rest['id'])}`);
  }
  const checked = kind.schema.safeParse(rest);
  if (!checked.success) throw fault(describeIssue(checked.error));
  if (!kind.hasId) delete rest['id'];
  return rest as T;
}

/** Of the values and the order of keys, not of white space. */
function checksumOf(json: object): string {
  return hash('sha256', JSON.stringify(json)).slice(0, 16);
}

function describeIssue({ issues: [issue] }: z.ZodError): string {
  const path = issue!.path.join('.');
  return `expected a whole record, got one with ${path === '' ? '' : `${path}: `}${issue!.message}`;
}

/** As JSON, so that no control character of a damaged file gets to a terminal; its beginning. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'none';
  return text.length > 50 ? `${text.slice(0, 50)}…` : text;
}
