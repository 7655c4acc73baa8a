/** What a model makes of a sequence at the moment, and what it reads to come to it: computed from its parameters, nothing is kept. */
import type { RunPlan } from '@mixerzoo/bench/plan';
import { EVALUATION, foldIn, IGNORED_LABEL, type LanguageModelParams, ShapeError, tf } from '@mixerzoo/core';
import { sliceExamples } from '@mixerzoo/core/harness';
import type { Inspection, LayerInspection, Question } from '../messages.js';
import { filterTaps } from './filter-taps.js';
import { readsOf, writesOf } from './reads.js';
import { type Tap, tappedModel } from './taps.js';

/** Likeliest tokens that are told at the query. */
const MOST_LIKELY = 5;

/** @throws ShapeError for a token outside of the vocabulary. */
export async function inspect(
  plan: RunPlan,
  params: LanguageModelParams,
  question: Question,
): Promise<Omit<Inspection, 'step'>> {
  const { tokens, labels } = sequenceOf(plan, question);
  const query = queryOf(question.query, labels);
  const taps: Tap[] = [];
  let isListening = true;
  const model = await tappedModel(plan, tokens.length, (tap) => {
    if (isListening) taps.push(keptTap(tap));
  });
  // A row of the table for each position, so that the gradient tells positions apart, not tokens.
  const { head: _, ...own } = params;
  const rows = tf.tidy(() => tf.gather(params.embedding.weight, tf.tensor1d(tokens, 'int32')) as tf.Tensor2D);
  const ids = tf.tensor2d(
    Int32Array.from(tokens, (_, index) => index),
    [1, tokens.length],
    'int32',
  );
  const hiddenOf = (table: tf.Tensor2D) => {
    const weight = tf.pad(table, [
      [0, model.vocabSize - tokens.length],
      [0, 0],
    ]);
    return model.hidden({ ...own, embedding: { weight } }, ids, EVALUATION).squeeze<tf.Tensor2D>([0]);
  };
  try {
    const logits = tf.tidy(() => plan.model.logits(params, hiddenOf(rows)));
    isListening = false;
    const probabilities = tf.tidy(() => tf.softmax(logits));
    const values = (await probabilities.data()) as Float32Array;
    tf.dispose([logits, probabilities]);
    const vocabSize = plan.model.vocabSize;
    const at = (position: number) => values.subarray(position * vocabSize, (position + 1) * vocabSize);
    const answers = tokens.map((_, position) => likeliest(at(position), 1)[0]!);
    const expected = answers[query]!.token;
    const influence = await normsOf(
      () =>
        tf.grad((table) => {
          const row = hiddenOf(table as tf.Tensor2D).slice([query, 0], [1, -1]);
          return tf
            .matMul(row, params.embedding.weight.slice([expected, 0], [1, -1]) as tf.Tensor2D, false, true)
            .sum();
        })(rows) as tf.Tensor2D,
    );
    const layers: LayerInspection[] = [];
    for (const tap of taps) {
      const writes = await writesOf(tap);
      const blockSize = tap.mixer.config['blockSize'];
      layers.push({
        mixer: tap.mixer.name,
        reads: await readsOf(tap, query),
        ...(writes && { writes }),
        ...(typeof blockSize === 'number' && { blockSize }),
      });
    }
    return {
      tokens,
      labels: labels.map((label) => (label === IGNORED_LABEL ? -1 : label)),
      query,
      answers,
      likeliest: likeliest(at(query), MOST_LIKELY),
      influence,
      layers,
      filters: await filterTaps(params),
    };
  } finally {
    tf.dispose([rows, ids, ...taps.flatMap(({ x, context }) => [x, ...(context.shared?.values() ?? [])])]);
  }
}

/** A tap that outlives the pass it is part of. */
function keptTap(tap: Tap): Tap {
  const kept = <T extends tf.Tensor>(x: T): T => tf.keep(tf.clone(x));
  const shared = new Map([...(tap.context.shared ?? [])].map(([name, value]) => [name, kept(value)]));
  return { ...tap, x: kept(tap.x), context: { ...tap.context, shared } };
}

/** The tokens that are asked about, and what is expected at each. */
function sequenceOf({ task, config }: RunPlan, { tokens, example }: Question) {
  if (tokens.length === 0) {
    const examples = task.generate({ split: 'test', seed: foldIn(config.seed, 'test'), count: example + 1 });
    const { inputs, labels } = sliceExamples(examples, example, 1);
    return { tokens: [...inputs], labels: [...labels] };
  }
  const odd = tokens.find((token) => !(Number.isInteger(token) && token >= 0 && token < task.vocabSize));
  if (odd !== undefined) {
    throw new ShapeError(`inspect: expected tokens from 0 to ${task.vocabSize - 1}, got ${odd}. Write others.`);
  }
  return { tokens: [...tokens], labels: answersOf(tokens, task.vocabSize) };
}

/** What recall expects at each token: what followed it the first time, where it is a key that came before. */
function answersOf(tokens: readonly number[], vocabSize: number): number[] {
  return tokens.map((token, position) => {
    const first = tokens.indexOf(token);
    const isKey = token > 0 && token < vocabSize / 2 && first < position - 1;
    return isKey ? tokens[first + 1]! : IGNORED_LABEL;
  });
}

/** The position asked about: as asked, else the first with a label, else the last. */
function queryOf(asked: number, labels: readonly number[]): number {
  if (asked >= 0 && asked < labels.length) return asked;
  const labelled = labels.findIndex((label) => label !== IGNORED_LABEL);
  return labelled === -1 ? labels.length - 1 : labelled;
}

/** The `count` largest of the probabilities [V], largest first. */
function likeliest(probabilities: Float32Array, count: number) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
  return order.slice(0, count).map((token) => ({ token, probability: probabilities[token]! }));
}

/** Norm of each row of [L, d]. */
async function normsOf(make: () => tf.Tensor2D): Promise<Float32Array> {
  const norms = tf.tidy(() => tf.sqrt(tf.sum(tf.square(make()), -1)));
  const values = (await norms.data()) as Float32Array;
  norms.dispose();
  return values.slice();
}
