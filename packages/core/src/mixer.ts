/**
 * The contract of a sequence mixer: the part of a language model that mixes information across tokens.
 *
 * A mixer is a plain object of pure functions over an explicit tree of parameters. `apply` is the parallel form
 * used in training, `step` the recurrent form used in generation; they compute the same function. The shared
 * suite `describeMixer` (`@mixerzoo/core/testing`) holds every mixer to this contract.
 *
 * Shape symbols: B batch size, L sequence length, d model width (`dModel`).
 */
import type { z } from 'zod';
import type { InnerFilters } from './blocks/filter-options.js';
import { parseConfig } from './config.js';
import { InvalidConfigError, isZooError, ShapeError } from './errors.js';
import { recorded } from './identity.js';
import { madeBy } from './made-by.js';
import { assertSeed } from './rng.js';
import { createParameters, flattenedAt } from './structure.js';
import * as tf from './tf.js';
import { flattenTree, formatShape, type Tree } from './tree.js';

/** What `apply` may need to know about the call it is part of. */
export interface ApplyContext {
  /** True while training: dropout is on, soft forms replace hard ones. */
  readonly training: boolean;
  /** Seed of this call's dropout masks; a new one every step and layer. */
  readonly seed: number;
  /** Asks an evaluation for the form used in training, where a mixer has one ({@link Mixer.softForm}). */
  readonly soft?: boolean;
  /** Adds a scalar to the training loss (auxiliary objectives). Absent outside of training. */
  readonly addLoss?: (loss: tf.Scalar) => void;
  /**
   * What mixers leave to those of later layers, by names that begin with theirs (`rwkv7.v`): new for every pass through a model, in
   * `step` and `prefill` too. Absent where a mixer is called alone.
   */
  readonly shared?: Map<string, tf.Tensor>;
}

/** The context of an evaluation: no dropout. */
export const EVALUATION: ApplyContext = Object.freeze({ training: false, seed: 0 });

/**
 * The context of a call. An evaluation needs no seed.
 * @throws InvalidConfigError for a training without a seed, which dropout masks derive from.
 */
export function checkedContext<C extends ApplyContext | undefined>(where: string, context: C): C {
  if (!context) return context;
  const { training, seed } = context as Partial<ApplyContext>;
  if (seed !== undefined) assertSeed(`${where}: seed`, seed);
  else if (training) {
    throw new InvalidConfigError(
      `${where}: expected a seed beside training, from which dropout masks derive, got none. Pass { training: true, seed }, with another seed at every step: foldIn(0, step) of @mixerzoo/core.`,
    );
  } else return { ...context, seed: EVALUATION.seed };
  return context;
}

