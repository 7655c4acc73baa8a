/** From what documents count to a task's metrics and their standard errors: `lm_eval/api/metrics.py`. */
import { yieldToEventLoop } from '@mixerzoo/core/harness';
import { createPythonRandom } from './python-random.js';
import type { Item, MetricName } from './task.js';

/** A metric of a task. */
export interface MetricResult {
  readonly value: number;
  /** Null where the harness has none: of ratios of sums. */
  readonly stderr: number | null;
}

type OnResampled = (done: number, total: number) => void;

interface Metric {
  readonly higherIsBetter: boolean;
  aggregate(items: readonly Item[]): number;
  /** @param onResampled - called now and then, where it takes resamplings. */
  stderr(items: readonly Item[], iterations: number, onResampled?: OnResampled): Promise<number | null>;
}

const none = async () => null;
const ofMean = async (items: readonly Item[]) => (items.length < 2 ? null : meanStderr(items as number[]));
const accuracy: Metric = { higherIsBetter: true, aggregate: (items) => mean(items as number[]), stderr: ofMean };
const weightedPerplexity: Metric = {
  higherIsBetter: false,
  aggregate: (items) => Math.exp(-weightedMean(items)),
  stderr: none,
};

/** By name, as the harness calls them. */
export const METRICS: Readonly<Record<MetricName, Metric>> = {
  acc: accuracy,
  acc_norm: accuracy,
  perplexity: {
    higherIsBetter: false,
    aggregate: (items) => Math.exp(-mean(items as number[])),
    stderr: (items, iterations, onResampled) => bootstrapPerplexity(items as number[], iterations, onResampled),
  },
  word_perplexity: weightedPerplexity,
  byte_perplexity: weightedPerplexity,
  bits_per_byte: { higherIsBetter: false, aggregate: (items) => -weightedMean(items) / Math.LN2, stderr: none },
};

/** Resamplings of the harness. */
export const BOOTSTRAP_ITERATIONS = 100_000;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const mean = (values: readonly number[]) => sum(values) / values.length;

function weightedMean(items: readonly Item[]): number {
  const pairs = items as readonly (readonly [number, number])[];
  return sum(pairs.map(([value]) => value)) / sum(pairs.map(([, weight]) => weight));
}

function sampleDeviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
}

const meanStderr = (values: readonly number[]) => sampleDeviation(values) / Math.sqrt(values.length);

/**
 * Standard deviation of the perplexity over resamplings with replacement, a thousand at a time, each thousand with a generator of its
 * own that its number seeds. Frees the event loop after each.
 * @param iterations of which whole thousands count, or all of them where they are fewer; null below 2.
 */
async function bootstrapPerplexity(
  items: readonly number[],
  iterations: number,
  onResampled?: OnResampled,
): Promise<number | null> {
  const size = Math.min(1000, iterations);
  if (size < 2) return null;
  const values = Float64Array.from(items);
  const { length } = values;
  const found: number[] = [];
  for (let seed = 0; seed < Math.floor(iterations / size); seed++) {
    const { random } = createPythonRandom(seed);
    for (let iteration = 0; iteration < size; iteration++) {
      let total = 0;
      for (let index = 0; index < length; index++) total += values[Math.floor(random() * length)] as number;
      found.push(Math.exp(-(total / length)));
    }
    onResampled?.(found.length, iterations);
    await yieldToEventLoop();
  }
  return sampleDeviation(found);
}
