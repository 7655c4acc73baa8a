/** Loss and gradients of a batch, whole or a part at a time, with one read of the device. */

import type { ApplyContext } from '../mixer.js';
import type { LanguageModel, LanguageModelParams } from '../model/language-model.js';
import { globalNorm } from '../ops/adam-w/index.js';
import { foldIn } from '../rng.js';
import { type Examples, IGNORED_LABEL } from '../task.js';
import * as tf from '../tf.js';
import { type Tree, treeTensors, withTensors } from '../tree.js';
import { sliceExamples } from './evaluate.js';
import { filled, scalarGradients } from './value-and-gradients.js';

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

/**
 * Gradients of a batch.
 *
 * @param options.parts - what is held at a time is a part of this many: `count` must be divisible by it. Parts count by their
 *   labelled positions, so that the sum is the gradient of the whole, but for rounding; auxiliary losses do too. Each has dropout
 *   masks of its own.
 * @throws ShapeError as `LanguageModel.loss`.
 */
export async function computeGradients(
  model: LanguageModel,
  params: LanguageModelParams,
  batch: Examples,
  context: ApplyContext,
  { parts = 1 }: { readonly parts?: number } = {},
): Promise<BatchGradients> {
  const tensors = treeTensors(params);
  const total = labelCount(batch);
  let sums: readonly tf.Tensor[] | undefined;
  for (let part = 0; part < parts; part += 1) {
    const size = batch.count / parts;
    const some = parts === 1 ? batch : sliceExamples(batch, part * size, size);
    if (parts > 1 && total > 0 && labelCount(some) === 0) continue;
    const seed = parts === 1 ? context.seed : foldIn(context.seed, part);
    const share = parts === 1 ? 1 : labelCount(some) / total;
    const found = tf.tidy(() => gradientsOf(model, params, tensors, some, { ...context, seed }, share));
    const before = sums;
    sums = before ? found.map((tensor, index) => takenTogether(tensor, before[index] as tf.Tensor)) : found;
  }
  const [statistics, grads] = [sums?.slice(0, STATISTICS) ?? [], sums?.slice(STATISTICS) ?? []];
  const packed = tf.tidy(() => tf.stack([...statistics, globalNorm(grads)]));
  tf.dispose(statistics);
  const values = await packed.data();
  packed.dispose();
  const [loss, hits, objective, gradientNorm] = values as unknown as [number, number, number, number];
  return { grads: withTensors<Tree>(params, grads), loss, objective, hits, count: total, gradientNorm };
}

/** Numbers that stand before the gradients. */
const STATISTICS = 3;

/**
 * Cross-entropy, hits, objective, and a gradient per tensor; all but the hits times `share`, which is 1 for a whole batch.
 */
function gradientsOf(
  model: LanguageModel,
  params: LanguageModelParams,
  tensors: tf.Tensor[],
  batch: Examples,
  context: ApplyContext,
  share: number,
): tf.Tensor[] {
  const scaled = (loss: tf.Scalar) => (share === 1 ? loss : loss.mul<tf.Scalar>(share));
  const kept: tf.Tensor[] = [];
  const { value, grads } = scalarGradients(() => {
    const result = model.loss(params, batch, context);
    kept.push(tf.keep(tf.clone(scaled(result.crossEntropy))), tf.keep(tf.sum(result.correct)));
    return scaled(result.loss);
  }, tensors);
  return [...kept, value, ...filled(grads, tensors)];
}

/** The sum of two tensors, which are freed. */
function takenTogether(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const sum = tf.add(a, b);
  tf.dispose([a, b]);
  return sum;
}

const labelCount = ({ labels }: Examples) =>
  labels.reduce((count, label) => count + Number(label !== IGNORED_LABEL), 0);
