/** `tf` as one name: a module of its own without effects, which a bundler leaves out where `tf` is not used. */
export * as tf from './tf.js';
