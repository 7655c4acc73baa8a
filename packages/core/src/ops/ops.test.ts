/** The ops of core through the shared suite, at sizes that do not divide the width of a vector or a tile. */
import { describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { createRng } from '../rng.js';
import { describeOp, expectClose } from '../testing/index.js';
import * as tf from '../tf.js';
import { withReferenceForms } from './define-op.js';
import { dropoutOp } from './dropout/index.js';
import { gatherRowsOp } from './embedding/index.js';
import { gelu, geluOp } from './gelu/index.js';
import { linear, linearOp, linears, linearsOps } from './linear/index.js';
import { layerNormOp, rmsNormOp } from './norm/index.js';
import { type FilterShape, shortConvolutionOp, shortConvolutionStepOp } from './short-convolution/index.js';
import { siluOp } from './silu/index.js';
import { tiedCrossEntropy, tiedCrossEntropyOp } from './tied-cross-entropy/index.js';

const SIZES = [1, 7, 63] as const;

function normal(shape: number[], seed: number): tf.Tensor {
  const rng = createRng(seed);
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => rng.normal()),
    shape,
  );
}

function integers(shape: number[], below: number, seed: number): tf.Tensor {
  const rng = createRng(seed);
  return tf.tensor(
    Int32Array.from({ length: tf.util.sizeFromShape(shape) }, () => rng.integer(below)),
    shape,
    'int32',
  );
}

describeOp(
  linearOp,
  [
    [1, 1, 1],
    [7, 5, 3],
    [63, 16, 9],
    [64, 64, 64],
    [2, 300, 17],
  ].flatMap(([m, k, n]) =>
    [true, false].map((withBias) => ({
      name: `[${m}, ${k}] x [${k}, ${n}]${withBias ? ' with bias' : ''}`,
      inputs: () => ({
        x: normal([m as number, k as number], 1),
        weight: normal([k as number, n as number], 2),
        bias: withBias ? normal([n as number], 3) : undefined,
      }),
      attrs: {},
    })),
  ),
);

for (const [count, op] of linearsOps) {
  describeOp(
    op,
    [
      [1, 1, 1],
      [7, 5, 3],
      [63, 16, 9],
      [530, 33, 17],
      [5, 300, 90],
    ].map(([m, k, n]) => ({
      name: `[${m}, ${k}] to about ${n}`,
      inputs: () => {
        const maps = Array.from({ length: count }, (_, i) => [
          [`weight${i}`, normal([k as number, (n as number) + i], i)],
          [`bias${i}`, i % 2 === 0 ? normal([(n as number) + i], 10 + i) : undefined],
        ]);
        return { x: normal([m as number, k as number], 20), ...Object.fromEntries(maps.flat()) };
      },
      attrs: {},
    })),
  );
}

describe('linears', () => {
  it('are what each map is by itself, of any number', async () => {
    const x = normal([2, 7, 5], 1) as tf.Tensor3D;
    const maps = [3, 4, 1, 6, 2].map((n) => ({ weight: normal([5, n], n), bias: normal([n], n + 10) }));
    for (let count = 1; count <= maps.length; count += 1) {
      const ys = linears(x, maps.slice(0, count));
      for (const [i, y] of ys.entries()) {
        const alone = linear(x, maps[i] as (typeof maps)[number]);
        expect(y.shape).toEqual(alone.shape);
        await expectClose(y, alone, 1e-5);
      }
    }
  });

  it('say which shapes they expected', () => {
    const weight = tf.zeros([5, 3]);
    expect(() => linears(tf.zeros([2, 4]), [{ weight }, { weight }])).toThrow(
      'linears: expected x [..., k] and weight [k, n], got [2, 4] and [5, 3].',
    );
    expect(() => linears(tf.zeros([2, 5]), [{ weight }, { weight, bias: tf.zeros([2]) }])).toThrow(
      'linears: expected bias [3], got [2].',
    );
  });
});

describeOp(
  layerNormOp,
  [
    [1, 4],
    [7, 5],
    [63, 17],
    [2, 3, 64],
  ].map((shape) => ({
    name: `[${shape}]`,
    inputs: () => ({ x: normal(shape, 1), weight: normal(shape.slice(-1), 2), bias: normal(shape.slice(-1), 3) }),
    attrs: { eps: 1e-5 },
  })),
);

describeOp(
  rmsNormOp,
  [
    [1, 4],
    [7, 5],
    [63, 17],
    [2, 3, 64],
  ].flatMap((shape) =>
    [true, false].map((withWeight) => ({
      name: `[${shape}]${withWeight ? '' : ' without weight'}`,
      inputs: () => ({ x: normal(shape, 1), weight: withWeight ? normal(shape.slice(-1), 2) : undefined }),
      attrs: { eps: 1e-5 },
    })),
  ),
);

describeOp(
  gatherRowsOp,
  SIZES.map((rows) => ({
    name: `${rows} rows`,
    inputs: () => ({ table: normal([rows, 9], 1), indices: integers([3, 7], rows, 2) }),
    attrs: {},
  })),
);

