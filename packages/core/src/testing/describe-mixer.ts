/** The shared suite for mixers: what `Mixer` promises, checked on the engine of this process. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { checkKernels } from '../engines/wasm/kernel.js';
import { InvalidConfigError, ShapeError } from '../errors.js';
import { EVALUATION, type Mixer } from '../mixer.js';
import { withReferenceForms } from '../ops/define-op.js';
import * as tf from '../tf.js';
import {
  disposeTree,
  flattenTree,
  mapTree,
  type Tree,
  treeSize,
  treeTensors,
  unflattenTree,
  withTensors,
} from '../tree.js';
import { expectClose, expectFinite, expectGradient, expectSame, largestMagnitude, testTensor } from './compare.js';
import { expectDepthScaling, expectOwnStreams } from './initialisation.js';
import { expectOptionsMatter, perturbed } from './options-matter.js';
import { profiledMatMulFlops } from './profile.js';
import { expectReading } from './reading.js';
import { againstReference, type RecordedTensor } from './recorded-references.js';
import { isSoftwareDriver, reducedOnSoftware } from './software-driver.js';
import { stepThrough } from './step-through.js';
import { tolerances } from './tolerance.js';

export interface DescribeMixerOptions {
  /** Lengths at which forms are compared; include one across each internal chunk boundary. Default 1, 7, 63. */
  readonly lengths?: readonly number[];
  /** Of the largest magnitude: `step` against `apply`, kernels against reference forms. Default: the engine's. */
  readonly tolerance?: number;
  /** Parameters whose gradient is zero by theory, e.g. the key bias of softmax attention. */
  readonly zeroGradients?: readonly string[];
  /** `false` where `apply` is not smooth (hard retrieval). */
  readonly smooth?: boolean;
  /** Step of the central differences; smaller where the function is strongly curved. Default 5e-3. */
  readonly differenceStep?: number;
  /** Least share of `flops` that the matrix products of the reference forms must account for. Default 0.9. */
  readonly matMulShare?: number;
  /** Options that change neither parameters, outputs nor state of this configuration, and why: `{ chunkSize: 'speed' }`. */
  readonly idleOptions?: Readonly<Record<string, string>>;
  /** Another value of an option whose schema tells none, such as a string. */
  readonly otherValues?: Readonly<Record<string, unknown>>;
  /** `false` for a mixer without an output projection, whose `init` has no use for `nLayers`. */
  readonly scaledByDepth?: boolean;
}

const BATCH = 2;

