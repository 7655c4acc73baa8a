/** Tokens from a model, one at a time. */
import { InvalidConfigError, ShapeError } from '../errors.js';
import { createRng, foldIn } from '../rng.js';
import * as tf from '../tf.js';
import { disposeState } from './generation.js';
import type { LanguageModel, LanguageModelParams } from './language-model.js';
import { createSampler, type SamplingConfig } from './sampling.js';

export interface GenerationOptions extends SamplingConfig {
  /** Tokens at most. */
  readonly maxTokens: number;
  /** What is random is drawn from this alone. Default 0. */
  readonly seed?: number;
  /** Tokens that end the text; they are not given. */
  readonly stop?: readonly number[];
  /** Only tokens below this are chosen, where a vocabulary is padded. Default: the model's vocabSize. */
  readonly vocabSize?: number;
}

/**
 * Goes on from a prompt: one prefill, then a step a token. What is held is the mixers' state, which does not grow for those of
 * constant state.
 *
 * @param prompt - token ids, one at least.
 * @example for await (const token of generateTokens(model, params, prompt, { maxTokens: 100, topP: 0.9 })) …
 * @throws InvalidConfigError for options that cannot be, ShapeError for a prompt that is empty or outside of the vocabulary,
 *   NumericalError where a logit is not a number.
 */
export async function* generateTokens(
  model: LanguageModel,
  params: LanguageModelParams,
  prompt: ArrayLike<number>,
  options: GenerationOptions,
): AsyncGenerator<number, void> {
  const { maxTokens, seed = 0, stop = [], vocabSize = model.vocabSize, ...sampling } = options;
  const sample = createSampler(sampling);
  const rng = createRng(foldIn(seed, 'generation'));
  if (!(Number.isSafeInteger(maxTokens) && maxTokens >= 0)) {
    throw new InvalidConfigError(`generateTokens: expected maxTokens to be a whole number from 0, got ${maxTokens}.`);
  }
  if (!(Number.isSafeInteger(vocabSize) && vocabSize > 0 && vocabSize <= model.vocabSize)) {
    throw new InvalidConfigError(
      `generateTokens: expected vocabSize from 1 to the model's ${model.vocabSize}, got ${vocabSize}.`,
    );
  }
  const ids = Int32Array.from(prompt);
  const odd = ids.find((token) => token < 0 || token >= model.vocabSize);
  if (ids.length === 0 || odd !== undefined) {
    throw new ShapeError(
      `generateTokens: expected a prompt of tokens in [0, ${model.vocabSize}), got ${odd ?? 'none'}. ` +
        'Encode it with the tokenizer of the model; a text from nothing begins with the token that begins texts.',
    );
  }
  if (maxTokens === 0) return;
  let held = withIds(tf.tensor2d(ids, [1, ids.length], 'int32'), (tensor) => model.prefill(params, tensor));
  try {
    for (let count = 1; ; count += 1) {
      const logits = (await held.logits.data()) as Float32Array;
      const token = sample(logits.subarray(0, vocabSize), rng);
      if (stop.includes(token)) return;
      yield token;
      if (count === maxTokens) return;
      held.logits.dispose();
      const { state } = held;
      held = withIds(tf.tensor1d([token], 'int32'), (tensor) => model.step(params, tensor, state));
    }
  } finally {
    held.logits.dispose();
    disposeState(held.state);
  }
}

function withIds<T extends tf.Tensor, R>(ids: T, work: (ids: T) => R): R {
  try {
    return work(ids);
  } finally {
    ids.dispose();
  }
}
