/** Every kind of model: its loss and gradients, generation, counts. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { withReferenceForms } from '../ops/define-op.js';
import { IGNORED_LABEL } from '../task.js';
import { expectClose, profiledMatMulFlops, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, treeLeaves, treeSize, unflattenTree } from '../tree.js';
import { B, batch, build, D, idsOf, L, mixer, perturbed, scalarValue, V } from './__fixtures__/small-model.js';
import { disposeState, type LanguageModelConfig, type LanguageModelParams } from './language-model.js';

beforeAll(async () => {
  await useEngine();
});

const blocks: [string, Partial<LanguageModelConfig>][] = [
  ['zoology', {}],
  ['LLaMA', { layers: [{ sequenceMixer: mixer, channelMixer: 'swiGlu' }], norm: 'rmsNorm', tieEmbeddings: false }],
  [
    'Pythia',
    {
      layers: [0, 1].map(() => ({ sequenceMixer: mixer, channelMixer: 'mlp' as const, residual: 'parallel' as const })),
    },
  ],
  ['Mamba', { layers: [{ sequenceMixer: mixer, residual: 'mixerOnly' }], norm: 'rmsNorm' }],
  ['learned positions', { positions: 'learned', maxPositions: 3, positionsPastEnd: 'wrap' }],
];

describe.each(blocks)('%s', (_, overrides) => {
  const model = build(overrides);
  let params: LanguageModelParams;
  beforeAll(() => {
    params = perturbed(model.init(2));
  });

  it('has the loss of its logits at the labelled positions, and its gradients', async () => {
    const examples = batch();
    const at = [...examples.labels.keys()].filter((index) => examples.labels[index] !== IGNORED_LABEL);
    const whole = (): tf.Scalar => {
      const logits = model.logits(params, model.hidden(params, idsOf(examples))).reshape<tf.Tensor2D>([-1, V]);
      const targets = Int32Array.from(examples.labels, (label) => Math.max(label, 0));
      const scored = Float32Array.from(examples.labels, (label) => (label === IGNORED_LABEL ? 0 : 1));
      const logProbability = tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(tf.tensor1d(targets, 'int32'), V)), -1);
      return tf.neg(tf.div(tf.sum(tf.mul(logProbability, tf.tensor1d(scored))), at.length));
    };
    const leaves = treeLeaves(params);
    const expected = tf.engine().gradients(whole, leaves);
    const actual = tf.engine().gradients(() => model.loss(params, examples).loss, leaves);
    await expectClose(actual.value, expected.value, 1e-5, 'loss');
    const magnitudes = expected.grads.map((grad) => scalarValue(() => tf.max(tf.abs(grad))));
    const largest = 1e-3 * Math.max(...(await Promise.all(magnitudes)));
    for (const [index, [path]] of flattenTree(params).entries()) {
      await expectClose(actual.grads[index] as tf.Tensor, expected.grads[index] as tf.Tensor, 5e-5, path, largest);
    }
    const { correct, count } = model.loss(params, examples);
    const predicted = await model.predict(params, examples).data();
    expect(count).toBe(at.length);
    expect([...(await correct.data())]).toEqual(
      at.map((index, n) => (examples.labels[index] === predicted[n] ? 1 : 0)),
    );
  });

  it('has the gradient of central differences', async () => {
    const examples = batch();
    const loss = async () => {
      const { loss } = model.loss(params, examples);
      const [value] = await loss.data();
      return value as number;
    };
    const leaves = flattenTree(params);
    const { grads } = tf.engine().gradients(
      () => model.loss(params, examples).loss,
      leaves.map(([, tensor]) => tensor),
    );
    const original = params;
    for (const [index, [path, tensor]] of leaves.entries()) {
      const direction = testTensor(tensor.shape as [number], 90 + index);
      const slope = await scalarValue(() => tf.sum(tf.mul(grads[index] as tf.Tensor, direction)));
      const at = async (step: number) => {
        params = unflattenTree(
          leaves.map(([name, value]) => [name, name === path ? tf.add(value, tf.mul(direction, step)) : value]),
        );
        return loss();
      };
      const step = 2e-3;
      const difference = ((await at(step)) - (await at(-step))) / (2 * step);
      const scale = await scalarValue(() => tf.norm(grads[index] as tf.Tensor));
      expect(Math.abs(difference - slope), `${path}: ${difference} against ${slope}`).toBeLessThan(0.02 * scale + 5e-4);
    }
    params = original;
  });

  it('generates by step what the parallel form says, after a prefill too', async () => {
    const ids = idsOf(batch());
    const parallel = tf.tidy(() => model.logits(params, model.hidden(params, ids)));
    const before = tf.memory().numTensors;
    const column = (t: number) => tf.tidy(() => tf.slice(ids, [0, t], [-1, 1]).reshape<tf.Tensor1D>([B]));
    for (const prefix of [0, 1, 4]) {
      let state = model.initState(B);
      const logits: tf.Tensor[] = [];
      if (prefix > 0) {
        disposeState(state);
        const head = tf.slice(ids, [0, 0], [-1, prefix]);
        const filled = model.prefill(params, head);
        head.dispose();
        logits.push(filled.logits);
        state = filled.state;
      }
      for (let t = prefix; t < L; t += 1) {
        const token = column(t);
        const stepped = model.step(params, token, state);
        token.dispose();
        logits.push(stepped.logits);
        state = stepped.state;
      }
      expect(state.position).toBe(L);
      const joined = tf.stack(logits, 1);
      const tail = tf.slice(parallel, [0, Math.max(0, prefix - 1), 0]);
      await expectClose(joined, tail, 2e-5, `prefix ${prefix}`);
      expect(treeSize(state.layers)).toBe(B * model.stateSize(L));
      disposeState(state);
      tf.dispose([joined, tail, ...logits]);
    }
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([ids, parallel]);
  });

  it('counts parameters and FLOPs', async () => {
    expect(model.parameterCount).toBe(treeSize(params));
    const seqLen = 40;
    const examples = batch(0.5, 1, seqLen);
    const ids = idsOf(examples);
    const whole = await profiledMatMulFlops(() =>
      withReferenceForms(() => tf.tidy(() => model.logits(params, model.hidden(params, ids)))),
    );
    expect(whole).toBeCloseTo(model.flops(seqLen), -1);
    expect(model.flops(seqLen) - model.flops(seqLen, 10)).toBe(2 * 30 * D * V);
    ids.dispose();
  });

  it('leaks no tensor', () => {
    const examples = batch();
    const before = tf.memory().numTensors;
    const { loss, crossEntropy, correct } = model.loss(params, examples, { training: true, seed: 1 });
    tf.dispose([loss, crossEntropy, correct, model.predict(params, examples)]);
    disposeTree(model.init(4));
    expect(tf.memory().numTensors).toBe(before);
  });
});