/** Holds a mixer to the contract of {@link Mixer}. `make` must return the same configuration each time. */
export function describeMixer(name: string, make: () => Mixer, options: DescribeMixerOptions = {}): void {
  const { lengths = [1, 7, 63], zeroGradients = [], smooth = true, differenceStep = 5e-3, matMulShare = 0.9 } = options;
  const { idleOptions = {}, otherValues = {}, scaledByDepth = true } = options;
  const ROUNDING = ' If rounding explains it, give the suite a `tolerance`.';

  describe(`mixer ${name}`, () => {
    let mixer: Mixer;
    let params: Tree;
    let dModel: number;
    const tolerance = () => options.tolerance ?? tolerances().mixer;

    beforeAll(async () => {
      await useEngine();
      checkKernels();
      mixer = make();
      dModel = mixer.config.dModel as number;
      params = perturbed(mixer.init(7));
    });

    const input = (seqLen: number, seed = 3) => testTensor<tf.Rank.R3>([BATCH, seqLen, dModel], seed);
    const tokenAt = (x: tf.Tensor3D, t: number) =>
      tf.tidy(() => tf.slice(x, [0, t, 0], [-1, 1, -1]).reshape<tf.Tensor2D>([x.shape[0], dModel]));
    const run = (x: tf.Tensor3D) => tf.tidy(() => mixer.apply(params, x, EVALUATION));

    it('initialises the same parameters for a seed, others for another, all finite', async () => {
      const [first, same, other] = [mixer.init(11), mixer.init(11), mixer.init(12)] as [Tree, Tree, Tree];
      let differs = false;
      for (const [path, leaf] of flattenTree(first)) {
        await expectFinite(leaf, `${name}.init: ${path}`);
        await expectSame(unflattened(same, path) as tf.Tensor, leaf, `${name}.init: ${path}`);
        const [values, others] = [await leaf.data(), await (unflattened(other, path) as tf.Tensor).data()];
        differs ||= others.some((value, index) => value !== values[index]);
      }
      expect(differs, 'init(12) differs from init(11)').toBe(true);
      for (const tree of [first, same, other]) disposeTree(tree);
    });

    it('draws every parameter from a stream of its own', async () => {
      await expectOwnStreams(mixer);
    });

    it('scales its output projections with the number of layers', async () => {
      await expectDepthScaling(mixer, scaledByDepth);
    });

    it('uses every option', async (context) => {
      if (isSoftwareDriver()) context.skip('that options matter: held on wasm, the same on every engine');
      await expectOptionsMatter(mixer, idleOptions, otherValues);
    });

    it.each(lengths)('keeps the shape and repeats bit for bit at length %i', async (seqLen) => {
      const x = input(seqLen);
      const [once, again] = [run(x), run(x)];
      expect(once.shape).toEqual([BATCH, seqLen, dModel]);
      await expectSame(again, once, `${name}.apply`);
      tf.dispose([x, once, again]);
    });

    it.each(lengths)('computes the same with fast kernels and reference forms at length %i', async (seqLen) => {
      const x = input(seqLen);
      const fast = run(x);
      const compute = () => [withReferenceForms(() => run(x))];
      await againstReference(compute, ([reference]) =>
        expectClose(
          fast,
          reference as RecordedTensor,
          tolerance(),
          `${name}: kernels against reference forms`,
          undefined,
          ROUNDING,
        ),
      );
      tf.dispose([x, fast]);
    });

    it.for(lengths)('computes the same by step and by apply at length %i', async (seqLen, context) => {
      if (isSoftwareDriver() && seqLen < Math.max(...lengths)) {
        context.skip('step against apply: the longest length alone on a software driver');
      }
      const x = input(seqLen);
      const parallel = run(x);
      const { y, state } = stepThrough(mixer, params, x);
      await expectClose(y, parallel, tolerance(), `${name}: step against apply`, undefined, ROUNDING);
      disposeTree(state);
      tf.dispose([x, parallel, y]);
    });

    it('prefills to the state that step reaches', async () => {
      const seqLen = Math.max(...lengths);
      const x = input(seqLen);
      const split = Math.max(1, Math.floor(seqLen / 2));
      const [head, tail] = [tf.slice(x, [0, 0, 0], [-1, split, -1]), tf.slice(x, [0, split, 0])] as [
        tf.Tensor3D,
        tf.Tensor3D,
      ];
      const parallel = run(x);
      const filled = mixer.prefill(params, head);
      const rest = stepThrough(mixer, params, tail, filled.state);
      const joined = tf.concat([filled.y, rest.y], 1);
      await expectClose(joined, parallel, tolerance(), `${name}: prefill and step against apply`, undefined, ROUNDING);
      disposeTree(rest.state);
      tf.dispose([x, head, tail, parallel, filled.y, rest.y, joined]);
    });

    it('says what it reads', async (context) => {
      if (!mixer.read) context.skip(`${name} has no read, which a mixer may leave out`);
      if (isSoftwareDriver()) context.skip('what a mixer reads: held on wasm, which shows it');
      for (const seqLen of lengths) {
        const x = input(seqLen);
        await expectReading(mixer, params, x, tolerance());
        x.dispose();
      }
    });

    it('is causal, and later tokens see earlier ones', async () => {
      const seqLen = 13;
      const at = 5;
      const x = input(seqLen);
      const change = tf.tidy(() =>
        tf
          .oneHot(tf.tensor1d([at], 'int32'), seqLen)
          .reshape([1, seqLen, 1])
          .toFloat(),
      );
      const changed = tf.tidy(() => tf.add(x, change) as tf.Tensor3D);
      const [before, after] = [run(x), run(changed)];
      const difference = await tf.tidy(() => tf.sub(before, after).abs().max([0, 2])).data();
      const scale = largestMagnitude(await before.data());
      const early = difference.findIndex((change, t) => t < at && change > 1e-6 * scale);
      expect(early, `the first token before x[:, ${at}] that changes with it (-1: none)`).toBe(-1);
      expect(difference[at], `change of y[:, ${at}] with x[:, ${at}]`).toBeGreaterThan(1e-4 * scale);
      tf.dispose([x, change, changed, before, after]);
    });

    it('treats the sequences of a batch on their own', async () => {
      const x = input(9);
      const whole = run(x);
      const rows = Array.from({ length: BATCH }, (_, b) => {
        const row = tf.slice(x, [b, 0, 0], [1, -1, -1]);
        const y = run(row);
        row.dispose();
        return y;
      });
      const joined = tf.concat(rows, 0);
      await expectClose(joined, whole, 1e-5, `${name}: sequences one by one against a batch`);
      tf.dispose([x, whole, joined, ...rows]);
    });

    it('refuses parameters that are not its own, and what is no seed', () => {
      const [x, token] = [input(3), testTensor<tf.Rank.R2>([BATCH, dModel])];
      const refuses = (given: Tree) => {
        const before = tf.memory().numTensors;
        expect(() => mixer.apply(given, x, EVALUATION)).toThrow(ShapeError);
        expect(() => mixer.prefill(given, x)).toThrow(ShapeError);
        expect(tf.memory().numTensors).toBe(before);
        const state = mixer.initState(BATCH);
        expect(() => mixer.step(given, token, state)).toThrow(ShapeError);
        disposeTree(state);
      };
      refuses({ ...params, unknown: x });
      const paths = flattenTree(params).map(([path]) => path);
      for (const missing of paths) refuses(unflattenTree(flattenTree(params).filter(([path]) => path !== missing)));
      const freed = mixer.init(1);
      disposeTree(freed);
      if (paths.length > 0) refuses(freed);
      for (const seed of [0.5, Number.NaN]) expect(() => mixer.init(seed)).toThrow(InvalidConfigError);
      tf.dispose([x, token]);
    });

    it('holds the state it says', () => {
      const seqLen = 35; // rooms of 16 and 32 rows are filled
      const sizeAfter = (t: number) => BATCH * (mixer.stateSize(t) + (mixer.stateRoom?.(t) ?? 0));
      let state = mixer.initState(BATCH);
      expect(treeSize(state), 'elements of initState, stateSize(0) for each sequence').toBe(sizeAfter(0));
      for (let t = 1; t <= seqLen; t += 1) {
        const token = testTensor<tf.Rank.R2>([BATCH, dModel], t);
        const next = mixer.step(params, token, state);
        state = next.state;
        tf.dispose([token, next.y]);
        for (const [path, leaf] of flattenTree(state)) expect(leaf.shape[0], path).toBe(BATCH);
        const what = `elements after ${t} tokens, stateSize(${t}) for each sequence (and stateRoom(${t}), where there is any)`;
        expect(treeSize(state), what).toBe(sizeAfter(t));
      }
      disposeTree(state);
    });

    it('goes two ways from a state that was cloned', async () => {
      const head = input(18); // past a room of 16 rows: there is room in what is cloned
      const start = stepThrough(mixer, params, head);
      const tails = [input(4, 4), input(4, 5)];
      const states = [start.state, mapTree(start.state, (leaf) => leaf.clone())];
      const outputs: tf.Tensor2D[][] = [[], []];
      for (let t = 0; t < 4; t += 1) {
        for (const [way, tail] of tails.entries()) {
          const token = tokenAt(tail, t);
          const { y, state } = mixer.step(params, token, states[way] as Tree);
          token.dispose();
          outputs[way]?.push(y);
          states[way] = state;
        }
      }
      for (const [way, tail] of tails.entries()) {
        const [y, parallel] = tf.tidy(() => {
          const all = run(tf.concat([head, tail], 1));
          return [tf.stack(outputs[way] as tf.Tensor2D[], 1), tf.slice(all, [0, 18, 0])];
        }) as [tf.Tensor, tf.Tensor];
        await expectClose(
          y,
          parallel,
          tolerance(),
          `${name}: step, two ways in turn, against apply`,
          undefined,
          ROUNDING,
        );
        tf.dispose([y, parallel]);
      }
      for (const state of states) disposeTree(state);
      tf.dispose([head, start.y, ...tails, ...outputs.flat()]);
    });

    it('has finite gradients, non-zero for every parameter', async () => {
      const x = input(17);
      const { gradients, names } = gradientsOf(x);
      const unknown = zeroGradients.filter((path) => !names.includes(path));
      expect(unknown, 'zeroGradients that are no parameters').toEqual([]);
      for (const [index, gradient] of gradients.entries()) {
        const path = names[index] as string;
        await expectFinite(gradient, `${name}: gradient of ${path}`);
        if (zeroGradients.includes(path)) continue;
        const what = `gradient of ${path} (where it is zero by theory: { zeroGradients: ['${path}'] })`;
        expect(largestMagnitude(await gradient.data()), what).toBeGreaterThan(0);
      }
      tf.dispose([x, ...gradients]);
    });

    it.for([11, 1])('has the gradient of central differences at length %i', async (seqLen, context) => {
      if (!smooth) return context.skip(`${name} is not smooth`);
      const x = input(seqLen);
      const { inputs, gradients, weights, evaluate, names } = gradientsOf(x);
      await expectGradient({
        at: inputs,
        gradients,
        weights: await weights.data(),
        evaluate,
        names,
        step: differenceStep,
        what: name,
        remedy: ' Options of the suite: a shorter `differenceStep`, or `smooth: false` where it jumps.',
      });
      tf.dispose([x, ...gradients, weights]);
    });

    it('leaks no tensor', () => {
      const x = input(7);
      const token = testTensor<tf.Rank.R2>([BATCH, dModel]);
      const before = tf.memory().numTensors;
      run(x).dispose();
      tf.dispose(gradientsOf(x).all);
      const first = mixer.step(params, token, mixer.initState(BATCH));
      const second = mixer.step(params, token, first.state);
      tf.dispose([first.y, second.y]);
      disposeTree(second.state);
      const filled = mixer.prefill(params, x);
      filled.y.dispose();
      disposeTree(filled.state);
      disposeTree(mixer.init(1));
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([x, token]);
    });

    it('stays finite on large inputs and long sequences', async (context) => {
      const long = await reducedOnSoftware(context, 'tokens of a long sequence', 1025, 257);
      for (const x of [testTensor<tf.Rank.R3>([1, 33, dModel], 3, 1e3), testTensor<tf.Rank.R3>([1, long, dModel], 4)]) {
        const y = run(x);
        await expectFinite(y, `${name}.apply of ${x.shape[1]} tokens`);
        tf.dispose([x, y]);
      }
    });

    it('counts its FLOPs', async (context) => {
      if (isSoftwareDriver()) context.skip('FLOPs of reference forms: counted on wasm, the same on every engine');
      const seqLen = 48;
      const x = testTensor<tf.Rank.R3>([1, seqLen, dModel]);
      const counted = await profiledMatMulFlops(() => withReferenceForms(() => run(x)));
      const claimed = mixer.flops(seqLen);
      expect(
        counted,
        `matrix products of apply, where flops(${seqLen}) leaves some out: it says ${claimed}`,
      ).toBeLessThanOrEqual(claimed * 1.001);
      const share = `share of matrix products in flops(${seqLen}) = ${claimed} (less by theory: { matMulShare })`;
      expect(counted / claimed, share).toBeGreaterThanOrEqual(matMulShare);
      x.dispose();
    });

    /** Gradients of a random projection of `apply` with respect to x and every parameter. */
    function gradientsOf(x: tf.Tensor3D) {
      const paths = flattenTree(params).map(([path]) => path);
      const inputs = [x, ...treeTensors(params)] as tf.Tensor[];
      const weights = testTensor<tf.Rank.R1>([x.size], 21);
      const evaluate = ([at, ...tensors]: tf.Tensor[]) =>
        mixer.apply(withTensors(params, tensors), at as tf.Tensor3D, EVALUATION).flatten();
      const gradients = tf.grads((...tensors: tf.Tensor[]) => evaluate(tensors).mul(weights).sum())(inputs);
      return { inputs, gradients, weights, evaluate, names: ['x', ...paths], all: [...gradients, weights] };
    }
  });
}

function unflattened(tree: Tree, path: string): tf.Tensor | undefined {
  return flattenTree(tree).find(([name]) => name === path)?.[1];
}
