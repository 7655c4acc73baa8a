import { currentEngine, EVALUATION, randomNormal, tf, useEngine } from '@mixerzoo/core';
import { defineOp, type NamedTensors, withReferenceForms } from '@mixerzoo/core/kernels';
import {
  describeMixer,
  describeOp,
  expectClose,
  gradientsOf,
  largestMagnitude,
  testTensor,
} from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { blockMassLoss } from './auxiliary-loss.js';
import { defaultBlockSize, landmarkCat } from './landmark-cat.js';
import { blockAttentionOp } from './ops/block-attention/index.js';
import { chosenAttentionOp, groupedAttentionOp } from './ops/grouped-attention/index.js';
import { createBackward, createForward } from './ops/grouped-attention/webgpu.js';
import { blockTree, descendBlocks, selectBlocks } from './ops/select-blocks/index.js';

/** Retrieval is a choice: no smooth function, and the filter that only landmarks see gets no gradient. */
const hard = {
  smooth: false,
  lengths: [1, 7, 8, 9, 63],
  matMulShare: 0.6,
  idleOptions: { seqLen: 'it chooses the blockSize where none is given' },
};

describeMixer('landmarkCat', () => landmarkCat({ dModel: 8, blockSize: 8 }), hard);
describeMixer(
  'landmarkCat, 3 heads, block 5, bare',
  () => landmarkCat({ dModel: 12, nHeads: 3, blockSize: 5, filterWidth: 0 }),
  hard,
);
describeMixer(
  'landmarkCat, exponential, convolved local keys',
  () => landmarkCat({ dModel: 8, nHeads: 2, blockSize: 4, keyFilter: 'exponential', localKeys: 'convolved' }),
  hard,
);
describeMixer(
  'landmarkCat, learned filter, convolved',
  () => landmarkCat({ dModel: 8, blockSize: 4, keyFilter: 'learned', filterLength: 6, localKeys: 'convolved' }),
  hard,
);
describeMixer(
  'landmarkCat, learned filter, raw',
  () => landmarkCat({ dModel: 8, blockSize: 4, keyFilter: 'learned' }),
  { ...hard, zeroGradients: ['kFilter'] },
);
describeMixer('landmarkCat, W = 1', () => landmarkCat({ dModel: 8, blockSize: 4, filterWidth: 1 }), hard);
describeMixer('landmarkCat, top 3', () => landmarkCat({ dModel: 8, blockSize: 4, topK: 3 }), hard);
describeMixer(
  'landmarkCat, binary search',
  () => landmarkCat({ dModel: 8, nHeads: 2, blockSize: 8, blockSearch: 'binary', topK: 2 }),
  hard,
);

describeOp(blockAttentionOp, [
  {
    name: 'blocks',
    inputs: () => ({
      q: testTensor<tf.Rank.R3>([2, 11, 4], 1),
      k: testTensor<tf.Rank.R3>([2, 11, 4], 2),
      v: testTensor<tf.Rank.R3>([2, 11, 4], 3),
      retrieved: tf.tensor3d(
        Array.from({ length: 2 * 11 * 2 }, (_, i) =>
          (i >> 1) % 11 < 4 ? -1 : (i & 1) - 1 + ((i >> 1) % 11 >= 8 ? 1 : 0),
        ),
        [2, 11, 2],
        'int32',
      ),
    }),
    attrs: { blockSize: 4, unit: 4, scale: 0.5 },
  },
  {
    name: 'local only',
    inputs: () => ({
      q: testTensor<tf.Rank.R3>([2, 6, 4], 1),
      k: testTensor<tf.Rank.R3>([2, 6, 4], 2),
      v: testTensor<tf.Rank.R3>([2, 6, 4], 3),
      retrieved: undefined,
    }),
    attrs: { blockSize: 4, unit: 4, scale: 0.5 },
  },
  {
    name: 'more places and columns than threads',
    inputs: () => retrieval([1, 90, 70], 2, (t, c) => (t < 30 ? -1 : t < 60 ? c - 1 : 1 - c)),
    attrs: { blockSize: 30, unit: 30, scale: 0.2 },
  },
  {
    name: 'single tokens, some of them twice',
    inputs: () => retrieval([3, 23, 5], 3, (t, c) => (c === 2 ? Math.floor(t / 6) - 1 : 4 * Math.floor(t / 5) - 1)),
    attrs: { blockSize: 5, unit: 1, scale: 0.7 },
  },
]);

