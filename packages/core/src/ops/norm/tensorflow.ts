/** Layer and RMS normalisation and their gradients on the tensorflow engine, in closed form. */
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import * as tf from '../../tf.js';
import type { Attrs, LayerNormInputs, NormGradients, RmsNormInputs } from './wasm.js';

type Parameter = tf.Tensor | undefined;

export function layerNormOnTensorflow({ x, weight, bias }: LayerNormInputs, { eps }: Attrs): { y: tf.Tensor } {
  const { normed } = normalize(x, eps, true);
  return { y: run('AddV2', [run('Mul', [normed, weight]), bias]) };
}

export function rmsNormOnTensorflow({ x, weight }: RmsNormInputs, { eps }: Attrs): { y: tf.Tensor } {
  const { normed } = normalize(x, eps, false);
  return { y: weight ? run('Mul', [normed, weight]) : normed };
}

export function layerNormGradOnTensorflow(
  { x, weight, dy }: LayerNormInputs & { dy: tf.Tensor },
  { eps }: Attrs,
): NormGradients {
  return gradient(x, weight, dy, eps, true);
}

export function rmsNormGradOnTensorflow(
  { x, weight, dy }: RmsNormInputs & { dy: tf.Tensor },
  { eps }: Attrs,
): NormGradients {
  return gradient(x, weight, dy, eps, false);
}

/** x less its mean where `centre`, over the root of its mean square; and what it was multiplied by, [..., 1]. */
function normalize(x: tf.Tensor, eps: number, centre: boolean): { normed: tf.Tensor; scale: tf.Tensor } {
  const centred = centre ? run('Sub', [x, rowMean(x)]) : x;
  const scale = run('Rsqrt', [run('AddV2', [rowMean(run('Square', [centred])), { float: eps }])]);
  return { normed: run('Mul', [centred, scale]), scale };
}

/**
 * With n the normed x and g = dy weight: `dx = scale (g - mean(g) - n mean(g n))`, without mean(g) where x was not centred.
 */
function gradient(x: tf.Tensor, weight: Parameter, dy: tf.Tensor, eps: number, centre: boolean): NormGradients {
  const { normed, scale } = normalize(x, eps, centre);
  const g = weight ? run('Mul', [dy, weight]) : dy;
  const along = run('Mul', [normed, rowMean(run('Mul', [g, normed]))]);
  const across = run('Sub', [centre ? run('Sub', [g, rowMean(g)]) : g, along]);
  return {
    dx: run('Mul', [across, scale]),
    dWeight: weight ? columnSums(run('Mul', [dy, normed])) : tf.zeros([0]),
    dBias: centre ? columnSums(dy) : tf.zeros([0]),
  };
}

/** [..., d] -> [..., 1] */
function rowMean(x: tf.Tensor): tf.Tensor {
  return run('Mean', [x, { int: -1 }], { keep_dims: { bool: true } });
}

/** [..., d] -> [d] */
function columnSums(x: tf.Tensor): tf.Tensor {
  return run('BiasAddGrad', [x]);
}
