/** Loss and gradients of a batch, with one read of the device. */

import type { ApplyContext } from '../mixer.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { globalNorm } from '../ops/adam-w/index.js';
import type { Examples } from '../task.js';
import * as tf from '../tf.js';
import { type Tree, treeTensors, withTensors } from '../tree.js';

export interface BatchGradients {
  /**
   * Of the objective, a tree like the parameters; the caller owns it. Zero for a parameter that has no part in it; for a tied
   * one the sum over all its uses, at each of its places.
   */
  readonly grads: Tree;
  /** Mean cross-entropy over the labelled positions, nats. */
  readonly loss: number;
  /** What is differentiated: `loss` plus the mixers' auxiliary losses. */
  readonly objective: number;
  /** Labelled positions answered correctly, of how many. */
  readonly hits: number;
  readonly count: number;
  /** Not finite if any element of the gradients is not. */
  readonly gradientNorm: number;
}

/** @throws ShapeError as `LanguageModel.loss`. */
export async function computeGradients(
  model: LanguageModel,
  params: LanguageModelParams,
  batch: Examples,
  context: ApplyContext,
): Promise<BatchGradients> {
  const tensors = treeTensors(params);
  const { grads, statistics, count } = tf.tidy(() => {
    const kept: tf.Tensor[] = [];
    let count = 0;
    const { value, grads } = tf.engine().gradients(
      () => {
        const result = model.loss(params, batch, context);
        kept.push(tf.keep(tf.clone(result.crossEntropy)), tf.keep(tf.sum(result.correct)));
        count = result.count;
        return result.loss;
      },
      tensors,
      undefined,
      true,
    );
    const all = tensors.map((tensor, index) => grads[index] ?? tf.zerosLike(tensor));
    const statistics = tf.stack([...kept, value, globalNorm(all)]);
    tf.dispose(kept);
    return { grads: all, statistics, count };
  });
  const values = await statistics.data();
  statistics.dispose();
  const [loss, hits, objective, gradientNorm] = values as unknown as [number, number, number, number];
  return { grads: withTensors<Tree>(params, grads), loss, objective, hits, count, gradientNorm };
}
