/** One task from its documents to its metrics. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { yieldToEventLoop } from '@mixerzoo/core/harness';
import type { BatchLog } from './batch-log.js';
import { type EvalTokenizer, encodeRequest, inputOf, type TokenPair } from './encode.js';
import { BOOTSTRAP_ITERATIONS, METRICS, type MetricResult } from './metrics.js';
import type { ScorePieces } from './model-scorer.js';
import type { EvalTask, Item, Likelihood, MetricName, TextRequest } from './task.js';

/** A document as it was scored. */
export interface Sample {
  /** Its place in the data. */
  readonly index: number;
  readonly document: unknown;
  readonly requests: readonly TextRequest[];
  readonly answers: readonly Likelihood[];
  readonly items: Readonly<Partial<Record<MetricName, Item>>>;
}

export interface TaskResult {
  readonly task: string;
  readonly version: number;
  readonly metrics: Readonly<Partial<Record<MetricName, MetricResult>>>;
  /** In the order of the documents. */
  readonly samples: readonly Sample[];
}

/** How far an evaluation is. */
export interface EvalProgress {
  readonly task: string;
  /** Requests are scored, also by windows; then resamplings are made, of metrics whose standard error takes them. */
  readonly what: 'requests' | 'resamplings';
  readonly done: number;
  readonly total: number;
  /** Tokens given to the model by this process. */
  readonly tokens: number;
}

export interface EvaluateTaskOptions {
  readonly tokenizer: EvalTokenizer;
  readonly score: ScorePieces;
  /** Tokens the model is given at a time at most. */
  readonly maxLength: number;
  /** Whether every context begins with the token that an empty one has: the harness's `add_bos_token`. Default: no. */
  readonly addBos?: boolean | undefined;
  /** Pieces at a time; default: as many as 8,192 tokens hold. It moves no result but rounding. */
  readonly batchSize?: number | undefined;
  /** Of the bootstrap; default: the harness's 100,000. */
  readonly bootstrapIterations?: number | undefined;
  /** Keeps answers as they come, and has those of a process that ended. */
  readonly log?: BatchLog | undefined;
  readonly onProgress?: ((progress: EvalProgress) => void) | undefined;
}

interface Piece {
  /** Of all requests, of which it is a part. */
  readonly request: number;
  readonly pair: TokenPair;
}

const TOKENS_AT_A_TIME = 8192;

/**
 * Asks a model what a task asks of each document. Pieces go by length, the longest first, and are answered a batch at a time.
 * @throws InvalidConfigError for no documents, options that cannot be, or a request that the tokenizer leaves empty.
 */
export async function evaluateTask(
  task: EvalTask,
  documents: readonly unknown[],
  options: EvaluateTaskOptions,
): Promise<TaskResult> {
  const {
    tokenizer,
    score,
    maxLength,
    addBos = false,
    batchSize,
    bootstrapIterations = BOOTSTRAP_ITERATIONS,
    log,
    onProgress,
  } = options;
  assertWhole('maxLength', maxLength);
  if (batchSize !== undefined) assertWhole('batchSize', batchSize);
  if (documents.length === 0) throw new InvalidConfigError(`${task.name}: expected documents, got none.`);
  const requests = documents.map((document) => task.requests(document));
  const flat = requests.flatMap((of, index) => of.map((request) => ({ request, index })));
  const pieces: Piece[] = [];
  for (const [number, { request, index }] of flat.entries()) {
    const where = `${task.name}, document ${index}`;
    for (const pair of encodeRequest(request, tokenizer, { maxLength, addBos, where }))
      pieces.push({ request: number, pair });
    if (number % 256 === 0) await yieldToEventLoop();
  }
  const batches = batched(pieces, maxLength, batchSize);
  const sums = flat.map(() => ({ logLikelihood: 0, greedy: true }));
  let [done, tokens] = [0, 0];
  for (const [number, batch] of batches.entries()) {
    const before = log?.done[number];
    const pairs = batch.map(({ pair }) => pair);
    const answers = before ?? (await score(pairs, maxLength));
    if (!before) {
      await log?.add(answers);
      tokens += pairs.reduce((sum, pair) => sum + inputOf(pair, maxLength).length, 0);
    }
    for (const [index, { request }] of batch.entries()) {
      const sum = sums[request] as { logLikelihood: number; greedy: boolean };
      const answer = answers[index] as Likelihood;
      sum.logLikelihood += answer.logLikelihood;
      sum.greedy &&= answer.greedy;
    }
    done += batch.length;
    onProgress?.({ task: task.name, what: 'requests', done, total: pieces.length, tokens });
    await yieldToEventLoop();
  }
  let next = 0;
  const samples = documents.map((document, index): Sample => {
    const of = requests[index] as readonly TextRequest[];
    const answers = sums.slice(next, next + of.length);
    next += of.length;
    return { index, document, requests: of, answers, items: task.items(document, answers) };
  });
  return {
    task: task.name,
    version: task.version,
    metrics: await summarize(task, samples, bootstrapIterations, (made, total) =>
      onProgress?.({ task: task.name, what: 'resamplings', done: made, total, tokens }),
    ),
    samples,
  };
}

async function summarize(
  task: EvalTask,
  samples: readonly Sample[],
  iterations: number,
  onResampled: (done: number, total: number) => void,
): Promise<TaskResult['metrics']> {
  const metrics: Partial<Record<MetricName, MetricResult>> = {};
  for (const name of task.metrics) {
    const items = samples.map((sample) => sample.items[name] as Item);
    const { aggregate, stderr } = METRICS[name];
    metrics[name] = { value: aggregate(items), stderr: await stderr(items, iterations, onResampled) };
  }
  return metrics;
}

/** The longest first; those of equal length in their order. */
function batched(pieces: readonly Piece[], maxLength: number, batchSize?: number): Piece[][] {
  const length = ({ pair }: Piece) => inputOf(pair, maxLength).length;
  const sorted = pieces.map((piece) => ({ piece, size: length(piece) })).sort((a, b) => b.size - a.size);
  const batches: Piece[][] = [];
  for (let start = 0; start < sorted.length; ) {
    const { size } = sorted[start] as { size: number };
    const count = batchSize ?? Math.max(1, Math.floor(TOKENS_AT_A_TIME / size));
    batches.push(sorted.slice(start, start + count).map(({ piece }) => piece));
    start += count;
  }
  return batches;
}

function assertWhole(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new InvalidConfigError(`evaluateTask: expected ${name} to be a whole number from 1, got ${value}.`);
}