describeOp(
  shortConvolutionOp,
  (['perHead', 'perChannel', 'headMixing'] as FilterShape[]).flatMap((shape) =>
    SIZES.flatMap((length) =>
      [1, 3, 5].map((taps, index) => ({
        name: `${shape}, L = ${length}, W = ${taps}${index === 1 ? ', bias' : ''}`,
        inputs: () => ({
          x: normal([2, length, 15], 1),
          filter: normal({ perHead: [3, taps], perChannel: [15, taps], headMixing: [taps, 3, 3] }[shape], 2),
          bias: index === 1 ? normal([15], 3) : undefined,
        }),
        attrs: { shape },
      })),
    ),
  ),
);

describeOp(
  shortConvolutionStepOp,
  (['perHead', 'perChannel', 'headMixing'] as FilterShape[]).flatMap((shape) =>
    [1, 3, 5].map((taps, index) => ({
      name: `${shape}, W = ${taps}${index === 1 ? ', bias' : ''}`,
      inputs: () => ({
        x: normal([7, 15], 1),
        cache: normal([7, taps - 1, 15], 4),
        filter: normal({ perHead: [3, taps], perChannel: [15, taps], headMixing: [taps, 3, 3] }[shape], 2),
        bias: index === 1 ? normal([15], 3) : undefined,
      }),
      attrs: { shape },
    })),
  ),
);

describeOp(
  tiedCrossEntropyOp,
  [
    [1, 1, 1],
    [7, 5, 3],
    [63, 16, 9],
    [5, 64, 200],
    [300, 12, 1031],
  ].map(([n, d, vocabulary]) => ({
    name: `n = ${n}, d = ${d}, V = ${vocabulary}`,
    inputs: () => ({
      hidden: normal([n as number, d as number], 1),
      table: normal([vocabulary as number, d as number], 2),
      labels: integers([n as number], vocabulary as number, 3),
    }),
    attrs: { gradients: true },
  })),
  { differentiable: ['loss'] },
);

describe('tiedCrossEntropy', () => {
  const nan = Number.NaN;
  // hidden [1, 0] makes the first column of the table the logits.
  const tables: [string, number[]][] = [
    ['at the label', [nan, 1, 2]],
    ['beside a label with the largest logit', [5, nan, 2]],
    ['last, beside a label with the largest logit', [5, 1, nan]],
    ['everywhere', [nan, nan, nan]],
  ];
  it.each(
    tables.flatMap(([where, logits]) => [
      [where, 'kernels', logits, <T>(body: () => T) => body()] as const,
      [where, 'reference forms', logits, withReferenceForms] as const,
    ]),
  )('counts no hit and gives no loss for a logit that is NaN %s, by %s', async (_where, _forms, logits, using) => {
    await useEngine();
    const table = tf.tensor2d(
      logits.flatMap((logit) => [logit, 0]),
      [3, 2],
    );
    const hidden = tf.tensor2d([1, 0, 1, 0], [2, 2]);
    const { loss, correct } = using(() => tiedCrossEntropy(hidden, table, tf.tensor1d([0, 0], 'int32')));
    expect([...(await correct.data())]).toEqual([0, 0]);
    expect((await loss.data())[0]).toBeNaN();
  });

  it('counts the other rows as they are', async () => {
    await useEngine();
    const hidden = tf.tensor2d([nan, 0, 1, 0], [2, 2]);
    const table = tf.tensor2d([3, 0, 1, 0], [2, 2]);
    for (const using of [<T>(body: () => T) => body(), withReferenceForms]) {
      const { correct } = using(() => tiedCrossEntropy(hidden, table, tf.tensor1d([0, 0], 'int32')));
      expect([...(await correct.data())]).toEqual([0, 1]);
    }
  });
});

describeOp(
  dropoutOp,
  SIZES.map((rows) => ({
    name: `[${rows}, 13]`,
    inputs: () => ({ x: normal([rows, 13], 1) }),
    attrs: { rate: 0.25, seed: 9 },
  })),
);

describeOp(
  siluOp,
  SIZES.map((rows) => ({ name: `[${rows}, 13]`, inputs: () => ({ x: normal([rows, 13], 1) }), attrs: {} })),
);

describeOp(
  geluOp,
  [false, true].flatMap((approximate) =>
    SIZES.map((rows) => ({
      name: `[${rows}, 13]${approximate ? ' by tanh' : ''}`,
      inputs: () => ({ x: normal([rows, 13], 1).mul(3) }),
      attrs: { approximate },
    })),
  ),
);

it('is GELU, to seven digits of its range, and 0 or x where x is large', async () => {
  await useEngine();
  const x = [-40, -6, -1, -0.5, 0, 0.5, 1, 3, 40]; // torch.nn.functional.gelu of 2.13.0, float64
  const exact = [0, -5.9195262e-9, -0.15865525, -0.15426877, 0, 0.34573123, 0.84134475, 2.9959503, 40];
  const byTanh = [0, 0, -0.15880801, -0.15428599, 0, 0.34571401, 0.84119199, 2.99636261, 40];
  for (const [approximate, expected] of [
    [false, exact],
    [true, byTanh],
  ] as const) {
    const found = await gelu(tf.tensor1d(x), approximate).data();
    for (const [at, value] of expected.entries()) expect(Math.abs((found[at] as number) - value)).toBeLessThan(4e-7);
  }
});
