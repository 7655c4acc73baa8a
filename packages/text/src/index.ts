import { definePlugin } from '@mixerzoo/core/plugin';
import { openTextData, text } from './text-task.js';

export { createNGrams, type NGrams } from './baselines/n-grams.js';
export { CORPORA, type CorpusName, prepareCorpus } from './corpora/open-corpus.js';
export { type PrepareOptions, type PrepareProgress, prepareData, removeWork, workOf } from './prepare/prepare.js';
export { type DocumentPart, FORMATS, type Format, type ReadOptions, readDocuments } from './readers/documents.js';
export { type DataSet, openDataSet } from './shards/data-set.js';
export type { DataIndex, Shard, Source } from './shards/index-file.js';
export type { TextTask } from './text-task.js';
export { byteTokenizer } from './tokenizers/bytes.js';
export { type HuggingFaceOptions, huggingFaceTokenizer, parseTokenizer } from './tokenizers/hugging-face.js';
export { separatorOf, type Tokenizer } from './tokenizers/tokenizer.js';
export { trainBytePairTokenizer } from './tokenizers/train-byte-pairs.js';
export { openTextData, text };

export const plugin = /* @__PURE__ */ definePlugin({ tasks: [text] });
