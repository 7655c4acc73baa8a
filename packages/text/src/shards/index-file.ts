/** `index.json` of prepared data: what the shards beside it hold, of which files and by which tokenizer. */
import { parseConfig } from '@mixerzoo/core/config';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import { nodeModules, sha256 } from '../node-modules.js';
import { damaged, REMEDY } from './format.js';

export const INDEX_FILE = 'index.json';
export const TOKENIZER_FILE = 'tokenizer.json';
/** What prepares data keeps while it does. */
export const STATE_FILE = 'prepare.json';

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');

const fileSchema = z.string().regex(/^[\w.-]+$/, 'expected the name of a file beside the index');

export const shardSchema = z.strictObject({
  file: fileSchema,
  tokens: count.describe('ids in the file, separators among them'),
  documents: count.describe('documents that begin in it'),
  textBytes: count.describe('bytes of text (UTF-8) that its ids stand for'),
  bytes: count.describe('size of the file'),
  sha256: hash,
});
export type Shard = z.output<typeof shardSchema>;

export const sourceSchema = z.strictObject({
  role: z
    .enum(['shared', 'validation', 'test'])
    .describe('`shared`: its last documents are for validation and test, unless files are given for these'),
  file: z.string(),
  bytes: count,
  sha256: hash,
  documents: count.describe('documents with text'),
  emptyDocuments: count.describe('documents without, which were left out'),
});
export type Source = z.output<typeof sourceSchema>;

const splitSchema = z.strictObject({
  tokens: count,
  documents: count,
  textBytes: count,
  shards: z.array(shardSchema),
});

const indexSchema = z.strictObject({
  format: z.literal('mixerzoo-text'),
  version: z.literal(1),
  tokenizer: z.strictObject({
    file: fileSchema,
    name: z.string(),
    hash: hash.describe('of the JSON'),
    vocabSize: z.int().min(1),
    endOfText: count,
    separator: count.describe('the id before each document'),
  }),
  splits: z.strictObject({ train: splitSchema, validation: splitSchema, test: splitSchema }),
  sources: z.array(sourceSchema),
  options: z.record(z.string(), z.unknown()).describe('how it was prepared'),
  hash: hash.describe('identifies tokens and tokenizer'),
});
export type DataIndex = z.output<typeof indexSchema>;

const COUNTS = ['tokens', 'documents', 'textBytes'] as const;

/** What shards hold together. */
export function sumsOf(shards: readonly Shard[]): Readonly<Record<(typeof COUNTS)[number], number>> {
  const sum = (key: (typeof COUNTS)[number]) => shards.reduce((all, shard) => all + shard[key], 0);
  return { tokens: sum('tokens'), documents: sum('documents'), textBytes: sum('textBytes') };
}

/** What identifies data: the tokenizer and the contents of the shards of each split, in order. */
export function hashOf({ tokenizer, splits }: Pick<DataIndex, 'tokenizer' | 'splits'>): string {
  const contents = Object.entries(splits).map(([name, { shards }]) => [name, ...shards.map((shard) => shard.sha256)]);
  return sha256(JSON.stringify([tokenizer.hash, tokenizer.separator, contents]));
}

/** The index of a directory. @throws InvalidConfigError where there is none, or it is damaged. */
export function readIndex(directory: string): DataIndex {
  const { fs, path } = nodeModules();
  const file = path.join(directory, INDEX_FILE);
  if (!fs.existsSync(file)) {
    const partial = fs.existsSync(path.join(`${directory}.partial`, STATE_FILE));
    throw new InvalidConfigError(
      partial
        ? `${directory}: expected prepared data, got some that are half made. Give the command that makes them again: it goes on.`
        : `${directory}: expected prepared data, got no ${INDEX_FILE} there. Make them: mixerzoo data prepare <files> --out ${directory}.`,
    );
  }
  const index = parseConfig(indexSchema, readJson(file), file);
  for (const [name, { shards, ...split }] of Object.entries(index.splits)) {
    const sums = sumsOf(shards);
    const odd = COUNTS.find((key) => split[key] !== sums[key]);
    if (odd) throw damaged(file, `${sums[odd]} ${odd} of ${name}, as in its shards`, `${split[odd]}`);
  }
  if (hashOf(index) !== index.hash) {
    throw damaged(file, 'the hash of its shards and tokenizer', 'another');
  }
  return index;
}

/** @throws InvalidConfigError that names the file, and says what to do. */
export function readJson(file: string, remedy = REMEDY): unknown {
  const { fs } = nodeModules();
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`${file}: expected JSON, got '${reason}'. ${remedy}`, { cause: error });
  }
}
