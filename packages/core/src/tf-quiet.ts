/**
 * Evaluated before the plain JavaScript backend. A second copy of TensorFlow.js in the process registers its kernels
 * once more, which changes nothing, and would print a line for each.
 */
import { env, findBackendFactory } from '@tensorflow/tfjs-core';

/** Whether TensorFlow.js printed no warnings before; `tf.ts` puts it back. */
export const wasQuiet = env().getBool('PROD');

if (findBackendFactory('cpu')) env().set('PROD', true);
