/** The files that data are prepared from: which split each is for, and what a first reading finds in it. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { z } from 'zod';
import { nodeModules } from '../node-modules.js';
import { type ReadOptions, readDocuments } from '../readers/documents.js';
import { hashFile } from '../shards/files.js';
import { sourceSchema } from '../shards/index-file.js';

export const sourceStateSchema = z.strictObject({
  path: z.string(),
  /** `shared`: its last documents are for validation and test, unless files are given for these. */
  role: z.enum(['shared', 'validation', 'test']),
  bytes: z.int().min(0),
  mtimeMs: z.number(),
  surveyed: sourceSchema.extend({ textBytes: z.int().min(0) }).nullable(),
});
export type SourceState = z.output<typeof sourceStateSchema>;
export type Survey = NonNullable<SourceState['surveyed']>;

/** @throws InvalidConfigError for what is no file, and for a file that is given twice. */
export function listSources(files: Readonly<Record<SourceState['role'], readonly string[]>>): SourceState[] {
  const { fs, path } = nodeModules();
  const roles = ['shared', 'validation', 'test'] as const;
  const sources = roles.flatMap((role) => files[role].map((file) => ({ role, path: path.resolve(file) })));
  const twice = sources.find((one, index) => sources.findIndex((other) => other.path === one.path) < index);
  if (twice && twice.role === 'shared') {
    throw new InvalidConfigError(`${twice.path}: expected each file once, got it twice. Leave one out.`);
  }
  return sources.map((source) => {
    const stat = fs.statSync(source.path, { throwIfNoEntry: false });
    if (!stat?.isFile()) {
      throw new InvalidConfigError(`${source.path}: expected a file, got ${stat ? 'a directory' : 'none'}.`);
    }
    return { ...source, bytes: stat.size, mtimeMs: stat.mtimeMs, surveyed: null };
  });
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