/** Inputs of block attention, with what is retrieved given by token and choice. */
function retrieval(
  [rows, seqLen, headDim]: [number, number, number],
  count: number,
  unit: (t: number, c: number) => number,
) {
  const drawn = (seed: number) => testTensor<tf.Rank.R3>([rows, seqLen, headDim], seed);
  const chosen = Array.from({ length: rows * seqLen * count }, (_, i) =>
    unit(Math.floor(i / count) % seqLen, i % count),
  );
  return { q: drawn(1), k: drawn(2), v: drawn(3), retrieved: tf.tensor3d(chosen, [rows, seqLen, count], 'int32') };
}

const groupedCase = (seqLen: number, headDim: number, blockSize: number) => ({
  name: `length ${seqLen}, blocks of ${blockSize}`,
  inputs: () => ({
    q: testTensor<tf.Rank.R3>([3, seqLen, headDim], 1),
    k: testTensor<tf.Rank.R3>([3, seqLen, headDim], 2),
    v: testTensor<tf.Rank.R3>([3, seqLen, headDim], 3),
    landmarks:
      seqLen > blockSize ? testTensor<tf.Rank.R3>([3, Math.ceil(seqLen / blockSize) - 1, headDim], 4) : undefined,
  }),
  attrs: { blockSize, scale: 0.7 },
});
const oneBlock = [groupedCase(1, 5, 4), groupedCase(4, 5, 4)];
const someBlocks = [groupedCase(7, 5, 4), groupedCase(19, 5, 4)];
describeOp(groupedAttentionOp, [...oneBlock, ...someBlocks, groupedCase(150, 3, 2)]);
describeOp(
  chosenAttentionOp,
  [...oneBlock, ...someBlocks, groupedCase(61, 3, 2), groupedCase(65, 70, 20)].map(({ name, inputs, attrs }) => ({
    name,
    attrs,
    inputs() {
      const { landmarks, ...rest } = inputs();
      const [rows, seqLen] = rest.q.shape;
      const chosen = landmarks
        ? selectBlocks(rest.q, landmarks, { ...attrs, topK: 3 })
        : tf.fill<tf.Rank.R3>([rows, seqLen, 3], -1, 'int32');
      return { ...rest, landmarks, chosen };
    },
  })),
);

