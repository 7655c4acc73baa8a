/** Corpora that npm installs, prepared like files: on first use, in the user's cache, or wherever one asks. */
import { InvalidConfigError, isZooError } from '@mixerzoo/core/errors';
import { nodeModules, sha256 } from '../node-modules.js';
import { divideByDocuments, splitOfDocument } from '../prepare/divide.js';
import { publish, writeIndex, writeTokenizer } from '../prepare/publish.js';
import { type DataSet, openDataSet } from '../shards/data-set.js';
import { INDEX_FILE, readIndex } from '../shards/index-file.js';
import { createShardWriter } from '../shards/writer.js';
import { byteTokenizer } from '../tokenizers/bytes.js';
import { parseTokenizer } from '../tokenizers/hugging-face.js';
import { createTextPieces } from '../tokenizers/text-pieces.js';
import { separatorOf, type Tokenizer } from '../tokenizers/tokenizer.js';
import { trainBytePairTokenizer } from '../tokenizers/train-byte-pairs.js';
import { factbookVersion, readFactbook } from './factbook.js';

export const CORPORA = ['factbook'] as const;
const SOURCES = { factbook: { version: factbookVersion, read: readFactbook } } as const;
export type CorpusName = (typeof CORPORA)[number];

/** Goes up when the same package gives other text. */
const TEXT_VERSION = 1;
const SHARES = { validation: 0.05, test: 0.05 };

/**
 * Prepares a corpus: 90 % of its documents to train on, 5 % each for validation and test. What is there already is left as it is.
 *
 * @param tokenizer - `bytes`, `bpe:<vocabulary>` trained on the documents to train on, or one at hand.
 * @param out - the directory to make; it is there as a whole or not at all.
 * @throws InvalidConfigError if the package is not installed, and where `out` holds something else.
 */
export function prepareCorpus(name: CorpusName, tokenizer: string | Tokenizer, out: string): void {
  const { fs, path } = nodeModules();
  const options = {
    corpus: name,
    version: SOURCES[name].version(),
    text: TEXT_VERSION,
    ...(typeof tokenizer === 'string' ? { tokenizer } : { tokenizer: tokenizer.hash, endOfText: tokenizer.endOfText }),
  };
  if (fs.existsSync(out)) {
    const isThere = fs.existsSync(path.join(out, INDEX_FILE));
    if (isThere && JSON.stringify(readIndex(out).options) === JSON.stringify(options)) return;
    throw new InvalidConfigError(
      `${out}: expected a new directory, or data prepared from the same corpus and tokenizer, got others. Give another --out.`,
    );
  }
  const documents = SOURCES[name].read();
  const extent = { documents: documents.length, textBytes: 0 };
  if (!divideByDocuments(extent, SHARES)) throw new InvalidConfigError(`corpus '${name}': expected more documents.`);
  const splitOf = splitOfDocument(extent, SHARES);
  const training = documents.filter((_, index) => splitOf(index) === 'train');
  const encoder = typeof tokenizer === 'string' ? tokenizerOf(tokenizer, training) : tokenizer;
  fs.mkdirSync(path.dirname(path.resolve(out)), { recursive: true });
  const partial = fs.mkdtempSync(`${path.resolve(out)}.partial-`);
  try {
    writeTokenizer(partial, encoder);
    const writer = createShardWriter(partial, encoder, 1e8);
    for (const [index, text] of documents.entries()) {
      const pieces = createTextPieces(encoder.separable, name);
      writer.append(splitOf(index), [separatorOf(encoder)], true);
      for (const piece of [...pieces.push(text), ...pieces.end()]) {
        writer.append(splitOf(index), encoder.encode(piece), false);
      }
    }
    writeIndex(partial, encoder, { splits: writer.finish(), sources: [], options });
    publish(partial, out);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * A corpus out of the cache (`XDG_CACHE_HOME`, else `.cache` in the home directory), where it is prepared if it is not there, or
 * damaged, which is said on standard error; several processes may do so at once.
 * @throws InvalidConfigError as {@link prepareCorpus}
 */
export function openCorpus(name: CorpusName, tokenizer: string): DataSet {
  const { fs, os, path } = nodeModules();
  const cache = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache');
  const key = sha256(JSON.stringify([name, SOURCES[name].version(), TEXT_VERSION, tokenizer])).slice(0, 16);
  const directory = path.join(cache, 'mixerzoo', `${name}-${tokenizer.replace(':', '-')}-${key}`);
  if (fs.existsSync(directory)) {
    try {
      return openDataSet(directory);
    } catch (error) {
      if (!isZooError(error, 'invalid-config')) throw error;
      console.warn(`mixerzoo: the corpus '${name}' is prepared anew: ${error.message}`);
      fs.rmSync(directory, { recursive: true, force: true });
    }
  }
  try {
    prepareCorpus(name, tokenizer, directory);
  } catch (error) {
    if (!fs.existsSync(directory)) throw error; // else another process was faster
  }
  return openDataSet(directory);
}

function tokenizerOf(choice: string, training: readonly string[]): Tokenizer {
  if (choice === 'bytes') return byteTokenizer();
  return parseTokenizer(trainBytePairTokenizer(training, { vocabSize: Number(choice.slice('bpe:'.length)) }));
}
