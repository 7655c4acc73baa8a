/**
 * AdamW over trees: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101, algorithm 2, as
 * torch.optim.AdamW computes it. Functions over explicit trees; the state is what a checkpoint holds.
 */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { InvalidConfigError } from '../errors.js';
import type { ParameterFactors } from '../mixer.js';
import { adamWStep } from '../ops/adam-w/index.js';
import { tensorsLike } from '../structure.js';
import * as tf from '../tf.js';
import { flattenTree, mapTree, type Tree, withTensors } from '../tree.js';

const pattern = z.string().min(1);

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
  /** Paths of further parameters that do not decay; `*` stands for any characters: `embedding.weight`, `*.oProj.*`. */
  noDecay: z.array(pattern).optional(),
  /** Factors of rate and decay of the parameters whose paths match; of several patterns that do, all count. */
  factors: z
    .record(
      pattern,
      z.strictObject({
        /** Times the rate. */
        learningRate: z.number().nonnegative().optional(),
        /** Times the decay. */
        weightDecay: z.number().nonnegative().optional(),
      }),
    )
    .optional(),
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
   * @throws InvalidConfigError if `noDecay` or `factors` have a path that no parameter has. A pattern with `*` may match none:
   *   models that are trained alike have different parameters.
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
 * @param options.factors - a model's `factors`. Where the config has a factor for a path, that one counts in its place; those of decay
 *   count for nothing where `decayed` is `'all'`.
 * @throws InvalidConfigError
 */
export function createOptimizer(
  input: OptimizerConfig = {},
  {
    noDecay = [],
    factors: declared = {},
  }: { readonly noDecay?: readonly string[]; readonly factors?: Readonly<Record<string, ParameterFactors>> } = {},
): Optimizer {
  const config = Object.freeze(parseConfig(optimizerSchema, input, 'optimizer'));
  const { beta1, beta2, eps, weightDecay, decayed, factors = {} } = config;
  const spared = [...(config.noDecay ?? []), ...(decayed === 'all' ? [] : noDecay)];
  const zeros = <T extends Tree>(params: T) => mapTree(params, (leaf) => tf.zerosLike(leaf));

  /** The factor of a parameter's rate, and its decay. */
  function rulesOf(path: string, tensor: tf.Tensor): { readonly rate: number; readonly decay: number } {
    const factor = (key: keyof ParameterFactors) => {
      const told = factorsFor(factors, path, key);
      const asDeclared = told.length === 0 && !(key === 'weightDecay' && decayed === 'all');
      return (asDeclared ? factorsFor(declared, path, key) : told).reduce((product, each) => product * each, 1);
    };
    const decays = (decayed === 'all' || tensor.rank >= 2) && !spared.some((pattern) => matches(path, pattern));
    return { rate: factor('learningRate'), decay: decays ? weightDecay * factor('weightDecay') : 0 };
  }

  return {
    config,
    init(params) {
      const paths = flattenTree(params).map(([path]) => path);
      const named = {
        noDecay: [...(config.noDecay ?? []), ...noDecay],
        factors: [factors, declared].flatMap(Object.keys),
      };
      for (const [what, patterns] of Object.entries(named)) {
        const unknown = patterns.filter((pattern) => !pattern.includes('*') && !paths.includes(pattern));
        if (unknown.length === 0) continue;
        throw new InvalidConfigError(
          `optimizer.init: expected ${what} paths of the parameters, got '${unknown.join("', '")}'. There are '${paths.slice(0, 6).join("', '")}' and ${Math.max(0, paths.length - 6)} more.`,
        );
      }
      return { step: 0, m: zeros(params), v: zeros(params) };
    },
    update(params, grads, state, { learningRate = config.learningRate, gradientScale = 1 } = {}) {
      const places = new Map(flattenTree(params));
      const matching = (what: string, tree: Tree) => tensorsLike(places, tree, `optimizer.update: ${what}`);
      const step = state.step + 1;
      const before = {
        params: [...new Set(places.values())],
        m: matching('state.m', state.m),
        v: matching('state.v', state.v),
      };
      const gradients = matching('gradients', grads);
      // Of a tied tensor the rules at the first of its places, as of its gradient.
      const firstPlace = new Map([...places].reverse().map(([path, tensor]) => [tensor, path]));
      const rules = before.params.map((tensor) => rulesOf(firstPlace.get(tensor) as string, tensor));
      const after = { params: [...before.params], m: [...before.m], v: [...before.v] };
      for (const rate of new Set(rules.map(({ rate }) => rate))) {
        const at = rules.flatMap((rule, index) => (rule.rate === rate ? [index] : []));
        const pick = <T>(list: readonly T[]) => at.map((index) => list[index] as T);
        const next = adamWStep({ params: pick(before.params), m: pick(before.m), v: pick(before.v) }, pick(gradients), {
          learningRate: learningRate * rate,
          beta1,
          beta2,
          eps,
          step,
          weightDecay: pick(rules).map(({ decay }) => decay),
          gradientScale,
        });
        for (const [n, index] of at.entries()) {
          for (const part of ['params', 'm', 'v'] as const) after[part][index] = next[part][n] as tf.Tensor;
        }
      }
      const rebuilt = (updated: readonly tf.Tensor[]) => withTensors(params, updated);
      return { params: rebuilt(after.params), state: { step, m: rebuilt(after.m), v: rebuilt(after.v) } };
    },
  };
}

/** The factors of one kind that the patterns of a path have. */
function factorsFor(
  factors: Readonly<Record<string, ParameterFactors>>,
  path: string,
  key: keyof ParameterFactors,
): number[] {
  return Object.entries(factors).flatMap(([pattern, own]) => (matches(path, pattern) ? (own[key] ?? []) : []));
}

/** Whether a path is the one a pattern names; `*` stands for any characters. */
function matches(path: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(path);
}