describe('landmarkCat', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each(['grouped', 'sparse', 'straightThrough', 'auxiliary'] as const)(
    'trains in form %s: every parameter gets a gradient',
    async (training) => {
      const mixer = landmarkCat({ dModel: 8, nHeads: 2, blockSize: 4, keyFilter: 'learned', training });
      const params = mixer.init(3);
      const x = testTensor<tf.Rank.R3>([2, 15, 8], 4);
      const loss = (kFilter: tf.Tensor) => {
        let auxiliary: tf.Scalar = tf.scalar(0);
        const y = mixer.apply({ ...params, kFilter: kFilter as tf.Tensor2D }, x, {
          training: true,
          seed: 1,
          addLoss: (added) => {
            auxiliary = auxiliary.add(added);
          },
        });
        return y.square().sum().add(auxiliary) as tf.Scalar;
      };
      const gradient = await tf
        .grad(loss)(params.kFilter as tf.Tensor2D)
        .data();
      expect(largestMagnitude(gradient)).toBeGreaterThan(0);
      expect(gradient.every(Number.isFinite)).toBe(true);
    },
  );

  it('computes the hard form forward and the soft one backward with straight-through', async () => {
    const mixer = landmarkCat({ dModel: 8, blockSize: 4, training: 'straightThrough' });
    const params = mixer.init(3);
    const x = testTensor<tf.Rank.R3>([2, 15, 8], 4);
    const training = { training: true, seed: 1 };
    await expectClose(mixer.apply(params, x, training), mixer.apply(params, x, EVALUATION), 1e-5);
    const slope = (context: { training: boolean; seed: number; soft?: boolean }) =>
      tf.grad((at: tf.Tensor) => mixer.apply(params, at as tf.Tensor3D, context).sum())(x);
    await expectClose(slope(training), slope({ ...EVALUATION, soft: true }), 1e-5);
  });

  it('divides the scores of landmarks by the temperature in its soft forms, and chooses as before', async () => {
    const options = { dModel: 8, nHeads: 2, blockSize: 4, keyFilter: 'learned' } as const; // which landmarks alone see
    const [plain, warm] = [landmarkCat(options), landmarkCat({ ...options, landmarkTemperature: 4 })];
    const params = plain.init(3);
    const quarter = { ...params, kFilter: (params.kFilter as tf.Tensor2D).div<tf.Tensor2D>(4) };
    const x = testTensor<tf.Rank.R3>([2, 19, 8], 4);
    for (const context of [
      { training: true, seed: 1 },
      { ...EVALUATION, soft: true },
    ]) {
      await expectClose(warm.apply({ ...params }, x, context), plain.apply(quarter, x, context), 1e-5);
    }
    await expectClose(warm.apply({ ...params }, x), plain.apply(params, x), 0);
  });

  it.each(['grouped', 'straightThrough', 'auxiliary'] as const)(
    'adds the block-mass loss to training in form %s, as often as it weighs',
    async (training) => {
      const added = async (auxiliaryWeight: number | undefined, context: { training: boolean; soft?: boolean }) => {
        const mixer = landmarkCat({ dModel: 8, blockSize: 4, training, ...(auxiliaryWeight && { auxiliaryWeight }) });
        const losses: tf.Scalar[] = [];
        const addLoss = (loss: tf.Scalar) => void losses.push(loss);
        mixer.apply(mixer.init(3), testTensor<tf.Rank.R3>([2, 19, 8], 4), { ...context, seed: 1, addLoss });
        return Promise.all(losses.map(async (loss) => (await loss.data())[0] as number));
      };
      const [once] = (await added(1, { training: true })) as [number];
      expect(once).toBeGreaterThan(0);
      expect(await added(3, { training: true })).toEqual([expect.closeTo(3 * once, 5)]);
      expect(await added(undefined, { training: true })).toEqual(
        training === 'auxiliary' ? [expect.closeTo(0.1 * once, 5)] : [],
      );
      expect(await added(1, { training: false, soft: true })).toEqual([]);
    },
  );

  it('teaches landmarks the mass of dense attention: cross-entropy by hand', async () => {
    const [seqLen, blockSize, scale] = [11, 4, 0.7];
    const [q, k, landmarks] = [
      testTensor<tf.Rank.R3>([1, seqLen, 3], 1),
      testTensor<tf.Rank.R3>([1, seqLen, 3], 2),
      testTensor<tf.Rank.R3>([1, 2, 3], 3),
    ];
    const [[queries], [keys], [marks]] = [await q.array(), await k.array(), await landmarks.array()] as [
      number[][][],
      number[][][],
      number[][][],
    ];
    const score = (a: readonly number[], b: readonly number[]) =>
      scale * a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);
    const softmax = (scores: readonly number[]) => {
      const total = scores.reduce((sum, each) => sum + Math.exp(each), 0);
      return scores.map((each) => Math.exp(each) / total);
    };
    let expected = 0;
    for (const [t, query] of (queries as number[][]).entries()) {
      const own = Math.floor(t / blockSize);
      const dense = softmax((keys as number[][]).slice(0, t + 1).map((key) => score(query, key)));
      const shares = softmax((marks as number[][]).slice(0, own).map((mark) => score(query, mark)));
      for (const [block, share] of shares.entries()) {
        const mass = dense.slice(block * blockSize, (block + 1) * blockSize).reduce((sum, each) => sum + each, 0);
        expected -= (mass * Math.log(share)) / seqLen;
      }
    }
    const loss = blockMassLoss({ q, k, landmarks }, { blockSize, scale }) as tf.Scalar;
    await expectClose(loss, tf.scalar(expected), 1e-5);
    expect(blockMassLoss({ q, k, landmarks: undefined }, { blockSize, scale })).toBeUndefined();
  });

  it('trains sparsely as grouped where every block is seen, and else sees the best blocks alone', async () => {
    const forms = (options: Partial<Parameters<typeof landmarkCat>[0]>) => {
      const mixer = landmarkCat({ dModel: 8, nHeads: 2, blockSize: 4, ...options });
      const params = mixer.init(3);
      return (x: tf.Tensor3D) => mixer.apply(params, x, { training: true, seed: 1 });
    };
    const x = testTensor<tf.Rank.R3>([2, 19, 8], 4);
    const grouped = forms({});
    await expectClose(forms({ training: 'sparse', trainingTopK: 4 })(x), grouped(x), 1e-5);
    const one = forms({ training: 'sparse', trainingTopK: 1 })(x);
    // The first two blocks have one block before them at most.
    const start = (y: tf.Tensor) => y.slice([0, 0, 0], [-1, 8, -1]);
    await expectClose(start(one), start(grouped(x)), 1e-5);
    expect(await one.sub(grouped(x)).abs().max().data()).not.toEqual(new Float32Array([0]));
  });

  it('equals dense attention where every block is retrieved', async () => {
    const mixer = landmarkCat({ dModel: 8, blockSize: 4, topK: 99, filterWidth: 0 });
    const params = mixer.init(3);
    const x = testTensor<tf.Rank.R3>([2, 19, 8], 4);
    const y = mixer.apply(params, x);
    const dense = tf.tidy(() => {
      const [q, k, v] = (['qProj', 'kProj', 'vProj'] as const).map((name) =>
        tf.dot(x.reshape([-1, 8]), params[name].weight).reshape([2, 19, 8]),
      ) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const scores = tf.matMul(q, k, false, true).div(Math.sqrt(8));
      const causal = tf.linalg.bandPart(tf.ones([19, 19]), -1, 0);
      const weights = tf.softmax(scores.add(tf.sub(causal, 1).mul(1e9)));
      return tf.dot(tf.matMul(weights, v).reshape([-1, 8]), params.oProj.weight).reshape([2, 19, 8]);
    });
    await expectClose(y, dense, 2e-5);
  });

  it('retrieves the block that holds a copy of the query (Prop. 1), and finds the copy by halves', async () => {
    const [d, blockSize, blocks] = [512, 8, 16];
    const keys = randomNormal<tf.Rank.R3>([1, blocks * blockSize, d], 1 / Math.sqrt(d), 5);
    const landmarks = keys.reshape([blocks, blockSize, d]).sum(1).expandDims<tf.Tensor3D>(0);
    const nodes = blockTree(keys, blockSize).reshape<tf.Tensor3D>([1, blocks * (2 * blockSize - 2), d]);
    for (const position of [0, 13, 77, 127]) {
      const q = keys.slice([0, position, 0], [1, 1, d]);
      const chosen = selectBlocks(q, landmarks, { blockSize, topK: 1, offset: blocks * blockSize });
      expect([...(await chosen.data())]).toEqual([Math.floor(position / blockSize)]);
      expect([...(await descendBlocks(q, nodes, chosen, blockSize).data())]).toEqual([position]);
    }
  });

  it('retrieves as its reference form does, with ties and too few blocks', async () => {
    const q = testTensor<tf.Rank.R3>([3, 29, 5], 1);
    const half = testTensor<tf.Rank.R3>([3, 3, 5], 2);
    const landmarks = tf.concat([half, half], 1);
    const keys = testTensor<tf.Rank.R3>([3, 24, 5], 3);
    const nodes = blockTree(keys, 4).reshape<tf.Tensor3D>([3, 36, 5]);
    for (const topK of [1, 3, 6]) {
      const search = () => {
        const blocks = selectBlocks(q, landmarks, { blockSize: 4, topK });
        return [blocks, descendBlocks(q, nodes, blocks, 4)];
      };
      const [found, expected] = [search(), withReferenceForms(search)];
      for (const index of [0, 1]) {
        expect(await found[index]?.data(), `top ${topK}`).toEqual(await expected[index]?.data());
      }
    }
  });

  it('computes grouped attention part by part on a GPU: rows by rows, queries by queries, query by query', async (context) => {
    if (currentEngine().name !== 'webgpu') context.skip("parts are the webgpu engine's");
    const { inputs: draw, attrs } = groupedCase(19, 5, 4);
    const { q, k, v, landmarks } = draw();
    const dO = testTensor<tf.Rank.R3>([3, 19, 5], 5);
    const names = ['o', 'q', 'k', 'v', 'landmarks'] as const;
    const attend = ([a, b, c, d]: tf.Tensor[]) =>
      groupedAttentionOp({ q: a, k: b, v: c, landmarks: d } as never, attrs).o as tf.Tensor;
    const tensors = [q, k, v, landmarks] as tf.Tensor[];
    const expected = [attend(tensors), ...gradientsOf((all) => attend(all).mul(dO).sum(), tensors)];
    for (const mostScores of [2 * 19 ** 2, 100, 1]) {
      const kernels = [createForward(mostScores), createBackward(mostScores)] as const;
      const inParts = defineOp<NamedTensors, typeof attrs, Record<(typeof names)[number], tf.Tensor>>({
        name: `GroupedAttentionBy${mostScores}`,
        inputs: ['q', 'k', 'v', 'landmarks', 'dO'],
        outputs: names,
        gradient: 'none',
        reference: () => {
          throw new Error('expected the webgpu engine.');
        },
        kernels: {
          webgpu: {
            run: (gpu, given, options) => {
              const { o } = kernels[0].run(gpu, given as never, options);
              return { o, ...kernels[1].run(gpu, given as never, options) } as never;
            },
          },
        },
      });
      const found = inParts({ q, k, v, landmarks, dO }, attrs);
      for (const [index, name] of names.entries()) {
        await expectClose(found[name], expected[index] as tf.Tensor, 2e-5, `${name}, ${mostScores} scores`);
      }
    }
  });

  it('chooses a block size of about sqrt(L)', () => {
    expect([1, 64, 100, 1024].map((length) => defaultBlockSize(length))).toEqual([2, 8, 10, 32]);
  });

  it('refuses heads that do not divide the width, and a block that cannot be halved', () => {
    expect(() => landmarkCat({ dModel: 8, nHeads: 3 })).toThrow(
      /landmarkCat: nHeads: expected a divisor of dModel 8, got 3/,
    );
    expect(() => landmarkCat({ dModel: 8, blockSize: 6, blockSearch: 'binary' })).toThrow(/power of two .*got 6/);
  });

  it('has a default block that can be halved, at any length', () => {
    expect([1, 8, 64, 100, 1000].map((length) => defaultBlockSize(length, 'binary'))).toEqual([2, 4, 8, 8, 32]);
    expect(() => landmarkCat({ dModel: 8, seqLen: 100, blockSearch: 'binary' })).not.toThrow();
  });

  it('refuses options that another makes idle', () => {
    expect(() => landmarkCat({ dModel: 8, filterLength: 4 })).toThrow(
      /filterLength: expected none without keyFilter 'learned', got 4\./,
    );
    expect(() => landmarkCat({ dModel: 8, keyFilter: 'learned', rho: 0.5 })).toThrow(/without keyFilter 'exponential'/);
    expect(() => landmarkCat({ dModel: 8, training: 'sparse', auxiliaryWeight: 1 })).toThrow(
      /auxiliaryWeight: expected none beside training 'sparse', got 1: its loss looks at every token\. Train 'grouped'/,
    );
    expect(() => landmarkCat({ dModel: 8, trainingTopK: 2 })).toThrow(/without training 'sparse'/);
  });
});
