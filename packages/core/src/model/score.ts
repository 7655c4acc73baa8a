/** Log-probabilities that a language model gives to tokens, a chunk of rows at a time. */
import { InvalidConfigError, NumericalError } from '../errors.js';
import { gatherRows } from '../ops/embedding/index.js';
import type { Examples } from '../task.js';
import * as tf from '../tf.js';
import { labelledPositions } from './labelled-positions.js';
import type { LanguageModel, LanguageModelParams } from './language-model.js';

/** What a model says of n labelled tokens. */
export interface TokenScores {
  /** Natural logarithm of the probability of each, [n]. */
  readonly logProb: Float32Array;
  /** 1 where no token has a larger logit, the first of equals being meant; [n]. */
  readonly greedy: Uint8Array;
}

/** Logits held at a time, where `chunk` does not say: 64 MiB of them. */
const LOGITS_AT_A_TIME = 2 ** 24;

/**
 * The log-softmax (float32) at the labelled positions of a batch, in their order. One forward pass, then the head for `chunk`
 * positions at a time: logits of [chunk, V] are held, never [n, V].
 *
 * @param options.chunk - positions; default: as many as 64 MiB of logits hold. It moves no result but rounding.
 * @throws ShapeError as `model.loss`, InvalidConfigError for a chunk that is none, NumericalError where a score is not finite.
 */
export async function scoreTokens(
  model: LanguageModel,
  params: LanguageModelParams,
  examples: Examples,
  options: { readonly chunk?: number } = {},
): Promise<TokenScores> {
  const { vocabSize, dModel } = model;
  const { chunk = Math.max(1, Math.floor(LOGITS_AT_A_TIME / vocabSize)) } = options;
  if (!(Number.isSafeInteger(chunk) && chunk > 0)) {
    throw new InvalidConfigError(`scoreTokens: expected a chunk of whole positions from 1, got ${chunk}.`);
  }
  const { positions, labels } = labelledPositions(examples, vocabSize, 'scoreTokens');
  const n = labels.length;
  const hidden = tf.tidy(() => {
    const ids = tf.tensor2d(examples.inputs, [examples.count, examples.seqLen], 'int32');
    const all = tf.reshape(model.hidden(params, ids), [-1, dModel]) as tf.Tensor2D;
    return gatherRows(all, tf.tensor1d(positions, 'int32'));
  });
  const logProb = new Float32Array(n);
  const greedy = new Uint8Array(n);
  try {
    for (let start = 0; start < n; start += chunk) {
      const count = Math.min(chunk, n - start);
      const wanted = labels.subarray(start, start + count);
      const packed = tf.tidy(() => {
        const logits = model.logits(params, tf.slice(hidden, [start, 0], [count, dModel]));
        const at = wanted.map((label, row) => row * vocabSize + label);
        const target = tf.gather(tf.reshape(logits, [-1]), tf.tensor1d(at, 'int32'));
        const best = tf.argMax(logits, -1).equal(tf.tensor1d(wanted, 'int32'));
        return tf.concat1d([target.sub(tf.logSumExp(logits, -1)) as tf.Tensor1D, best.cast('float32') as tf.Tensor1D]);
      });
      const values = await packed.data();
      packed.dispose();
      logProb.set(values.subarray(0, count) as Float32Array, start);
      greedy.set(values.subarray(count), start);
    }
  } finally {
    hidden.dispose();
  }
  const bad = logProb.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const at = positions[bad] as number;
    throw new NumericalError(
      `scoreTokens: expected finite log-probabilities, got ${logProb[bad]} in example ${Math.floor(at / examples.seqLen)} at position ${at % examples.seqLen}. ` +
        'Score at shorter lengths, or take parameters of a training that did not diverge.',
    );
  }
  return { logProb, greedy };
}
