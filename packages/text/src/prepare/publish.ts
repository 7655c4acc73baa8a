/** The last step of preparing: the index, and a directory that is there as a whole or not at all. */

import { InvalidConfigError } from '@mixerzoo/core/errors';
import { nodeModules } from '../node-modules.js';
import { replaceFile, syncDirectory } from '../shards/files.js';
import { type DataIndex, hashOf, INDEX_FILE, TOKENIZER_FILE } from '../shards/index-file.js';
import { separatorOf, type Tokenizer } from '../tokenizers/tokenizer.js';

/** Writes `tokenizer.json`. */
export function writeTokenizer(directory: string, tokenizer: Tokenizer): void {
  replaceFile(nodeModules().path.join(directory, TOKENIZER_FILE), JSON.stringify(tokenizer.json));
}

/** Writes `index.json`. @throws InvalidConfigError where nothing is left to train on. */
export function writeIndex(
  directory: string,
  tokenizer: Tokenizer,
  parts: Pick<DataIndex, 'splits' | 'sources' | 'options'>,
): DataIndex {
  if (parts.splits.train.tokens === 0) {
    throw new InvalidConfigError('data: expected text to train on, got none. Give files with text.');
  }
  const { name, hash, vocabSize, endOfText } = tokenizer;
  const index = {
    format: 'mixerzoo-text' as const,
    version: 1 as const,
    tokenizer: { file: TOKENIZER_FILE, name, hash, vocabSize, endOfText, separator: separatorOf(tokenizer) },
    ...parts,
  };
  const whole: DataIndex = { ...index, hash: hashOf(index) };
  replaceFile(nodeModules().path.join(directory, INDEX_FILE), `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
}

/** Gives a finished directory its name. */
export function publish(made: string, directory: string): void {
  const { fs, path } = nodeModules();
  for (const name of fs.readdirSync(made)) if (name.endsWith('.tmp')) fs.rmSync(path.join(made, name)); // of killed writers
  fs.renameSync(made, directory);
  syncDirectory(path.dirname(path.resolve(directory)));
}
