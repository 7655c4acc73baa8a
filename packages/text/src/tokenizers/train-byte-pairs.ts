/**
 * Training of byte-level BPE: the pair of tokens that is most frequent within words becomes a token, again and again.
 *
 * Sennrich et al. 2016, arXiv 1508.07909; bytes and words as in GPT-2. Counts of pairs are updated where a merge changes
 * them, not taken anew. Of pairs that are as frequent, the one of the smaller ids goes first: the same text gives the same
 * tokenizer, in whatever order it comes.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import TinyQueue from 'tinyqueue';
import { BYTE_CHARACTERS, byteLevelJson, GPT2_WORDS } from './byte-level.js';

/** Ids before the first merge: bytes and the end of text. */
const FIRST_MERGE = 257;

/** Counts the words of texts; memory grows with their number of different words. */
export function createWordCounts() {
  const counts = new Map<string, number>();
  return {
    add(text: string): void {
      for (const [word] of text.matchAll(GPT2_WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
    },
    counts: counts as ReadonlyMap<string, number>,
  };
}

/**
 * Trains byte-level BPE and gives its `tokenizer.json`: ids 0 to 255 are the bytes, 256 is `<|endoftext|>`, merges follow.
 * @throws InvalidConfigError where the texts have too few pairs that occur twice.
 */
export function trainBytePairTokenizer(texts: Iterable<string>, { vocabSize }: { readonly vocabSize: number }) {
  const words = createWordCounts();
  for (const text of texts) words.add(text);
  return trainBytePairs(words.counts, vocabSize);
}

interface Word {
  tokens: number[];
  readonly count: number;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  /** Occurrences when it was queued; what has changed since is stale. */
  readonly count: number;
}

/** @throws InvalidConfigError for a size that no vocabulary of byte pairs has. */
export function assertVocabSize(vocabSize: number): void {
  if (Number.isSafeInteger(vocabSize) && vocabSize >= FIRST_MERGE) return;
  throw new InvalidConfigError(
    `bpe: expected a vocabulary of ${FIRST_MERGE} or more, the bytes and the end of text, got ${vocabSize}.`,
  );
}

/** {@link trainBytePairTokenizer} from counted words. */
export function trainBytePairs(counts: ReadonlyMap<string, number>, vocabSize: number) {
  assertVocabSize(vocabSize);
  const encoder = new TextEncoder();
  const words: Word[] = [...counts].map(([word, count]) => ({ tokens: [...encoder.encode(word)], count }));
  const pairs = createPairs(words, vocabSize);
  const texts: string[] = [...BYTE_CHARACTERS, ''];
  const ids = new Map(texts.map((text, id) => [text, id]));
  const merges: [string, string][] = [];
  while (texts.length < vocabSize) {
    const pair = pairs.next();
    if (!pair || pair.count < 2) {
      throw new InvalidConfigError(
        `bpe: expected text for a vocabulary of ${vocabSize}, got enough for ${texts.length}. Ask for fewer, or give more text.`,
      );
    }
    const [left, right] = [texts[pair.left]!, texts[pair.right]!];
    const text = left + right;
    merges.push([left, right]);
    pairs.merge(pair, ids.get(text) ?? texts.length);
    if (ids.has(text)) continue; // the same text by another way: `ab` + `c` and `a` + `bc`
    ids.set(text, texts.length);
    texts.push(text);
  }
  return byteLevelJson(texts.slice(FIRST_MERGE), merges, true);
}

/** Pairs of neighbouring tokens: how often each occurs, in which words, and the most frequent. */
function createPairs(words: readonly Word[], vocabSize: number) {
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const keyOf = (left: number, right: number) => left * vocabSize + right;
  const queue = new TinyQueue<Pair>([], (a, b) => b.count - a.count || a.left - b.left || a.right - b.right);

  function change(left: number, right: number, by: number, word: number, touched: Set<number>): void {
    const key = keyOf(left, right);
    counts.set(key, (counts.get(key) ?? 0) + by);
    touched.add(key);
    if (by < 0) return; // words that a pair has left are found out when it is merged
    const known = places.get(key);
    if (known) known.add(word);
    else places.set(key, new Set([word]));
  }

  function enqueue(touched: ReadonlySet<number>): void {
    for (const key of touched) {
      const count = counts.get(key)!;
      if (count > 0) queue.push({ left: Math.floor(key / vocabSize), right: key % vocabSize, count });
    }
  }

  const touched = new Set<number>();
  for (const [index, { tokens, count }] of words.entries()) {
    for (let i = 1; i < tokens.length; i++) change(tokens[i - 1]!, tokens[i]!, count, index, touched);
  }
  enqueue(touched);

  return {
    /** The most frequent pair. */
    next(): Pair | undefined {
      for (let pair = queue.pop(); pair; pair = queue.pop()) {
        if (counts.get(keyOf(pair.left, pair.right)) === pair.count) return pair;
      }
      return undefined;
    },
    /** Puts a token in place of a pair, in every word. */
    merge({ left, right }: Pair, id: number): void {
      const key = keyOf(left, right);
      const changed = new Set<number>();
      for (const index of places.get(key) ?? []) {
        const word = words[index]!;
        const merged = mergeWord(word.tokens, left, right, id);
        if (merged.length === word.tokens.length) continue;
        for (let i = 1; i < word.tokens.length; i++) {
          change(word.tokens[i - 1]!, word.tokens[i]!, -word.count, index, changed);
        }
        for (let i = 1; i < merged.length; i++) change(merged[i - 1]!, merged[i]!, word.count, index, changed);
        word.tokens = merged;
      }
      counts.delete(key);
      places.delete(key);
      changed.delete(key);
      enqueue(changed);
    },
  };
}

function mergeWord(tokens: readonly number[], left: number, right: number, id: number): number[] {
  const merged: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const pair = tokens[i] === left && tokens[i + 1] === right;
    merged.push(pair ? id : tokens[i]!);
    if (pair) i++;
  }
  return merged;
}
