/** The files that data are prepared from: which split each is for, and what a first reading finds in it. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import { nodeModules } from '../node-modules.js';
import { type ReadOptions, readDocuments } from '../readers/documents.js';
import { hashFile } from '../shards/files.js';
import { sourceSchema } from '../shards/index-file.js';

export const sourceStateSchema = z.strictObject({
  path: z.string(),
  role: sourceSchema.shape.role,
  bytes: z.int().min(0),
  mtimeMs: z.number(),
  surveyed: sourceSchema
    .omit({ role: true })
    .extend({ textBytes: z.int().min(0) })
    .nullable(),
});
export type SourceState = z.output<typeof sourceStateSchema>;
export type Survey = NonNullable<SourceState['surveyed']>;

/**
 * The files as they are. The same one may be for validation and for test, but is not trained on then.
 * @throws InvalidConfigError for what is no file, and for a file that is given twice.
 */
export function listSources(files: Readonly<Record<SourceState['role'], readonly string[]>>): SourceState[] {
  const { path } = nodeModules();
  const roles = ['shared', 'validation', 'test'] as const;
  const sources = roles.flatMap((role) => files[role].map((file) => ({ role, path: path.resolve(file) })));
  const twice = sources.find(({ role, path }, index) =>
    sources.slice(0, index).some((other) => other.path === path && ['shared', role].includes(other.role)),
  );
  if (twice) {
    const what = twice.role === 'shared' ? 'it twice' : `it for ${twice.role} too`;
    throw new InvalidConfigError(`${twice.path}: expected each file once, got ${what}. Leave one out.`);
  }
  return sources.map((source) => ({ ...source, ...stateOfFile(source.path), surveyed: null }));
}

function stateOfFile(file: string): Pick<SourceState, 'bytes' | 'mtimeMs'> {
  const stat = nodeModules().fs.statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile()) return { bytes: stat.size, mtimeMs: stat.mtimeMs };
  const found = stat ? (stat.isDirectory() ? 'a directory' : 'something else') : 'none';
  throw new InvalidConfigError(`${file}: expected a file, got ${found}.`);
}

/** @throws InvalidConfigError if one of the files is not what preparing began with. */
export function assertUnchanged(sources: readonly SourceState[], work: string): void {
  for (const { path, bytes, mtimeMs } of sources) {
    const now = stateOfFile(path);
    if (now.bytes === bytes && now.mtimeMs === mtimeMs) continue;
    throw new InvalidConfigError(
      `${path}: expected the file that preparing began with, got one changed since. Delete ${work} to begin anew.`,
    );
  }
}

/** Reads a file through: its hash, its documents and the size of their text. @throws InvalidConfigError as the readers. */
export async function survey(
  source: SourceState,
  options: ReadOptions,
  onBytes: (textBytes: number) => void,
): Promise<Survey> {
  const { path } = nodeModules();
  let [begun, filled, textBytes, isEmpty] = [0, 0, 0, true];
  for await (const { text, begins } of readDocuments(source.path, options)) {
    if (begins) {
      begun++;
      isEmpty = true;
    }
    if (isEmpty && text !== '') {
      filled++;
      isEmpty = false;
    }
    textBytes += Buffer.byteLength(text);
    onBytes(textBytes);
  }
  return {
    file: path.basename(source.path),
    bytes: source.bytes,
    sha256: hashFile(source.path),
    documents: filled,
    emptyDocuments: begun - filled,
    textBytes,
  };
}
