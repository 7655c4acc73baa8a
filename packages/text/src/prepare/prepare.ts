/**
 * Documents to token shards: read once to count and check them, once to encode. The directory is made beside its place and
 * gets its name when it is whole. A process that is killed loses seconds: the same call goes on, and what comes out is the
 * same to the bit.
 *
 * Memory: a part of a document or a row of a file, a million tokens, and the tokenizer, however large the files are.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { nodeModules, sha256 } from '../node-modules.js';
import { formatOf, type ReadOptions, readDocuments } from '../readers/documents.js';
import { hashFile } from '../shards/files.js';
import { type DataIndex, INDEX_FILE, readIndex, readJson, STATE_FILE, TOKENIZER_FILE } from '../shards/index-file.js';
import { createShardWriter } from '../shards/writer.js';
import { parseTokenizer } from '../tokenizers/hugging-face.js';
import { createTextPieces } from '../tokenizers/text-pieces.js';
import { separatorOf, type Tokenizer } from '../tokenizers/tokenizer.js';
import { assertVocabSize, createWordCounts, trainBytePairs } from '../tokenizers/train-byte-pairs.js';
import { assertShares, createDivider, type DividedPart, type Shares } from './divide.js';
import { publish, writeIndex, writeTokenizer } from './publish.js';
import { assertUnchanged, listSources, type SourceState, survey } from './sources.js';
import { type PrepareState, takeUp, writeState } from './state.js';

export interface PrepareProgress {
  readonly phase: 'read' | 'train tokenizer' | 'encode';
  /** Bytes of text that are done, and of all; 0 while that is not known. */
  readonly textBytes: number;
  readonly totalBytes: number;
  readonly documents: number;
  readonly tokens: number;
}

export interface PrepareOptions extends ReadOptions {
  readonly files: readonly string[];
  /** A tokenizer, or the size of the vocabulary of one to train. */
  readonly tokenizer: Tokenizer | { readonly trainVocabSize: number };
  /** The directory to make. */
  readonly out: string;
  /** Files for validation, or the share of the documents that is. Default 0.05. */
  readonly validation?: number | readonly string[] | undefined;
  /** Files for test, or the share of the documents that is. Default 0.05. */
  readonly test?: number | readonly string[] | undefined;
  /** Tokens of a file. Default 1e8. */
  readonly shardTokens?: number | undefined;
  /** Between two records of how far it is. Default 5; 0 records after every piece. */
  readonly recordSeconds?: number | undefined;
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined;
}

/** Text that a tokenizer is trained on at most, UTF-16 units. */
const TRAINED_ON = 2 ** 26;

/**
 * Prepares data, or goes on with what was begun; what is there already is left as it is.
 * @throws InvalidConfigError for files that cannot be read, and where `out` holds something else.
 */
export async function prepareData(options: PrepareOptions): Promise<DataIndex> {
  const { fs, path } = nodeModules();
  const { tokenizer, validation = 0.05, test = 0.05, shardTokens = 1e8, onProgress = () => {} } = options;
  const out = path.resolve(options.out);
  const shares = { validation: shareOf(validation), test: shareOf(test) };
  assertShares(shares);
  if (!Number.isInteger(shardTokens) || shardTokens < 1 || shardTokens >= 2 ** 31) {
    throw new InvalidConfigError(`data: expected files of 1 to 2^31 - 1 tokens, got ${shardTokens}.`);
  }
  const listed = listSources({ shared: options.files, validation: filesOf(validation), test: filesOf(test) });
  assertOptionsUsed(listed, options);
  if ('trainVocabSize' in tokenizer) assertVocabSize(tokenizer.trainVocabSize);
  else tokenizer.encode('one that does not load says so now');
  const asked = {
    ...('trainVocabSize' in tokenizer
      ? { tokenizer: `bpe:${tokenizer.trainVocabSize}` }
      : { tokenizer: tokenizer.hash, endOfText: tokenizer.endOfText }),
    format: options.format ?? null,
    field: options.field ?? null,
    separator: options.separator ?? null,
    validation: typeof validation === 'number' ? validation : 'files',
    test: typeof test === 'number' ? test : 'files',
    shardTokens,
  };
  const places = listed.map(({ role, path: file }) => [role, file]);
  const command = sha256(JSON.stringify([asked, places]));
  if (fs.existsSync(path.join(out, INDEX_FILE))) return readPrepared(out, asked, listed);
  if (fs.existsSync(out)) {
    throw new InvalidConfigError(`${out}: expected a new directory, got one with other files. Give another --out.`);
  }
  const work = workOf(out);
  const made = path.join(work, 'data');
  fs.mkdirSync(made, { recursive: true });
  const state = takeUp(work, command, listed);
  if (!fs.existsSync(path.join(made, INDEX_FILE))) {
    const job = createJob({ work, made }, state, options, shares, onProgress);
    await job.survey();
    const encoder = await job.tokenizer();
    const splits = await job.encode(encoder, shardTokens, options.recordSeconds ?? 5);
    assertUnchanged(state.sources, work);
    const sources = state.sources.map(({ role, surveyed }) => {
      const { textBytes: _, ...source } = surveyed!;
      return { role, ...source };
    });
    writeIndex(made, encoder, { splits, sources, options: asked });
  }
  publish(made, out);
  clearWork(out);
  return readIndex(out);
}

