/**
 * Golden vectors: safetensors files made by an independent float64 reference. A file holds an input `x`, parameters
 * `params.*`, the output `y`, an upstream gradient `dy` and the gradients `grad.*` of sum(y dy).
 *
 * A package that can be checked against such files exports `golden` from `src/golden.ts`: for each name that the
 * files use in their metadata, a check.
 */
import { readFile } from 'node:fs/promises';
import { type ApplyContext, EVALUATION, type Mixer } from '../mixer.js';
import { assertSameStructure } from '../structure.js';
import * as tf from '../tf.js';
import { readSafetensors } from '../train/safetensors.js';
import { disposeTree, flattenTree, type Tree, treeTensors, unflattenTree, withTensors } from '../tree.js';
import { expectClose, gradientsOf, largestMagnitude } from './compare.js';
import { tolerances } from './tolerance.js';

/** A tensor as stored. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** One file. */
export interface GoldenCase {
  readonly file: string;
  /** What the vectors belong to, as the files name it: `cat`, `selectiveScan`, ... */
  readonly mixer: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, GoldenTensor>;
}

/** Throws where the file's numbers are not met. */
export type GoldenCheck = (golden: GoldenCase) => Promise<void>;

/** The checks of a package, by the files' names. */
export type GoldenChecks = Readonly<Record<string, GoldenCheck>>;

/**
 * Share of a file's largest parameter gradient below which a gradient counts as zero: the shift invariance of
 * softmax makes some exactly zero, and what both sides hold there is rounding noise.
 */
const ZERO_GRADIENT = 0.05;

/** Reads a golden file. @throws CheckpointError if it is damaged. */
export async function readGolden(file: string): Promise<GoldenCase> {
  const { tensors, metadata } = readSafetensors(await readFile(file), file);
  return {
    file,
    mixer: metadata.mixer ?? 'unknown',
    config: JSON.parse(metadata.config ?? '{}') as Record<string, unknown>,
    tensors: new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }])),
  };
}

/** The stored tensor as a tensor of the engine. @throws Error if the file lacks it. */
export function goldenTensor<T extends tf.Tensor = tf.Tensor>(golden: GoldenCase, name: string): T {
  const stored = golden.tensors.get(name);
  if (!stored) throw new Error(`${golden.file}: expected a tensor '${name}', got none.`);
  return tf.tensor(stored.data, [...stored.shape], stored.data instanceof Int32Array ? 'int32' : 'float32') as T;
}

/** The tree of all stored tensors whose name starts with `prefix`. */
export function goldenTree<T extends Tree = Tree>(golden: GoldenCase, prefix = 'params.'): T {
  const names = [...golden.tensors.keys()].filter((name) => name.startsWith(prefix));
  return unflattenTree<T>(names.map((name) => [name.slice(prefix.length), goldenTensor(golden, name)] as const));
}

/** Compares a computed tensor with a stored one. */
export async function expectGolden(golden: GoldenCase, name: string, actual: tf.Tensor, floor = 1e-6): Promise<void> {
  const stored = golden.tensors.get(name);
  if (!stored) throw new Error(`${golden.file}: expected a tensor '${name}', got none.`);
  await expectClose(actual, stored, tolerances().golden, `${golden.file}: ${name}`, floor);
}

/** Compares gradients with the stored `grad.params.*`. */
export async function expectGoldenGradients(
  golden: GoldenCase,
  paths: readonly string[],
  gradients: readonly tf.Tensor[],
): Promise<void> {
  const stored = [...golden.tensors].filter(([name]) => name.startsWith('grad.params.'));
  const largest = Math.max(0, ...stored.map(([, { data }]) => largestMagnitude(data)));
  const floor = Math.max(ZERO_GRADIENT * largest, 1e-6);
  for (const [index, path] of paths.entries()) {
    await expectGolden(golden, `grad.params.${path}`, gradients[index] as tf.Tensor, floor);
  }
}

/** Checks `y`, `grad.x` and every `grad.params.*` of a file against a differentiable function of x and parameters. */
export async function expectGoldenFunction(
  golden: GoldenCase,
  compute: (x: tf.Tensor, params: Tree) => tf.Tensor,
): Promise<void> {
  const x = goldenTensor(golden, 'x');
  const dy = goldenTensor(golden, 'dy');
  const params = goldenTree(golden);
  const paths = flattenTree(params).map(([path]) => path);

  const y = tf.tidy(() => compute(x, params));
  await expectGolden(golden, 'y', y);
  const [gradX, ...gradParams] = gradientsOf(
    ([at, ...tensors]) =>
      compute(at as tf.Tensor, withTensors(params, tensors))
        .mul(dy)
        .sum(),
    [x, ...treeTensors(params)],
  ) as [tf.Tensor, ...tf.Tensor[]];
  await expectGolden(golden, 'grad.x', gradX);
  await expectGoldenGradients(golden, paths, gradParams);
  tf.dispose([x, dy, y, gradX, ...gradParams]);
  disposeTree(params);
}

/** A file whose parameters have other names than the mixer's: `rename('qConv.weight')` is `qFilter`. */
export function renamed(golden: GoldenCase, rename: (path: string) => string): GoldenCase {
  const tensors = [...golden.tensors].map(([name, tensor]) => {
    const [, place = '', path = ''] = /^((?:grad\.)?params\.)(.*)$/.exec(name) ?? [];
    return [place === '' ? name : place + rename(path), tensor] as const;
  });
  return { ...golden, tensors: new Map(tensors) };
}

/**
 * The check of a mixer: the file's parameters have the structure of the mixer's own, `apply` and its gradients meet
 * the file, and so does `step`, token by token.
 *
 * @param make - the mixer for a file's config, whose names are the file's, e.g. `modelDim`.
 * @example goldenMixer((config: { modelDim: number }) => gatedMean({ dModel: config.modelDim }))
 */
export function goldenMixer<C = Readonly<Record<string, never>>>(
  make: (config: C, golden: GoldenCase) => Mixer,
  context: ApplyContext = EVALUATION,
): GoldenCheck {
  return async (golden) => {
    const mixer = make(golden.config as C, golden);
    const params = goldenTree(golden);
    const fresh = mixer.init(1);
    assertSameStructure(fresh, params, `${golden.file}: parameters of ${mixer.name}`);
    disposeTree(fresh);
    await expectGoldenFunction(golden, (x, tree) => mixer.apply(tree, x as tf.Tensor3D, context));
    if (!context.training && !context.soft) await expectGoldenSteps(golden, mixer, params);
    disposeTree(params);
  };
}

async function expectGoldenSteps(golden: GoldenCase, mixer: Mixer, params: Tree): Promise<void> {
  const x = goldenTensor<tf.Tensor3D>(golden, 'x');
  const tokens = tf.unstack(x, 1) as tf.Tensor2D[];
  let state = mixer.initState(x.shape[0]);
  const outputs = tokens.map((token) => {
    const { y, state: next } = mixer.step(params, token, state);
    state = next;
    return y;
  });
  const y = tf.stack(outputs, 1);
  await expectGolden(golden, 'y', y);
  disposeTree(state);
  tf.dispose([x, y, ...tokens, ...outputs]);
}