/** Factors of a parameter's learning rate and weight decay. */
export interface ParameterFactors {
  readonly learningRate?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** Where in a model a mixer stands, among the layers of that mixer: `index` of `count`, from 0. */
export interface LayerPlace {
  readonly index: number;
  readonly count: number;
}

/**
 * A mixer's outputs as sums of values: `apply(params, x)` is `readOut` of `weights` times `values`, head by head. H is the number of heads,
 * and p what each reads of a token.
 */
export interface Reading {
  /** What output t takes of the value of token s: [B, H, L, L], zero for s > t. */
  readonly weights: tf.Tensor4D;
  /** [B, H, L, p] */
  readonly values: tf.Tensor4D;
  /** What is made of the sums, [B, L, H p] -> y [B, L, d]; each token on its own. */
  readOut(o: tf.Tensor3D): tf.Tensor3D;
}

/** A sequence mixer. P is its tree of parameters, S its recurrent state. */
export interface Mixer<P extends Tree = Tree, S extends Tree = Tree> {
  readonly specVersion: 1;
  /** The name by which configs and reports know it, e.g. `cat`. */
  readonly name: string;
  /** The parsed config, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Fresh parameters; the caller owns the tensors.
   * @param nLayers - depth of the model it is part of; output projections are scaled by 1 / sqrt(2 nLayers).
   * @throws InvalidConfigError for a seed that is no whole number of 32 bits.
   */
  init(seed: number, nLayers?: number): P;
  /**
   * Parallel form, x: [B, L, d] -> [B, L, d]. `y[:, t]` depends on `x[:, 0..t]` alone.
   * @throws ShapeError, for parameters of another mixer or config too. InvalidConfigError for training without a seed.
   */
  apply(params: P, x: tf.Tensor, context?: ApplyContext): tf.Tensor3D;
  /** State before the first token; every leaf leads with B. The caller owns it. @throws ShapeError for a batch size that is none. */
  initState(batchSize: number): S;
  /**
   * Recurrent form, x: [B, d] -> y: [B, d]; equals `apply` token by token.
   * Consumes `state`: it may be updated in place, and the caller goes on with the returned one.
   * @throws ShapeError
   */
  step(params: P, x: tf.Tensor, state: S, context?: ApplyContext): { y: tf.Tensor2D; state: S };
  /** `apply` from the empty state that also returns the state after the last token. @throws ShapeError */
  prefill(params: P, x: tf.Tensor, context?: ApplyContext): { y: tf.Tensor3D; state: S };
  /**
   * What each token reads of which, to be looked at: softmax maps, or what a linear state comes to. It holds all pairs of tokens, whatever
   * `apply` holds. Absent where outputs are no sums of values with weights that whole heads share.
   * @throws ShapeError
   */
  read?(params: P, x: tf.Tensor, context?: ApplyContext): Reading;
  /** This mixer as it is at a place of a model, where that matters to it. A model asks for it; alone a mixer is as configured. */
  atLayer?(place: LayerPlace): Mixer<P, S>;
  /**
   * This mixer with filters on what it projects, others than it has, or none. Absent where it has no place for any.
   * @throws InvalidConfigError for an option that its filters do not have.
   */
  withFilters?(filters: InnerFilters): Mixer;
  /** The mixer that this one stands around, where it is a wrapper. */
  readonly inner?: Mixer;
  /**
   * Paths of parameters that weight decay spoils, whatever their rank (`aLog`): rates of decay, skips, biases of gates. The
   * optimizer spares them unless it is told to decay everything.
   */
  readonly noDecay?: readonly string[];
  /**
   * Factors of rate and decay by paths of parameters (`w0`), where a paper's recipe has them. Where a config has factors of its own
   * for one, those count.
   */
  readonly factors?: Readonly<Record<string, ParameterFactors>>;
  /** True if training uses a soft form of a hard operation; an evaluation then reports both, and the gap. */
  readonly softForm?: boolean;
  /** Elements of state held per sequence after `seqLen` tokens: what later tokens can depend on. */
  stateSize(seqLen: number): number;
  /**
   * Elements beside those of {@link Mixer.stateSize} that the state has per sequence after `seqLen` steps, on the engine in use: room for
   * tokens to come, and tokens that have left a window but not the memory. Default none.
   */
  stateRoom?(seqLen: number): number;
  /** FLOPs of `apply` per sequence of `seqLen` tokens; a multiply-add is 2, causal masks are not discounted. */
  flops(seqLen: number): number;
}

/**
 * What `create` of {@link defineMixer} returns. Ranks are checked before these are called, while callers may pass what
 * TensorFlow.js types without one (`tf.randomNormal([1, 32, 64])`). Without a `prefill`, `step` is repeated.
 */
export interface MixerForms<P extends Tree, S extends Tree>
  extends Omit<
    Mixer<P, S>,
    'specVersion' | 'name' | 'config' | 'apply' | 'step' | 'prefill' | 'read' | 'atLayer' | 'withFilters'
  > {
  apply(params: P, x: tf.Tensor3D, context?: ApplyContext): tf.Tensor3D;
  step(params: P, x: tf.Tensor2D, state: S, context?: ApplyContext): { y: tf.Tensor2D; state: S };
  prefill?(params: P, x: tf.Tensor3D, context?: ApplyContext): { y: tf.Tensor3D; state: S };
  read?(params: P, x: tf.Tensor3D, context?: ApplyContext): Reading;
}

/** Makes a mixer from its config; carries the schema, so that commands and editors can list and check the options. */
export interface MixerFactory<C extends z.ZodType = z.ZodType, M extends Mixer = Mixer> {
  /** @throws InvalidConfigError */
  (config: z.input<C>): M;
  readonly mixerName: string;
  /** One sentence for `mixerzoo list mixers`. */
  readonly summary: string;
  readonly schema: C;
}

/** The config every mixer of a model is given. */
export interface MixerConfig {
  readonly dModel: number;
}

/**
 * Defines a mixer: a name, a schema of its config, and the functions that a parsed config gives rise to.
 *
 * @example
 * export const cat = defineMixer({ name: 'cat', summary: '…', schema, create: (config) => ({ init, apply, … }) });
 * const mixer = cat({ dModel: 64, nHeads: 1 });
 */
export function defineMixer<C extends z.ZodType, P extends Tree, S extends Tree>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly schema: C;
  create(config: z.output<C>): MixerForms<P, S>;
  /** The config at a place of a model, for mixers whose parameters or start depend on it ({@link Mixer.atLayer}). */
  atLayer?(config: z.output<C>, place: LayerPlace): z.input<C>;
  /** The config with other filters on what it projects ({@link Mixer.withFilters}); `createWithFilters` makes one of options. */
  withFilters?(config: z.output<C>, filters: InnerFilters): z.input<C>;
}): MixerFactory<C, Mixer<P, S>> {
  const { name, summary, schema, create, atLayer, withFilters } = definition;
  const factory = (input: z.input<C>): Mixer<P, S> => {
    const config = parseConfig(schema, input, name);
    const options = recorded(config as Record<string, unknown>);
    const { dModel } = config as MixerConfig;
    const forms = named(name, () => create(config));
    const parameters = createParameters(name, (seed, nLayers) => forms.init(seed, nLayers), options);
    let statePaths: readonly string[] | undefined;
    const pathsOfState = () => {
      statePaths ??= tf.tidy(() => flattenTree(forms.initState(1)).map(([path]) => path));
      return statePaths;
    };
    const sameShape = (form: string, y: tf.Tensor, { shape }: tf.Tensor) => assertOutput(`${name}.${form}`, y, shape);
    return madeBy(factory, {
      specVersion: 1 as const,
      name,
      config: options,
      ...forms,
      ...(atLayer && { atLayer: (place: LayerPlace) => factory(atLayer(config, place)) }),
      ...(withFilters && {
        withFilters: (filters: InnerFilters) => factory(named(name, () => withFilters(config, filters))),
      }),
      init: parameters.init,
      initState(batchSize: number) {
        if (Number.isInteger(batchSize) && batchSize > 0) return forms.initState(batchSize);
        throw new ShapeError(`${name}.initState: expected a number of sequences from 1, got ${batchSize}.`);
      },
      apply(params: P, x: tf.Tensor3D, context?: ApplyContext) {
        assertInput(`${name}.apply`, x, ['B', 'L', dModel]);
        parameters.assert(`${name}.apply`, params);
        const y = forms.apply(params, x, checkedContext(`${name}.apply`, context));
        sameShape('apply', y, x);
        return y;
      },
      step(params: P, x: tf.Tensor2D, state: S, context?: ApplyContext) {
        assertInput(`${name}.step`, x, ['B', dModel]);
        parameters.assert(`${name}.step`, params);
        assertState(`${name}.step`, state, pathsOfState(), x.shape[0]);
        const stepped = forms.step(params, x, state, context);
        sameShape('step', stepped.y, x);
        return stepped;
      },
      prefill(params: P, x: tf.Tensor3D, context?: ApplyContext) {
        assertInput(`${name}.prefill`, x, ['B', 'L', dModel]);
        parameters.assert(`${name}.prefill`, params);
        const checked = checkedContext(`${name}.prefill`, context);
        const filled = forms.prefill ? forms.prefill(params, x, checked) : repeatStep(forms, params, x);
        sameShape('prefill', filled.y, x);
        return filled;
      },
      ...(forms.read && {
        read(params: P, x: tf.Tensor3D, context?: ApplyContext) {
          assertInput(`${name}.read`, x, ['B', 'L', dModel]);
          parameters.assert(`${name}.read`, params);
          return forms.read!(params, x, context);
        },
      }),
    });
  };
  return Object.assign(factory, { mixerName: name, summary, schema });
}

