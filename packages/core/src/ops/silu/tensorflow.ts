/** SiLU and its gradient on the tensorflow engine: `dX = dY s + dY x s (1 - s)` with s the sigmoid of x. */
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Inputs, Outputs } from './types.js';

export function silu({ x }: Inputs): Outputs {
  return { y: run('Mul', [x, run('Sigmoid', [x])]) };
}

export function siluGradient({ x, dY }: GradientInputs<Inputs, Outputs>): Gradients<Inputs> {
  const sigmoid = run('Sigmoid', [x]);
  return { x: run('AddV2', [run('Mul', [dY, sigmoid]), run('SigmoidGrad', [sigmoid, run('Mul', [dY, x])])]) };
}
