/**
 * TensorFlow.js as every mixerzoo package uses it: tensors, operations, their gradients and chained forms, and the plain
 * JavaScript backend. Models, layers and data of the umbrella package `@tensorflow/tfjs` are no part of it.
 *
 * TensorFlow.js keeps its engine and its registries on the global object. Mixers import `tf` from `@mixerzoo/core`,
 * never from the source, so that gradients are those that we repaired and `x.add(y)` is there.
 */
import { env, findBackend } from '@tensorflow/tfjs-core';
import { wasQuiet } from './tf-quiet.js';
import '@tensorflow/tfjs-backend-cpu';
import './tf-registrations.generated.js';

env().set('PROD', wasQuiet);
// At its first tensor in Node the backend advises to install tfjs-node: a package that `useEngine` finds by itself.
Object.assign(findBackend('cpu'), { firstUse: false });

export * from '@tensorflow/tfjs-core';
export type {} from '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