/** `prefill` of a mixer that has none of its own. */
function repeatStep<P extends Tree, S extends Tree>(
  forms: MixerForms<P, S>,
  params: P,
  x: tf.Tensor3D,
): { y: tf.Tensor3D; state: S } {
  const tokens = tf.unstack(x, 1) as tf.Tensor2D[];
  let state = forms.initState(x.shape[0]);
  const outputs = tokens.map((token) => {
    const { y, state: next } = forms.step(params, token, state);
    state = next;
    return y;
  });
  const y = tf.stack(outputs, 1) as tf.Tensor3D;
  tf.dispose([tokens, outputs]);
  return { y, state };
}

/** @throws ShapeError unless x is a float32 tensor of this shape, where letters stand for any size from 1. */
function assertInput(where: string, x: tf.Tensor, shape: readonly (number | string)[]): void {
  const isTensor = x instanceof tf.Tensor;
  const fits =
    isTensor &&
    x.rank === shape.length &&
    shape.every((size, axis) => typeof size === 'string' || size === x.shape[axis]);
  if (fits && x.size > 0 && x.dtype === 'float32') return;
  const received = isTensor ? `${x.dtype} ${formatShape(x.shape)}` : 'no tensor';
  throw new ShapeError(`${where}: expected x of float32 [${shape.join(', ')}], got ${received}.`);
}

