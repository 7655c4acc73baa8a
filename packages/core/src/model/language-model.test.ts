import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError, ShapeError } from '../errors.js';
import { EVALUATION } from '../mixer.js';
import { withReferenceForms } from '../ops/index.js';
import { createRng } from '../rng.js';
import { type Examples, IGNORED_LABEL } from '../task.js';
import { expectClose, profiledMatMulFlops, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, treeLeaves, treeSize, unflattenTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { mlp, swiGlu } from './channel-mixer.js';
import {
  createLanguageModel,
  disposeState,
  type LanguageModelConfig,
  type LanguageModelParams,
} from './language-model.js';

const V = 11;
const D = 6;
const B = 2;
const L = 7;
const mixer = averagingMixer({ dModel: D });

function build(overrides: Partial<LanguageModelConfig> = {}) {
  return createLanguageModel({
    vocabSize: V,
    dModel: D,
    layers: [{ sequenceMixer: mixer }, { sequenceMixer: mixer }],
    dropout: { embedding: 0, residual: 0 },
    ...overrides,
  });
}

/** Parameters moved off their initial values, so that no bias is 0 and no norm the identity. */
function perturbed(params: LanguageModelParams): LanguageModelParams {
  const moved = flattenTree(params).map(
    ([path, leaf], index) =>
      [path, tf.tidy(() => tf.add(leaf, testTensor(leaf.shape as [number], 50 + index, 0.3)))] as const,
  );
  disposeTree(params);
  return unflattenTree<LanguageModelParams & { readonly [name: string]: never }>(moved);
}

function batch(labelShare = 0.5, count = B, seqLen = L): Examples {
  const rng = createRng(3);
  const inputs = Int32Array.from({ length: count * seqLen }, () => rng.integer(V));
  const labels = Int32Array.from({ length: count * seqLen }, () =>
    rng.uniform() < labelShare ? rng.integer(V) : IGNORED_LABEL,
  );
  return { count, seqLen, inputs, labels };
}

const idsOf = ({ inputs, count, seqLen }: Examples) => tf.tensor2d(inputs, [count, seqLen], 'int32');

/** Layer norm, root mean square norm, channel mixers and mixers in plain ops. */
const leaf = (params: LanguageModelParams, path: string) => new Map(flattenTree(params)).get(path) as tf.Tensor;
const plain = (params: LanguageModelParams) => ({
  norm(name: string, x: tf.Tensor): tf.Tensor {
    const bias = leaf(params, `${name}.bias`);
    const centred = bias ? tf.sub(x, tf.mean(x, -1, true)) : x;
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
    const scaled = tf.mul(tf.mul(centred, scale), leaf(params, `${name}.weight`));
    return bias ? tf.add(scaled, bias) : scaled;
  },
  mix: (layer: number, x: tf.Tensor) => mixer.apply(params.layers[layer]?.mixer as never, x as tf.Tensor3D, EVALUATION),
  dense(name: string, x: tf.Tensor): tf.Tensor {
    const weight = leaf(params, `${name}.weight`) as tf.Tensor2D;
    const y = tf
      .matMul(tf.reshape(x, [-1, weight.shape[0]]) as tf.Tensor2D, weight)
      .reshape([...x.shape.slice(0, -1), weight.shape[1]]);
    const bias = leaf(params, `${name}.bias`);
    return bias ? tf.add(y, bias) : y;
  },
  embed: (ids: tf.Tensor2D) =>
    tf.gather(params.embedding.weight, ids.flatten()).reshape([ids.shape[0], ids.shape[1], D]),
  head: (x: tf.Tensor, table = params.embedding.weight) =>
    tf
      .matMul(tf.reshape(x, [-1, D]) as tf.Tensor2D, table as tf.Tensor2D, false, true)
      .reshape([...x.shape.slice(0, -1), V]),
});

/** A scalar, read back and freed. */
async function scalarValue(scalar: () => tf.Tensor): Promise<number> {
  const tensor = tf.keep(tf.tidy(scalar));
  const [value] = await tensor.data();
  tensor.dispose();
  return value as number;
}

async function expectLogits(
  model: ReturnType<typeof build>,
  params: LanguageModelParams,
  formula: (ops: ReturnType<typeof plain>, ids: tf.Tensor2D) => tf.Tensor,
): Promise<void> {
  const ids = idsOf(batch());
  const expected = tf.tidy(() => formula(plain(params), ids));
  const actual = tf.tidy(() => model.logits(params, model.hidden(params, ids)));
  await expectClose(actual, expected, 1e-5, 'logits');
  tf.dispose([ids, expected, actual]);
}

beforeAll(async () => {
  await useEngine();
});

describe('backbones', () => {
  it("is zoology's by default, the last norm2 entering the residual", async () => {
    const model = build();
    const params = perturbed(model.init(1));
    expect(flattenTree(params).map(([path]) => path)).toEqual([
      'embedding.weight',
      ...[0, 1].flatMap((i) =>
        ['norm1.weight', 'norm1.bias', 'mixer.vProj.weight', 'mixer.oProj.weight', 'norm2.weight', 'norm2.bias'].map(
          (name) => `layers.${i}.${name}`,
        ),
      ),
      'normF.weight',
      'normF.bias',
    ]);
    await expectLogits(model, params, ({ norm, mix, embed, head }, ids) => {
      let hidden = embed(ids);
      let residual: tf.Tensor = tf.zerosLike(hidden);
      for (const layer of [0, 1]) {
        residual = tf.add(residual, hidden);
        hidden = mix(layer, norm(`layers.${layer}.norm1`, residual));
        residual = tf.add(residual, hidden);
        hidden = norm(`layers.${layer}.norm2`, residual);
      }
      return head(norm('normF', tf.add(hidden, residual)));
    });
    disposeTree(params);
  });

  it('is LLaMA by configuration: RMSNorm, sequential, SwiGLU, untied head', async () => {
    const model = build({
      layers: [{ sequenceMixer: mixer, channelMixer: swiGlu({ dModel: D, dHidden: 10 }) }],
      norm: 'rmsNorm',
      tieEmbeddings: false,
    });
    const params = perturbed(model.init(1));
    await expectLogits(model, params, ({ norm, mix, dense, embed, head }, ids) => {
      const x = embed(ids);
      const between = tf.add(x, mix(0, norm('layers.0.norm1', x)));
      const normed = norm('layers.0.norm2', between);
      const gate = dense('layers.0.channel.gateProj', normed);
      const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), dense('layers.0.channel.upProj', normed));
      const out = tf.add(between, dense('layers.0.channel.downProj', gated));
      return head(norm('normF', out), params.head?.weight as tf.Tensor);
    });
    disposeTree(params);
  });

  it('is Pythia by configuration: LayerNorm, parallel, MLP', async () => {
    const model = build({ layers: [{ sequenceMixer: mixer, channelMixer: mlp({ dModel: D }), residual: 'parallel' }] });
    const params = perturbed(model.init(1));
    await expectLogits(model, params, ({ norm, mix, dense, embed, head }, ids) => {
      const x = embed(ids);
      const up = dense('layers.0.channel.fc1', norm('layers.0.norm2', x));
      const gelu = tf.mul(tf.mul(up, 0.5), tf.add(tf.erf(tf.div(up, Math.SQRT2)), 1));
      const out = tf.addN([x, mix(0, norm('layers.0.norm1', x)), dense('layers.0.channel.fc2', gelu)]);
      return head(norm('normF', out));
    });
    disposeTree(params);
  });

  it('is Mamba by configuration: RMSNorm, then the mixer, nothing else', async () => {
    const model = build({
      layers: [0, 1].map(() => ({ sequenceMixer: mixer, residual: 'mixerOnly' as const })),
      norm: 'rmsNorm',
    });
    const params = perturbed(model.init(1));
    expect(flattenTree(params).some(([path]) => path.includes('norm2') || path.includes('bias'))).toBe(false);
    await expectLogits(model, params, ({ norm, mix, embed, head }, ids) => {
      let x: tf.Tensor = embed(ids);
      for (const layer of [0, 1]) x = tf.add(x, mix(layer, norm(`layers.${layer}.norm1`, x)));
      return head(norm('normF', x));
    });
    disposeTree(params);
  });

  it('adds learned positions to the embedding', async () => {
    const model = build({
      layers: [{ sequenceMixer: mixer, residual: 'mixerOnly' }],
      positions: 'learned',
      maxPositions: 9,
    });
    const params = perturbed(model.init(1));
    await expectLogits(model, params, ({ norm, mix, embed, head }, ids) => {
      const table = params.positionEmbedding?.weight as tf.Tensor2D;
      const x = tf.add(embed(ids), tf.slice(table, [0, 0], [L, D]));
      return head(norm('normF', tf.add(x, mix(0, norm('layers.0.norm1', x)))));
    });
    disposeTree(params);
  });
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

describe('initialisation', () => {
  it('repeats for a seed, differs for another, and has the spread of zoology', async () => {
    const model = build({
      vocabSize: 4000,
      layers: [{ sequenceMixer: mixer, channelMixer: mlp({ dModel: D, dHidden: 4000 }) }, { sequenceMixer: mixer }],
    });
    const [one, two, other] = [model.init(1), model.init(1), model.init(2)];
    const std = (path: string, params = one) => scalarValue(() => tf.sqrt(tf.mean(tf.square(leaf(params, path)))));
    expect(await leaf(one, 'embedding.weight').data()).toEqual(await leaf(two, 'embedding.weight').data());
    expect(await leaf(one, 'embedding.weight').data()).not.toEqual(await leaf(other, 'embedding.weight').data());
    expect(await leaf(one, 'layers.0.mixer.vProj.weight').data()).not.toEqual(
      await leaf(one, 'layers.1.mixer.vProj.weight').data(),
    );
    expect(await std('embedding.weight')).toBeCloseTo(0.02, 3);
    expect(await std('layers.0.channel.fc1.weight')).toBeCloseTo(0.02, 3);
    expect(await std('layers.0.channel.fc2.weight')).toBeCloseTo(0.02 / Math.sqrt(4), 3);
    for (const params of [one, two, other]) disposeTree(params);
  });
});

describe('dropout', () => {
  const model = build({ dropout: { embedding: 0.5, residual: 0.5 } });
  const losses = async (training: boolean, seed: number, params: LanguageModelParams) =>
    (await model.loss(params, batch(), { training, seed }).loss.data())[0] as number;

  it('acts in training alone, by its seed', async () => {
    const params = perturbed(model.init(1));
    expect(await losses(true, 1, params)).toBe(await losses(true, 1, params));
    expect(await losses(true, 1, params)).not.toBe(await losses(true, 2, params));
    expect(await losses(false, 1, params)).toBe(await losses(false, 2, params));
    const off = build();
    expect((await off.loss(params, batch(), { training: true, seed: 1 }).loss.data())[0]).toBe(
      await losses(false, 1, params),
    );
    disposeTree(params);
  });

  it('zeroes the share of the embedding it is told to', async () => {
    let share = Promise.resolve(Number.NaN);
    const observing = {
      ...mixer,
      apply(params: never, x: tf.Tensor3D) {
        share = scalarValue(() => tf.mean(tf.cast(tf.equal(x, 0), 'float32')));
        return mixer.apply(params, x, EVALUATION);
      },
    };
    // Right before the mixer is a norm that keeps zeros.
    const model = build({
      layers: [{ sequenceMixer: observing, residual: 'mixerOnly' }],
      dropout: { embedding: 0.25, residual: 0 },
      norm: 'rmsNorm',
    });
    const params = model.init(1);
    const { loss, crossEntropy, correct } = model.loss(params, batch(0.5, 40, 50), { training: true, seed: 3 });
    expect(await share).toBeCloseTo(0.25, 1);
    tf.dispose([loss, crossEntropy, correct]);
    disposeTree(params);
  });
});

describe('auxiliary losses', () => {
  it('are added in training alone, and not to the cross-entropy', async () => {
    const model = build({ layers: [{ sequenceMixer: averagingMixer({ dModel: D, auxiliary: 0.5 }) }] });
    const params = perturbed(model.init(1));
    const [training, evaluation] = [
      model.loss(params, batch(), { training: true, seed: 1 }),
      model.loss(params, batch()),
    ];
    const read = async (tensor: tf.Tensor) => (await tensor.data())[0] as number;
    expect(await read(training.loss)).toBeGreaterThan((await read(training.crossEntropy)) + 1e-3);
    expect(await read(training.crossEntropy)).toBe(await read(evaluation.loss));
    expect(await read(evaluation.crossEntropy)).toBe(await read(evaluation.loss));
    disposeTree(params);
  });
});

describe("past the table's end", () => {
  const layers = [{ sequenceMixer: mixer, residual: 'mixerOnly' as const }];
  const zeros = () => tf.zeros<tf.Rank.R2>([1, 7], 'int32');
  const limited = (positionsPastEnd: 'error' | 'clamp' | 'wrap') =>
    build({ layers, positions: 'learned', maxPositions: 3, positionsPastEnd });

  it('is an error by default', async () => {
    const model = limited('error');
    const params = perturbed(model.init(1));
    expect(() => model.hidden(params, zeros())).toThrow(ShapeError);
    expect(() => model.hidden(params, zeros())).toThrow(
      /at most 3 positions, got 7\. Raise maxPositions, or choose positionsPastEnd/,
    );
    const state = { ...model.initState(1), position: 3 };
    expect(() => model.step(params, tf.tensor1d([0], 'int32'), state)).toThrow(/at most 3 positions, got 4/);
  });

  it.each([
    ['clamp', [0, 1, 2, 2, 2, 2, 2]],
    ['wrap', [0, 1, 2, 0, 1, 2, 0]],
  ] as const)('can %s', async (policy, rows) => {
    const model = limited(policy);
    const params = perturbed(model.init(1));
    const wide = build({ layers, positions: 'learned', maxPositions: 7 });
    const table = (await leaf(params, 'positionEmbedding.weight').array()) as number[][];
    const weight = tf.tensor2d(rows.map((row) => table[row] as number[]));
    const expanded: LanguageModelParams = { ...params, positionEmbedding: { weight } };
    expect(await model.hidden(params, zeros()).data()).toEqual(await wide.hidden(expanded, zeros()).data());
  });
});

describe('what does not fit', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a typo', () => build({ vocabsize: 3 } as never), /unknown key 'vocabsize'. Did you mean 'vocabSize'/],
    [
      'a typo in a layer',
      () => build({ layers: [{ sequenceMixer: mixer, chanelMixer: 'mlp' } as never] }),
      /layers\.0: unknown key 'chanelMixer'/,
    ],
    ['no layers', () => build({ layers: [] }), /layers/],
    [
      'something else for a mixer',
      () => build({ layers: [{ sequenceMixer: 'cat' as never }] }),
      /layers\.0\.sequenceMixer: expected a mixer/,
    ],
    [
      'a mixer of another width',
      () => build({ layers: [{ sequenceMixer: averagingMixer({ dModel: 4 }) }] }),
      /layers\.0\.sequenceMixer: expected 'averaging' of the model's dModel 6, got 4/,
    ],
    [
      'a channel mixer of another width',
      () => build({ layers: [{ sequenceMixer: mixer, channelMixer: mlp({ dModel: 4 }) }] }),
      /layers\.0\.channelMixer: expected 'mlp' of the model's dModel 6, got 4/,
    ],
    [
      'parallel with nothing beside',
      () => build({ layers: [{ sequenceMixer: mixer, residual: 'parallel' }] }),
      /expected a channelMixer/,
    ],
    [
      'mixerOnly with a channel mixer',
      () => build({ layers: [{ sequenceMixer: mixer, residual: 'mixerOnly', channelMixer: 'mlp' }] }),
      /expected no channelMixer/,
    ],
    [
      'positions without a table',
      () => build({ positions: 'learned' }),
      /expected maxPositions together with positions 'learned'/,
    ],
    [
      'a table without positions',
      () => build({ maxPositions: 4 }),
      /expected maxPositions together with positions 'learned'/,
    ],
    ['a dropout of 1', () => build({ dropout: { embedding: 1 } }), /dropout\.embedding/],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(InvalidConfigError);
    expect(make).toThrow(message);
  });

  it('refuses batches it cannot score', () => {
    const model = build();
    const params = model.init(1);
    const examples = batch();
    const loss = (changed: Partial<Examples>) => () => model.loss(params, { ...examples, ...changed });
    expect(loss({ labels: new Int32Array(B * L).fill(IGNORED_LABEL) })).toThrow(
      /a label at one position at least, got -100.*all 14/,
    );
    expect(loss({ labels: Int32Array.from(examples.labels, (label, index) => (index === 9 ? V : label)) })).toThrow(
      /every label in \[0, 11\), got 11 in example 1 at position 2/,
    );
    expect(loss({ inputs: Int32Array.from(examples.inputs, (token, index) => (index === 3 ? -1 : token)) })).toThrow(
      /every token in \[0, 11\), got -1 in example 0 at position 3/,
    );
    expect(loss({ seqLen: 8 })).toThrow(/2 x 8 tokens, got 14 and 14/);
    expect(() => model.hidden(params, tf.zeros([2, 3]))).toThrow(/int32 ids \[B, L\], got float32 \[2, 3\]/);
    disposeTree(params);
  });
});
