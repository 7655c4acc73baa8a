/**
 * AdamW over trees: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101, algorithm 2, as
 * torch.optim.AdamW computes it. Functions over explicit trees; the state is what a checkpoint holds.
 */
import { z } from 'zod';
import { parseConfig } from '../config.js';
import { adamWStep } from '../ops/index.js';
import { tensorsLike } from '../structure.js';
import * as tf from '../tf.js';
import { flattenTree, mapTree, type Tree, withTensors } from '../tree.js';

export const optimizerSchema = z.strictObject({
  name: z.literal('adamW').default('adamW'),
  /** Peak rate; a schedule may lower it. */
  learningRate: z.number().positive().default(1e-3),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  eps: z.number().positive().default(1e-8),
  /** Decoupled: each step multiplies by `1 - learningRate * weightDecay`. */
  weightDecay: z.number().nonnegative().default(0.1),
  /** What decays: every parameter, as zoology's runs do, or only those of rank 2 and more (no biases, norms). */
  decayed: z.enum(['all', 'matrices']).default('all'),
});

export type OptimizerConfig = z.input<typeof optimizerSchema>;

/** The moments, trees like the parameters, and the steps they have seen. */
export interface OptimizerState {
  readonly step: number;
  readonly m: Tree;
  readonly v: Tree;
}

export interface Optimizer {
  readonly config: z.output<typeof optimizerSchema>;
  /** Moments of zero; the caller owns them. */
  init(params: Tree): OptimizerState;
  /**
   * One step. Consumes parameters and state (they may be updated in place); leaves the gradients alone. A tied tensor is
   * updated once, by the gradient at the first of its places: that of the tensor as a whole, as TensorFlow.js computes it.
   *
   * @param grads - a tree like the parameters.
   * @param options.learningRate - default: the config's.
   * @param options.gradientScale - factor of every gradient, for clipping. Default 1.
   * @throws ShapeError if the trees differ.
   */
  update<P extends Tree>(
    params: P,
    grads: Tree,
    state: OptimizerState,
    options?: { learningRate?: number; gradientScale?: number },
  ): { params: P; state: OptimizerState };
}

/** @throws InvalidConfigError */
export function createOptimizer(input: OptimizerConfig = {}): Optimizer {
  const config = Object.freeze(parseConfig(optimizerSchema, input, 'optimizer'));
  const zeros = <T extends Tree>(params: T) => mapTree(params, (leaf) => tf.zerosLike(leaf));
  return {
    config,
    init: (params) => ({ step: 0, m: zeros(params), v: zeros(params) }),
    update(params, grads, state, { learningRate = config.learningRate, gradientScale = 1 } = {}) {
      const places = new Map(flattenTree(params));
      const tensors = [...new Set(places.values())];
      const matching = (what: string, tree: Tree) => tensorsLike(places, tree, `optimizer.update: ${what}`);
      const { beta1, beta2, eps, weightDecay, decayed } = config;
      const step = state.step + 1;
      const next = adamWStep(
        { params: tensors, m: matching('state.m', state.m), v: matching('state.v', state.v) },
        matching('gradients', grads),
        {
          learningRate,
          beta1,
          beta2,
          eps,
          step,
          weightDecay: decayed === 'all' ? weightDecay : tensors.map(({ rank }) => (rank >= 2 ? weightDecay : 0)),
          gradientScale,
        },
      );
      const rebuilt = (updated: readonly tf.Tensor[]) => withTensors(params, updated);
      return { params: rebuilt(next.params), state: { step, m: rebuilt(next.m), v: rebuilt(next.v) } };
    },
  };
}
