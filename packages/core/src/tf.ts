/**
 * The one copy of TensorFlow.js every mixerzoo package uses.
 *
 * Engines, kernels and gradients live in module-level registries of TensorFlow.js, so two copies in one
 * process would not see each other's tensors. Mixers import `tf` from `@mixerzoo/core`, never from the source.
 */
export * from '@tensorflow/tfjs';
