/** Golden vectors of the optimizer: parameters, moments and gradients after each step of a linear regression. */
import {
  expectClose,
  expectGolden,
  type GoldenCheck,
  type GoldenChecks,
  goldenTensor,
  goldenTree,
  gradientsOf,
} from './testing/index.js';
import * as tf from './tf.js';
import { createOptimizer } from './train/optimizer.js';
import { createSchedule } from './train/schedule.js';
import { disposeTree, flattenTree, type Tree } from './tree.js';

interface OptimizerGoldenConfig {
  learningRate: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  eps: number;
  schedule: 'constant' | 'cosinePerEpoch';
  stepsPerEpoch: number;
  epochs: number;
}

const checkOptimizer: GoldenCheck = async (golden) => {
  const config = golden.config as unknown as OptimizerGoldenConfig;
  const { learningRate, weightDecay, beta1, beta2, eps, epochs, stepsPerEpoch } = config;
  const optimizer = createOptimizer({ learningRate, weightDecay, beta1, beta2, eps, decayed: 'all' });
  const schedule = createSchedule({ name: config.schedule }, { learningRate, epochs, stepsPerEpoch });
  let params: Tree = goldenTree(golden);
  let state = optimizer.init(params);
  const [x, target] = [goldenTensor(golden, 'x'), goldenTensor(golden, 'target')];
  const rates = golden.tensors.get('learningRate')?.data as Float32Array;
  for (let step = 1; step <= rates.length; step += 1) {
    const rate = schedule(step - 1);
    await expectClose(
      { shape: [1], data: [rate] },
      { shape: [1], data: [rates[step - 1] as number] },
      1e-6,
      'learning rate',
    );
    const batch = (all: tf.Tensor) => all.slice([step - 1], [1]).squeeze<tf.Tensor2D>([0]);
    const grads = gradientsOf(
      ([weight, bias]) =>
        tf
          .matMul(batch(x), weight as tf.Tensor2D)
          .add(bias as tf.Tensor)
          .sub(batch(target))
          .square()
          .mean(),
      [params.weight as tf.Tensor, params.bias as tf.Tensor],
    );
    const gradients = { weight: grads[0] as tf.Tensor, bias: grads[1] as tf.Tensor };
    ({ params, state } = optimizer.update(params, gradients, state, { learningRate: rate }));
    for (const [kind, tree] of Object.entries({ 'grad.params': gradients, params, m: state.m, v: state.v })) {
      for (const [path, leaf] of flattenTree(tree as Tree))
        await expectGolden(golden, `steps.${step}.${kind}.${path}`, leaf);
    }
    disposeTree(gradients);
  }
  tf.dispose([x, target]);
  for (const tree of [params, state.m, state.v]) disposeTree(tree);
};

export const golden: GoldenChecks = { optimizer: checkOptimizer };
