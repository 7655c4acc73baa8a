/** Layer and RMS normalisation and their gradients on the tensorflow engine, in closed form. */
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import type * as tf from '../../tf.js';
import type {
  Attrs,
  LayerNormGradientInputs,
  LayerNormGradients,
  LayerNormInputs,
  Outputs,
  RmsNormGradientInputs,
  RmsNormGradients,
  RmsNormInputs,
} from './types.js';

export function layerNorm({ x, weight, bias }: LayerNormInputs, { eps }: Attrs): Outputs {
  const { normed } = normalize(x, eps, true);
  return { y: run('AddV2', [run('Mul', [normed, weight]), bias]) };
}

export function rmsNorm({ x, weight }: RmsNormInputs, { eps }: Attrs): Outputs {
  const { normed } = normalize(x, eps, false);
  return { y: weight ? run('Mul', [normed, weight]) : normed };
}

export function layerNormGradient(inputs: LayerNormGradientInputs, { eps }: Attrs): LayerNormGradients {
  const { dX, normed } = backward(inputs, eps, true);
  return { x: dX, weight: columnSums(run('Mul', [inputs.dY, normed])), bias: columnSums(inputs.dY) };
}

export function rmsNormGradient(inputs: RmsNormGradientInputs, { eps }: Attrs): RmsNormGradients {
  const { dX, normed } = backward(inputs, eps, false);
  return { x: dX, weight: inputs.weight && columnSums(run('Mul', [inputs.dY, normed])) };
}

/** x less its mean where `centre`, over the root of its mean square; and what it was multiplied by, [..., 1]. */
function normalize(x: tf.Tensor, eps: number, centre: boolean): { normed: tf.Tensor; scale: tf.Tensor } {
  const centred = centre ? run('Sub', [x, rowMean(x)]) : x;
  const scale = run('Rsqrt', [run('AddV2', [rowMean(run('Square', [centred])), { float: eps }])]);
  return { normed: run('Mul', [centred, scale]), scale };
}

/**
 * With n the normed x and g = dY weight: `dX = scale (g - mean(g) - n mean(g n))`, without mean(g) where x was not centred.
 */
function backward(
  { x, weight, dY }: RmsNormGradientInputs,
  eps: number,
  centre: boolean,
): { dX: tf.Tensor; normed: tf.Tensor } {
  const { normed, scale } = normalize(x, eps, centre);
  const g = weight ? run('Mul', [dY, weight]) : dY;
  const along = run('Mul', [normed, rowMean(run('Mul', [g, normed]))]);
  const across = run('Sub', [centre ? run('Sub', [g, rowMean(g)]) : g, along]);
  return { dX: run('Mul', [across, scale]), normed };
}

/** [..., d] -> [..., 1] */
function rowMean(x: tf.Tensor): tf.Tensor {
  return run('Mean', [x, { int: -1 }], { keep_dims: { bool: true } });
}

/** [..., d] -> [d] */
function columnSums(x: tf.Tensor): tf.Tensor {
  return run('BiasAddGrad', [x]);
}