/** @throws InvalidConfigError for an option that none of the files has a use for. */
function assertOptionsUsed(sources: readonly SourceState[], { format, field, separator }: ReadOptions): void {
  const formats = new Set(sources.map(({ path }) => format ?? formatOf(path)));
  if (field !== undefined && !formats.has('jsonl') && !formats.has('parquet')) {
    throw new InvalidConfigError(
      `data: expected JSON Lines or Parquet beside the field '${field}', got text alone. Leave --field out.`,
    );
  }
  if (separator !== undefined && !formats.has('text')) {
    throw new InvalidConfigError(
      `data: expected files of text beside the separator '${separator}', got ${[...formats].join(' and ')}. Leave --separator out.`,
    );
  }
}

/** Where data are made: what is recorded to go on, and `data`, which becomes the directory that is asked for. */
export const workOf = (out: string): string => `${out}.partial`;

/** Takes away what was recorded to go on, when the data are made. */
function clearWork(out: string): void {
  const { fs, path } = nodeModules();
  const work = workOf(out);
  const names = fs.existsSync(work) ? fs.readdirSync(work) : [];
  for (const name of names) if (name === STATE_FILE || name.endsWith('.tmp')) fs.rmSync(path.join(work, name));
  removeWork(out);
}

/** Takes the place away where data were made, unless something else is in it. */
export function removeWork(out: string): void {
  const { fs } = nodeModules();
  try {
    fs.rmdirSync(workOf(out));
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

const shareOf = (held: number | readonly string[]): number => (typeof held === 'number' ? held : 0);
const filesOf = (held: number | readonly string[]): readonly string[] => (typeof held === 'number' ? [] : held);

function createJob(
  { work, made }: { readonly work: string; readonly made: string },
  state: PrepareState,
  options: PrepareOptions,
  shares: Shares,
  onProgress: (progress: PrepareProgress) => void,
) {
  const { fs, path } = nodeModules();
  const total = (key: 'documents' | 'textBytes', upTo = state.sources.length, role?: SourceState['role']) =>
    state.sources
      .slice(0, upTo)
      .filter((source) => role === undefined || source.role === role)
      .reduce((sum, { surveyed }) => sum + (surveyed?.[key] ?? 0), 0);
  const report = (phase: PrepareProgress['phase'], textBytes: number, documents: number, tokens: number) =>
    onProgress({ phase, textBytes, totalBytes: phase === 'read' ? 0 : total('textBytes'), documents, tokens });

  /** The parts of a source, each for a split. */
  async function* dividedParts(index: number): AsyncGenerator<DividedPart> {
    const { path: file, role } = state.sources[index]!;
    const extent = (upTo?: number) => ({
      documents: total('documents', upTo, 'shared'),
      textBytes: total('textBytes', upTo, 'shared'),
    });
    const divide = createDivider(extent(), role === 'shared' ? shares : { validation: 0, test: 0 }, extent(index));
    for await (const part of readDocuments(file, options)) {
      for (const divided of divide(part)) yield role === 'shared' ? divided : { ...divided, split: role };
    }
  }

  async function trainTokenizer(vocabSize: number): Promise<Tokenizer> {
    const words = createWordCounts();
    let chars = 0;
    for (const [index, { path: file, role }] of state.sources.entries()) {
      if (role !== 'shared') continue;
      let pieces = createTextPieces(true, file);
      const count = (texts: Iterable<string>) => {
        for (const text of texts) words.add(text);
      };
      for await (const { split, text, begins } of dividedParts(index)) {
        if (split !== 'train' || chars > TRAINED_ON) break;
        if (begins) {
          count(pieces.end());
          pieces = createTextPieces(true, file);
        }
        count(pieces.push(text));
        chars += text.length;
        report('train tokenizer', chars, 0, 0);
      }
      count(pieces.end());
    }
    return parseTokenizer(trainBytePairs(words.counts, vocabSize));
  }

  return {
    async survey(): Promise<void> {
      for (const source of state.sources) {
        if (source.surveyed) continue;
        const before = total('textBytes');
        source.surveyed = await survey(source, options, (bytes) =>
          report('read', before + bytes, total('documents'), 0),
        );
        writeState(work, state);
      }
    },

    /** The tokenizer, which is trained once. */
    async tokenizer(): Promise<Tokenizer> {
      const file = path.join(made, TOKENIZER_FILE);
      const { tokenizer } = options;
      if (!('trainVocabSize' in tokenizer)) {
        writeTokenizer(made, tokenizer);
        return tokenizer;
      }
      if (fs.existsSync(file)) return parseTokenizer(readJson(file));
      const trained = await trainTokenizer(tokenizer.trainVocabSize);
      writeTokenizer(made, trained);
      return trained;
    },

    async encode(tokenizer: Tokenizer, shardTokens: number, recordSeconds: number): Promise<DataIndex['splits']> {
      const writer = createShardWriter(made, tokenizer, shardTokens, state.writer);
      const separator = [separatorOf(tokenizer)];
      let recorded = performance.now();
      let [documents, tokens, textBytes] = [0, 0, total('textBytes', state.position.source)];
      const record = () => {
        if (performance.now() - recorded < 1_000 * recordSeconds) return;
        state.writer = writer.record();
        writeState(work, state);
        recorded = performance.now();
      };

      async function encodeSource(source: number): Promise<void> {
        const { path: file } = state.sources[source]!;
        const resumed = state.position.source === source ? state.position : { document: 0, chars: 0 };
        let document = -1;
        let skip = 0;
        let pieces = createTextPieces(tokenizer.separable, file);
        let split: DividedPart['split'] = 'train';
        const write = (texts: Iterable<string>) => {
          for (const text of texts) {
            if (state.position.chars === 0) writer.append(split, separator, true);
            const ids = tokenizer.encode(text);
            writer.append(split, ids, false);
            tokens += ids.length;
            state.position.chars += text.length;
            record();
          }
        };
        const endDocument = () => {
          if (document < resumed.document) return;
          write(pieces.end());
          state.position = { source, document: document + 1, chars: 0 };
        };
        state.position = { source, document: resumed.document, chars: resumed.chars };
        for await (const part of dividedParts(source)) {
          if (part.begins) {
            endDocument();
            document++;
            documents++;
            split = part.split;
            skip = document === resumed.document ? resumed.chars : 0;
            pieces = createTextPieces(tokenizer.separable, file);
          }
          textBytes += Buffer.byteLength(part.text);
          report('encode', textBytes, documents, tokens);
          if (document < resumed.document) continue;
          const text = part.text.slice(skip);
          skip -= part.text.length - text.length;
          write(pieces.push(text));
        }
        if (document >= 0) endDocument();
      }

      try {
        for (let source = state.position.source; source < state.sources.length; source++) await encodeSource(source);
        return writer.finish();
      } finally {
        writer.abandon();
      }
    },
  };
}

/** Data that are there: those that were asked for. @throws InvalidConfigError if they are others. */
function readPrepared(out: string, asked: DataIndex['options'], listed: readonly SourceState[]): DataIndex {
  const index = readIndex(out);
  const same =
    JSON.stringify(index.options) === JSON.stringify(asked) &&
    index.sources.length === listed.length &&
    index.sources.every(
      ({ role, bytes, sha256 }, i) =>
        role === listed[i]!.role && bytes === listed[i]!.bytes && sha256 === hashFile(listed[i]!.path),
    );
  if (same) {
    clearWork(out); // of a process that was killed at the very end
    return index;
  }
  throw new InvalidConfigError(
    `${out}: expected a new directory, or data prepared from the same files and options, got others. Give another --out.`,
  );
}
