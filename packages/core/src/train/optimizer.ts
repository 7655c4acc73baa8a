/**
 * AdamW over trees: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101, algorithm 2, as
 * torch.optim.AdamW computes it. Functions over explicit trees; the state is what a checkpoint holds.
 */
import { z } from 'zod';
import { parseConfig } from '../config.js';
import { InvalidConfigError } from '../errors.js';
import { adamWStep } from '../ops/adam-w/index.js';
import { tensorsLike } from '../structure.js';
import * as tf from '../tf.js';
import { flattenTree, mapTree, type Tree, withTensors } from '../tree.js';

export const optimizerSchema = z.strictObject({
  /** The rule of the updates. */
  name: z.literal('adamW').default('adamW'),
  /** Peak rate; a schedule may lower it. */
  learningRate: z.number().positive().default(1e-3),
  /** Decay of the first moment. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** Decay of the second moment. */
  beta2: z.number().min(0).lt(1).default(0.999),
  /** Added to the root of the second moment. */
  eps: z.number().positive().default(1e-8),
  /** Decoupled: each step multiplies by `1 - learningRate * weightDecay`. */
  weightDecay: z.number().nonnegative().default(0.1),
  /**
   * What decays: only what is of rank 2 and more (no biases, norms) and not in `noDecay`, as the papers' own recipes have it
   * and Mamba and Mamba-2 need; or every parameter, as in zoology's runs, and so in the presets that follow them.
   */
  decayed: z.enum(['all', 'matrices']).default('matrices'),
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
  /**
   * Moments of zero; the caller owns them.
   * @throws InvalidConfigError if `noDecay` has a path that the parameters do not.
   */
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

/**
 * AdamW.
 *
 * @param options.noDecay - paths of parameters that do not decay, whatever their rank, unless `decayed` is `'all'`:
 *   a model's `noDecay`.
 * @throws InvalidConfigError
 */
export function createOptimizer(
  input: OptimizerConfig = {},
  { noDecay = [] }: { readonly noDecay?: readonly string[] } = {},
): Optimizer {
  const config = Object.freeze(parseConfig(optimizerSchema, input, 'optimizer'));
  const { beta1, beta2, eps, weightDecay, decayed } = config;
  const zeros = <T extends Tree>(params: T) => mapTree(params, (leaf) => tf.zerosLike(leaf));
  return {
    config,
    init(params) {
      const paths = new Set(flattenTree(params).map(([path]) => path));
      const unknown = noDecay.filter((path) => !paths.has(path));
      if (unknown.length > 0) {
        throw new InvalidConfigError(
          `optimizer.init: expected noDecay paths of the parameters, got '${unknown.join("', '")}'. Name leaves of the mixer's tree.`,
        );
      }
      return { step: 0, m: zeros(params), v: zeros(params) };
    },
    update(params, grads, state, { learningRate = config.learningRate, gradientScale = 1 } = {}) {
      const places = new Map(flattenTree(params));
      const tensors = [...new Set(places.values())];
      const matching = (what: string, tree: Tree) => tensorsLike(places, tree, `optimizer.update: ${what}`);
      const spared = new Set(noDecay.map((path) => places.get(path)));
      const decayOf = (tensor: tf.Tensor) => (tensor.rank >= 2 && !spared.has(tensor) ? weightDecay : 0);
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
          weightDecay: decayed === 'all' ? weightDecay : tensors.map(decayOf),
          gradientScale,
        },
      );
      const rebuilt = (updated: readonly tf.Tensor[]) => withTensors(params, updated);
      return { params: rebuilt(next.params), state: { step, m: rebuilt(next.m), v: rebuilt(next.v) } };
    },
  };
}
