/** The backbones of the literature in plain ops, their initial values, and positions past the table of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { ShapeError } from '../errors.js';
import { EVALUATION } from '../mixer.js';
import { expectClose } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree } from '../tree.js';
import { batch, build, D, idsOf, L, leaf, mixer, perturbed, scalarValue, V } from './__fixtures__/small-model.js';
import { mlp, swiGlu } from './channel-mixer.js';
import type { LanguageModelParams } from './language-model.js';

beforeAll(async () => {
  await useEngine();
});

/** Layer norm, root mean square norm, channel mixers and mixers in plain ops. */
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
