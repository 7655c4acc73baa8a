/**
 * TensorFlow.js as every mixerzoo package uses it: tensors, operations, their gradients and chained forms, and the plain
 * JavaScript backend. Models, layers and data of the umbrella package `@tensorflow/tfjs` are no part of it.
 *
 * TensorFlow.js keeps its engine and its registries on the global object. Mixers import `tf` from `@mixerzoo/core`,
 * never from the source, so that gradients are those that we repaired and `x.add(y)` is there.
 */
// `tf-quiet` is evaluated before TensorFlow.js.
import { wasQuiet } from './tf-quiet.js';
import '#first-backend';
import { env, neg, softplus, Tensor, type TensorLike } from '@tensorflow/tfjs-core';
import './tf-registrations.generated.js';

env().set('PROD', wasQuiet);

/**
 * log(1 / (1 + e^-x)), in place of TensorFlow.js's: the gradient of that one reads x after a `tidy` has freed it.
 * `x.logSigmoid()` is this one too.
 */
export function logSigmoid<T extends Tensor>(x: T | TensorLike): T {
  return neg(softplus(neg(x as T)));
}
Tensor.prototype.logSigmoid = function <T extends Tensor>(this: T): T {
  return logSigmoid(this);
};

export * from '@tensorflow/tfjs-core';
export type {} from '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
