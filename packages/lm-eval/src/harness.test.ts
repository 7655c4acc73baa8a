/** Whole outputs of the harness on made data (`__fixtures__/make_harness_values.py`), for a model that is a formula. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadDocuments } from './data/load-documents.js';
import { type EvalTokenizer, inputOf } from './encode.js';
import { evaluateTask } from './evaluate-task.js';
import type { ScorePieces } from './model-scorer.js';
import type { MetricName } from './task.js';
import { evalTask } from './tasks/index.js';

interface HarnessValues {
  readonly task: string;
  readonly maxLength: number;
  readonly results: Readonly<Record<string, number | 'N/A'>>;
  readonly answers: readonly (readonly (readonly [number, boolean?])[])[];
  readonly arguments: readonly (readonly (readonly string[])[])[];
}

const fixture = (name: string) => fileURLToPath(new URL(`./__fixtures__/${name}`, import.meta.url));
const cases = readFileSync(fixture('harness-values.jsonl'), 'utf8').trimEnd().split('\n');
const expected = cases.map((line) => JSON.parse(line) as HarnessValues);

const V = 257;
const tokenizer: EvalTokenizer = { bos: 256, endOfText: 256, encode: (text) => new TextEncoder().encode(text) };

/** Log-probabilities [V] after tokens `before` and `last` at positions t - 1 and t. */
function logProbabilities(before: number, last: number, t: number): number[] {
  const next = last === 44 ? 32 : last === 32 ? 97 : last;
  const logits = Array.from({ length: V }, (_, v) => {
    const letter = v >= 97 && v < 123 ? 1 : 0;
    return ((31 * before + 17 * last + 7 * v + 13 * t) % 23) / 8 + letter + (v === next ? 4.5 : 0);
  });
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return logits.map((logit) => logit - total);
}

const score: ScorePieces = async (pieces, maxLength) =>
  pieces.map((piece) => {
    const input = inputOf(piece, maxLength);
    let [logLikelihood, greedy] = [0, true];
    for (const [index, token] of piece.continuation.entries()) {
      const t = input.length - piece.continuation.length + index;
      const all = logProbabilities(input[t - 1] ?? 0, input[t] as number, t);
      logLikelihood += all[token] as number;
      greedy &&= all.indexOf(Math.max(...all)) === token;
    }
    return { logLikelihood, greedy };
  });

it.each(expected)(
  'asks, answers and counts as the harness does: $task, at most $maxLength tokens',
  async ({ task: name, maxLength, results, answers, arguments: asked }) => {
    const task = evalTask(name);
    const { documents } = await loadDocuments(task, fixture('data'));
    const found = await evaluateTask(task, documents, {
      tokenizer,
      score,
      maxLength,
      batchSize: 4,
      bootstrapIterations: 2000,
    });
    for (const [index, sample] of found.samples.entries()) {
      const texts = sample.requests.map((request) =>
        request.kind === 'rolling' ? [request.text] : [request.context, request.continuation],
      );
      expect(texts).toEqual(asked[index]);
      for (const [place, [logLikelihood, greedy]] of answers[index]!.entries()) {
        const answer = sample.answers[place]!;
        expect(answer.logLikelihood).toBeCloseTo(logLikelihood, 9);
        if (greedy !== undefined) expect(answer.greedy).toBe(greedy);
      }
    }
    expect(found.samples.length).toBe(answers.length);
    for (const metric of task.metrics) {
      const { value, stderr } = found.metrics[metric as MetricName]!;
      expectClose(value, results[`${metric},none`] as number);
      const harnessStderr = results[`${metric}_stderr,none`];
      if (harnessStderr === 'N/A') expect(stderr).toBe(null);
      else expectClose(stderr as number, harnessStderr as number);
    }
    expect(Object.keys(found.metrics).length).toBe(Object.keys(results).length / 2);
  },
);

const expectClose = (value: number, wanted: number) =>
  expect(Math.abs(value / (wanted || 1) - (wanted ? 1 : 0))).toBeLessThan(1e-11);

it('tells how far it is, through the resamplings of a standard error', async () => {
  const task = evalTask('lambada_openai');
  const { documents } = await loadDocuments(task, fixture('data'));
  const seen: string[] = [];
  await evaluateTask(task, documents, {
    tokenizer,
    score,
    maxLength: 64,
    bootstrapIterations: 3000,
    onProgress: ({ what, done, total }) => void seen.push(`${what} ${done} / ${total}`),
  });
  expect(seen.slice(-4)).toEqual([
    `requests ${documents.length} / ${documents.length}`,
    ...[1000, 2000, 3000].map((made) => `resamplings ${made} / 3000`),
  ]);
});
