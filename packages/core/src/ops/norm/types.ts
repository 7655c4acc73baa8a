/** What layer and RMS normalisation take and give. */
import type * as tf from '../../tf.js';
import type { GradientInputs, Gradients } from '../op-types.js';

/** x [..., d], weight and bias [d]. */
export type LayerNormInputs = { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor };
export type RmsNormInputs = { x: tf.Tensor; weight: tf.Tensor | undefined };
export type Attrs = { eps: number };
/** y [..., d] */
export type Outputs = { y: tf.Tensor };

export type LayerNormGradientInputs = GradientInputs<LayerNormInputs, Outputs>;
export type LayerNormGradients = Gradients<LayerNormInputs>;
export type RmsNormGradientInputs = GradientInputs<RmsNormInputs, Outputs>;
export type RmsNormGradients = Gradients<RmsNormInputs>;
