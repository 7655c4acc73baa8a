/**
 * What n-grams of the train split score on another: computed once, kept beside the data.
 *
 * They read the first 1e8 tokens of train, and of the other split the first 2^22. Where these have more than 2^23 different
 * n-grams (400 MB), shorter ones are all there is: of two tokens, else of one. They see the tokens before a window, which a
 * network does not: that is to their advantage.
 */
import type { Baseline, Split } from '@mixerzoo/core/task';
import * as z from 'zod';
import { nodeModules, sha256 } from '../node-modules.js';
import type { DataSet } from '../shards/data-set.js';
import { replaceFile } from '../shards/files.js';
import { createNGrams } from './n-grams.js';

const TRAIN_TOKENS = 1e8;
const SCORED_TOKENS = 2 ** 22;
const MAX_NODES = 2 ** 23;
const CHUNK = 2 ** 20;

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'unigram'],
  [2, 'bigram'],
  [5, 'Witten-Bell 5-gram'],
]);

/** Nats of each token of a split but the first, by model. */
type Scores = ReadonlyMap<string, Float32Array>;

/**
 * Mean nats per token of each model on the tokens 1 to `labels` of a split: those that its first windows are labelled with; no
 * models where there are none. Seconds for each million tokens of train the first time.
 */
export function splitBaselines(data: DataSet, split: Split, labels: number): Baseline[] {
  if (labels < 1 || data.tokens(split) < 2) return [];
  const scores = readScores(data, split) ?? keepScores(data, split, computeScores(data, split));
  return [...scores].map(([name, nats]) => {
    const scored = nats.subarray(0, Math.min(labels, nats.length));
    return { name, loss: scored.reduce((sum, one) => sum + one, 0) / scored.length };
  });
}

function computeScores(data: DataSet, split: Split): Scores {
  const tokens = data.read(split, 0, Math.min(data.tokens(split), SCORED_TOKENS + 1));
  for (const order of [5, 2, 1]) {
    const model = createNGrams(data.tokenizer.vocabSize, order, MAX_NODES);
    if (!countTrain(data, model.count)) continue;
    const rows = model.nats(tokens);
    return new Map([...NAMES].filter(([n]) => n <= order).map(([n, name]) => [name, rows[n - 1]!.slice(1)] as const));
  }
  return new Map();
}

function countTrain(data: DataSet, count: (tokens: Int32Array) => boolean): boolean {
  const total = Math.min(data.tokens('train'), TRAIN_TOKENS);
  for (let start = 0; start < total; start += CHUNK) {
    if (!count(data.read('train', start, Math.min(CHUNK, total - start)))) return false;
  }
  return true;
}

const keptSchema = z.strictObject({
  version: z.literal(1),
  data: z.string(),
  models: z.array(z.string()),
  tokens: z.int(),
  sha256: z.string(),
});

function filesOf(data: DataSet, split: Split): { about: string; scores: string } {
  const base = nodeModules().path.join(data.directory, `baselines-${split}`);
  return { about: `${base}.json`, scores: `${base}.f32` };
}

/** What was kept; undefined if nothing was, or for other data, or it is damaged. */
function readScores(data: DataSet, split: Split): Scores | undefined {
  const { fs } = nodeModules();
  const { about, scores } = filesOf(data, split);
  try {
    const kept = keptSchema.parse(JSON.parse(fs.readFileSync(about, 'utf8')));
    const bytes = fs.readFileSync(scores);
    if (kept.data !== data.hash || kept.sha256 !== sha256(bytes)) return undefined;
    const values = new Float32Array(Uint8Array.from(bytes).buffer);
    return new Map(kept.models.map((name, i) => [name, values.subarray(i * kept.tokens, (i + 1) * kept.tokens)]));
  } catch {
    return undefined;
  }
}

function keepScores(data: DataSet, split: Split, computed: Scores): Scores {
  const { about, scores } = filesOf(data, split);
  const rows = [...computed.values()];
  const tokens = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * tokens);
  for (const [i, row] of rows.entries()) values.set(row, i * tokens);
  const bytes = new Uint8Array(values.buffer);
  const kept = { version: 1, data: data.hash, models: [...computed.keys()], tokens, sha256: sha256(bytes) };
  try {
    replaceFile(scores, bytes);
    replaceFile(about, `${JSON.stringify(kept)}\n`);
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return computed;
}
