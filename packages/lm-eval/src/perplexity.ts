/**
 * Perplexity of running text by length: disjoint windows of T tokens of a split's documents one after another, and the loss at each
 * part of a window, which shows where a rise begins. (The harness's `wikitext` scores pages apart, per word: numbers of the two are
 * not to be mixed.)
 */
import {
  type Examples,
  IGNORED_LABEL,
  type LanguageModel,
  type LanguageModelParams,
  scoreTokens,
} from '@mixerzoo/core';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { sliceExamples, yieldToEventLoop } from '@mixerzoo/core/harness';

/** The loss at positions `from` to `to` of the windows. */
export interface PositionLoss {
  readonly from: number;
  readonly to: number;
  /** Nats per token. */
  readonly loss: number;
  readonly perplexity: number;
}

export interface Perplexity {
  /** T, tokens of a window. */
  readonly length: number;
  readonly windows: number;
  readonly tokens: number;
  /** Nats per token. */
  readonly loss: number;
  /** Of the loss, over windows; null of one window. */
  readonly stderr: number | null;
  /** exp(loss) */
  readonly perplexity: number;
  /** Null where the tokens' bytes are not known. */
  readonly bitsPerByte: number | null;
  readonly positions: readonly PositionLoss[];
}

/**
 * Scores windows that a task of text generates: all positions are labelled with the next token.
 *
 * @param options.bucket - positions that are summed together. @param options.tokenBytes - [V], bytes of each token.
 * @param options.batchSize - windows at a time; it moves no result but rounding. @param options.onBatch - called with windows done.
 * @throws InvalidConfigError for a bucket or batch size that is none, and as `scoreTokens`.
 */
export async function measurePerplexity(
  model: LanguageModel,
  params: LanguageModelParams,
  examples: Examples,
  options: {
    readonly bucket: number;
    readonly batchSize: number;
    readonly tokenBytes?: ArrayLike<number> | undefined;
    readonly onBatch?: (done: number) => void;
  },
): Promise<Perplexity> {
  const { bucket, batchSize, tokenBytes, onBatch } = options;
  for (const [name, value] of Object.entries({ bucket, batchSize })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new InvalidConfigError(`measurePerplexity: expected ${name} to be a whole number from 1, got ${value}.`);
  }
  const { count, seqLen } = examples;
  const sums = new Float64Array(Math.ceil(seqLen / bucket));
  const counts = new Float64Array(sums.length);
  const windowLoss = new Float64Array(count);
  let bytes = 0;
  for (let start = 0; start < count; start += batchSize) {
    const batch = sliceExamples(examples, start, Math.min(batchSize, count - start));
    const { logProb } = await scoreTokens(model, params, batch);
    let next = 0;
    const perWindow = new Float64Array(batch.count);
    for (const [index, label] of batch.labels.entries()) {
      if (label === IGNORED_LABEL) continue;
      const [window, place] = [Math.floor(index / seqLen), Math.floor((index % seqLen) / bucket)];
      const nats = -(logProb[next] as number);
      next += 1;
      sums[place] = (sums[place] as number) + nats;
      counts[place] = (counts[place] as number) + 1;
      perWindow[window] = (perWindow[window] as number) + nats;
      bytes += tokenBytes?.[label] ?? 0;
    }
    windowLoss.set(
      perWindow.map((nats) => nats / seqLen),
      start,
    );
    onBatch?.(start + batch.count);
    await yieldToEventLoop();
  }
  const tokens = counts.reduce((sum, value) => sum + value, 0);
  const nats = sums.reduce((sum, value) => sum + value, 0);
  const loss = nats / tokens;
  return {
    length: seqLen,
    windows: count,
    tokens,
    loss,
    stderr: count < 2 ? null : deviation(windowLoss) / Math.sqrt(count),
    perplexity: Math.exp(loss),
    bitsPerByte: tokenBytes && bytes > 0 ? nats / bytes / Math.LN2 : null,
    positions: Array.from(sums, (sum, place) => {
      const at = sum / (counts[place] as number);
      return { from: place * bucket, to: Math.min(seqLen, (place + 1) * bucket), loss: at, perplexity: Math.exp(at) };
    }).filter(({ loss: at }) => Number.isFinite(at)),
  };
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
