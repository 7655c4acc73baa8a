/** Affine maps in plain `tf` ops. */
import { dims } from '../../dims.js';
import * as tf from '../../tf.js';
import { type Inputs, mapsOf, type Outputs, type SeveralInputs, type SeveralOutputs } from './types.js';

export function linearReference({ x, weight, bias }: Inputs): Outputs {
  const [k, n] = dims(weight, 2);
  const product = tf.matMul(x.reshape([-1, k]), weight);
  const y = bias ? product.add(bias) : product;
  return { y: y.reshape([...x.shape.slice(0, -1), n]) };
}

export function linearsReference(inputs: SeveralInputs): SeveralOutputs {
  const ys = mapsOf(inputs).map((map) => linearReference({ x: inputs.x, ...map }).y);
  return Object.fromEntries(ys.map((y, i) => [`y${i}`, y]));
}
