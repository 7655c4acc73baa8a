/** What a step of AdamW takes and gives. */
import type * as tf from '../../tf.js';

export interface AdamWOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Counted from 1. */
  readonly step: number;
  /** Decoupled decay, by parameter; times the learning rate. */
  readonly weightDecay: number | readonly number[];
  /** Factor of every gradient: global-norm clipping. Default 1. */
  readonly gradientScale?: number;
}

/** Parameters and their moments, by position. */
export interface AdamWState {
  readonly params: readonly tf.Tensor[];
  /** First moments. */
  readonly m: readonly tf.Tensor[];
  /** Second moments. */
  readonly v: readonly tf.Tensor[];
}