/** @throws ShapeError unless y is a float32 tensor of this shape: tensors broadcast, and numbers go wrong in silence. */
export function assertOutput(where: string, y: tf.Tensor, shape: readonly number[]): void {
  const isTensor = y instanceof tf.Tensor;
  if (isTensor && y.dtype === 'float32' && tf.util.arraysEqual(y.shape, [...shape])) return;
  const received = isTensor ? `${y.dtype} ${formatShape(y.shape)}` : 'no tensor';
  throw new ShapeError(
    `${where}: expected an output of the shape of its input, float32 ${formatShape(shape)}, got ${received}. The fault is in the mixer.`,
  );
}

/** @throws ShapeError for a state of another mixer, one that a step has consumed, or one of another number of sequences. */
function assertState(where: string, state: Tree, paths: readonly string[], batchSize: number): void {
  const leaves = flattenedAt(where, state);
  if (leaves.length !== paths.length || leaves.some(([path]) => !paths.includes(path))) {
    const list = (names: readonly string[]) => (names.length > 0 ? names.join(', ') : 'nothing');
    throw new ShapeError(
      `${where}: expected a state of ${list(paths)}, got ${list(leaves.map(([path]) => path))}. Make it with initState or prefill.`,
    );
  }
  for (const [path, leaf] of leaves) {
    if (leaf.isDisposed) {
      throw new ShapeError(
        `${where}: expected a state no step has used, got one that is freed. Go on with the state the last step returned.`,
      );
    }
    if (leaf.shape[0] !== batchSize) {
      throw new ShapeError(
        `${where}: expected a state of ${batchSize} sequences as x has, got '${path}' ${formatShape(leaf.shape)}.`,
      );
    }
  }
}

/** Runs a constructor; its errors begin with the name of what it makes. */
function named<T>(name: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (isZooError(error) && !error.message.startsWith(`${name}:`)) error.message = `${name}: ${error.message}`;
    throw error;
  }
}
