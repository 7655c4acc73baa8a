/** What `bench:kernels` measures: one call of each op that has a kernel, at the sizes of a one-layer model. */
import { cachedAttention, causalAttention } from '@mixerzoo/attention';
import { linearAttention } from '@mixerzoo/cat';
import { createRng, tf } from '@mixerzoo/core';
import {
  dropout,
  embedding,
  gatherRows,
  gelu,
  layerNorm,
  linear,
  rmsNorm,
  shortConvolution,
  silu,
  tiedCrossEntropy,
} from '@mixerzoo/core/blocks';

/** One call to be measured. */
export interface KernelCase {
  readonly name: string;
  readonly sizes: string;
  /** Fresh inputs; those of dtype float32 are differentiated. */
  inputs(): tf.Tensor[];
  /** The call, as a function of the inputs. */
  run(inputs: readonly tf.Tensor[]): tf.Tensor;
  /** What the forward pass costs at least: FLOP, or bytes read and written. */
  readonly work: { readonly flop: number } | { readonly bytes: number };
  /** Of the largest magnitude; default 1e-5. */
  readonly tolerance?: number;
}

const [B, L, D, V, N] = [64, 64, 64, 8192, 1024];

function normal(shape: readonly number[], seed: number, scale = 1): tf.Tensor {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => scale * rng.normal());
  return tf.tensor(values, [...shape]);
}

function integers(shape: readonly number[], below: number, seed: number): tf.Tensor {
  const rng = createRng(seed);
  const values = Int32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => rng.integer(below));
  return tf.tensor(values, [...shape], 'int32');
}

const bytesOf = (...shapes: (readonly number[])[]) =>
  shapes.reduce((total, shape) => total + 4 * tf.util.sizeFromShape([...shape]), 0);
const tokens = [B, L, D] as const;

const matMulCase = (m: number, k: number, n: number, transposes = '', batches = 0): KernelCase => {
  const [transposeA, transposeB] = [transposes.includes('a'), transposes.includes('b')];
  const stacked = (shape: number[]) => (batches > 0 ? [batches, ...shape] : shape);
  return {
    name: transposes === '' ? 'matMul' : `matMul, ${[...transposes].join(' and ')} transposed`,
    sizes: `${batches > 0 ? `${batches} of ` : ''}[${m}, ${k}] x [${k}, ${n}]`,
    inputs: () => [normal(stacked(transposeA ? [k, m] : [m, k]), 1), normal(stacked(transposeB ? [n, k] : [k, n]), 2)],
    run: ([a, b]) => tf.matMul(a as tf.Tensor, b as tf.Tensor, transposeA, transposeB),
    work: { flop: 2 * Math.max(1, batches) * m * k * n },
  };
};

/** Heads of width 64 on 16 sequences of 256 tokens, for what costs more than a product. */
const heads = (seqLen: number) => [16, seqLen, D] as const;
const three = (shape: readonly number[]) => () => [normal(shape, 1), normal(shape, 2), normal(shape, 3)];

const CORE_CASES: readonly KernelCase[] = [
  matMulCase(512, 512, 512),
  matMulCase(512, 512, 512, 'a'),
  matMulCase(512, 512, 512, 'b'),
  matMulCase(512, 512, 512, 'ab'),
  matMulCase(B * L, D, D),
  matMulCase(L, D, L, 'b', B),
  {
    name: 'linear',
    sizes: `[${tokens}] x [${D}, ${D}] + bias`,
    inputs: () => [normal(tokens, 1), normal([D, D], 2), normal([D], 3)],
    run: ([x, weight, bias]) => linear(x as tf.Tensor, { weight: weight as tf.Tensor, bias: bias as tf.Tensor }),
    work: { flop: 2 * B * L * D * D },
  },
  {
    name: 'layerNorm',
    sizes: `[${tokens}]`,
    inputs: () => [normal(tokens, 1), normal([D], 2), normal([D], 3)],
    run: ([x, weight, bias]) => layerNorm(x as tf.Tensor, { weight: weight as tf.Tensor, bias: bias as tf.Tensor }),
    work: { bytes: bytesOf(tokens, tokens) },
  },
  {
    name: 'rmsNorm',
    sizes: `[${tokens}]`,
    inputs: () => [normal(tokens, 1), normal([D], 2)],
    run: ([x, weight]) => rmsNorm(x as tf.Tensor, { weight: weight as tf.Tensor }),
    work: { bytes: bytesOf(tokens, tokens) },
  },
  {
    name: 'embedding',
    sizes: `[${V}, ${D}], ids [${B}, ${L}]`,
    inputs: () => [normal([V, D], 1), integers([B, L], V, 2)],
    run: ([table, ids]) => embedding(table as tf.Tensor2D, ids as tf.Tensor),
    work: { bytes: bytesOf(tokens, tokens, [B, L]) },
  },
  {
    name: 'gatherRows',
    sizes: `[${B * L}, ${D}], indices [${N}]`,
    inputs: () => [normal([B * L, D], 1), integers([N], B * L, 2)],
    run: ([x, indices]) => gatherRows(x as tf.Tensor2D, indices as tf.Tensor1D),
    work: { bytes: bytesOf([N, D], [N, D], [N]) },
  },
  ...(
    [
      ['perHead', [1, 3]],
      ['perChannel', [D, 3]],
      ['headMixing', [3, 4, 4]],
    ] as const
  ).map(
    ([shape, filter]): KernelCase => ({
      name: `shortConvolution, ${shape}`,
      sizes: `[${tokens}], filter [${filter}]`,
      inputs: () => [normal(tokens, 1), normal(filter, 2)],
      run: ([x, taps]) => shortConvolution(x as tf.Tensor3D, taps as tf.Tensor, { shape }),
      work: { bytes: bytesOf(tokens, tokens) },
    }),
  ),
  ...[512, V].map(
    (vocabulary): KernelCase => ({
      name: 'tiedCrossEntropy',
      sizes: `[${N}, ${D}], table [${vocabulary}, ${D}]`,
      inputs: () => [normal([N, D], 1), normal([vocabulary, D], 2), integers([N], vocabulary, 3)],
      run: ([hidden, table, labels]) =>
        tiedCrossEntropy(hidden as tf.Tensor2D, table as tf.Tensor2D, labels as tf.Tensor1D).loss,
      work: { flop: 2 * N * vocabulary * D },
      tolerance: 2e-5,
    }),
  ),
  {
    name: 'dropout',
    sizes: `[${tokens}]`,
    inputs: () => [normal(tokens, 1)],
    run: ([x]) => dropout(x as tf.Tensor, 0.1, 7),
    work: { bytes: bytesOf(tokens, tokens) },
  },
  {
    name: 'gelu',
    sizes: `[${tokens}]`,
    inputs: () => [normal(tokens, 1)],
    run: ([x]) => gelu(x as tf.Tensor),
    work: { bytes: bytesOf(tokens, tokens) },
  },
  {
    name: 'silu',
    sizes: `[${tokens}]`,
    inputs: () => [normal(tokens, 1)],
    run: ([x]) => silu(x as tf.Tensor),
    work: { bytes: bytesOf(tokens, tokens) },
  },
  ...[L, 256].map(
    (seqLen): KernelCase => ({
      name: 'causalAttention',
      sizes: `[${heads(seqLen)}], one head`,
      inputs: three(heads(seqLen)),
      run: ([q, k, v]) =>
        causalAttention({ q: q as tf.Tensor3D, k: k as tf.Tensor3D, v: v as tf.Tensor3D }, { nHeads: 1 }).o,
      // The lower triangle of two products.
      work: { flop: 2 * 16 * seqLen * (seqLen + 1) * D },
    }),
  ),
  {
    name: 'cachedAttention',
    sizes: `[4, ${D}], 4,096 tokens, one head`,
    inputs: () => [normal([4, D], 1), normal([4, 4096, D], 2), normal([4, 4096, D], 3)],
    run: ([q, k, v]) =>
      cachedAttention(
        { q: q as tf.Tensor2D, k: k as tf.Tensor3D, v: v as tf.Tensor3D },
        { nHeads: 1, scale: D ** -0.5, tokens: 4096 },
      ),
    work: { bytes: bytesOf([4, 4096, D], [4, 4096, D]) },
  },
  {
    name: 'linearAttention',
    sizes: `[${heads(256)}], four heads`,
    inputs: three(heads(256)),
    run: ([q, k, v]) =>
      linearAttention({ q: q as tf.Tensor3D, k: k as tf.Tensor3D, v: v as tf.Tensor3D }, { nHeads: 4 }),
    work: { flop: 4 * 16 * 256 * D * (D / 4) },
    tolerance: 5e-5,
  },
];

type Ops = Record<string, (...given: unknown[]) => Record<string, tf.Tensor> & tf.Tensor>;

/** Ops of packages that are measured where they are installed beside this one. */
const OPTIONAL_CASES: readonly { readonly packageName: string; cases(ops: Ops): KernelCase[] }[] = [
  {
    packageName: '@mixerzoo/mamba',
    cases: ({ selectiveScan }) => [
      {
        name: 'selectiveScan',
        sizes: `[${heads(256)}], N = 16`,
        inputs: () => [
          normal(heads(256), 1),
          normal(heads(256), 2, 0.3),
          tf.tidy(() => normal([D, 16], 3).exp().neg()),
          normal([16, 256, 16], 4),
          normal([16, 256, 16], 5),
        ],
        run: ([u, delta, A, B, C]) => selectiveScan?.({ u, delta, A, B, C }, { deltaSoftplus: true })['y'] as tf.Tensor,
        // Per state: two products for the decay and the input, a multiply-add each for state and output.
        work: { flop: 6 * 16 * 256 * D * 16 },
        tolerance: 5e-5,
      },
    ],
  },
  {
    packageName: '@mixerzoo/gla',
    cases: ({ glaScan }) => [
      {
        name: 'glaScan',
        sizes: `[${heads(256)}], four heads`,
        inputs: () => [
          normal(heads(256), 1),
          normal(heads(256), 2),
          tf.tidy(() => normal(heads(256), 3).abs().mul(-0.1)),
          normal(heads(256), 4),
        ],
        run: ([q, k, gk, v]) => glaScan?.({ q, k, gk, v }, { nHeads: 4 })['o'] as tf.Tensor,
        work: { flop: 4 * 16 * 256 * D * (D / 4) },
        tolerance: 5e-5,
      },
    ],
  },
  {
    packageName: '@mixerzoo/delta',
    cases: ({ deltaRule }) => {
      /** The columns of g a head, if there are decays: one, or one a key channel. */
      const deltaCase = (shape: readonly [number, number, number], gates?: 1 | 16): KernelCase => ({
        name: gates === undefined ? 'deltaRule' : `deltaRule, ${gates === 1 ? 'a decay a head' : 'a decay a channel'}`,
        sizes: `[${shape}], four heads`,
        inputs: () => [
          normal(shape, 1),
          normal(shape, 2, 0.25), // of about unit length, per head
          normal(shape, 3),
          tf.tidy(() => normal([shape[0], shape[1], 4], 4).sigmoid()),
          ...(gates
            ? [
                tf.tidy(() =>
                  normal([shape[0], shape[1], 4 * gates], 5)
                    .abs()
                    .mul(-0.1),
                ),
              ]
            : []),
        ],
        run: ([q, k, v, beta, g]) => deltaRule?.({ q, k, v, beta, g }, { nHeads: 4 })['o'] as tf.Tensor,
        // The state is read for k and for q, and written: a multiply-add each.
        work: { flop: 6 * shape[0] * shape[1] * D * (D / 4) },
        tolerance: 5e-5,
      });
      return [
        deltaCase(heads(256)),
        deltaCase(heads(256), 1),
        deltaCase(heads(256), 16),
        ...[1024, 4096, 16384].map((length) => deltaCase([1, length, D], 1)),
      ];
    },
  },
  {
    packageName: '@mixerzoo/hyena',
    // Both ways on either side of where the Fourier transforms begin to win.
    cases: ({ longConvolution }) =>
      [64, 128, 256, 1024].flatMap((seqLen) =>
        (['direct', 'fft'] as const).map((method): KernelCase => {
          const shape = [4096 / seqLen, seqLen, D] as const;
          return {
            name: `longConvolution, ${method}`,
            sizes: `[${shape}]`,
            inputs: () => [normal(shape, 1), normal([seqLen, D], 2)],
            run: ([x, filter]) => longConvolution?.(x as tf.Tensor, filter as tf.Tensor, { method }) as tf.Tensor,
            // The sums, however they are made.
            work: { flop: 4096 * (seqLen + 1) * D },
          };
        }),
      ),
  },
  {
    packageName: '@mixerzoo/rwkv',
    cases: ({ rwkv7Scan }) => [
      {
        name: 'rwkv7Scan',
        sizes: `[${heads(256)}], four heads`,
        inputs: () => [
          normal(heads(256), 1),
          tf.tidy(() => normal(heads(256), 2).sigmoid().mul(-0.6)),
          normal(heads(256), 3),
          normal(heads(256), 4),
          normal(heads(256), 5, 0.25), // of about unit length, per head
          tf.tidy(() => normal(heads(256), 6).sigmoid()),
        ],
        run: ([r, g, k, v, kappa, a]) => rwkv7Scan?.({ r, g, k, v, kappa, a }, { nHeads: 4 })['o'] as tf.Tensor,
        // The state is read for kappa and for r, removed from and written: a multiply-add each.
        work: { flop: 8 * 16 * 256 * D * (D / 4) },
        tolerance: 5e-5,
      },
    ],
  },
  {
    packageName: '@mixerzoo/xlstm',
    cases: ({ mLstmScan }) => [
      {
        name: 'mLstmScan',
        sizes: `[${heads(256)}], four heads`,
        inputs: () => [
          normal(heads(256), 1),
          normal(heads(256), 2),
          normal(heads(256), 3),
          normal([16, 256, 4], 4, 0.1),
          tf.tidy(() => normal([16, 256, 4], 5).abs().mul(-0.1)),
        ],
        run: ([q, k, v, i, logF]) => mLstmScan?.({ q, k, v, i, logF }, { nHeads: 4 })['h'] as tf.Tensor,
        // Chunks of 64: half of the pairs, for q k^T and for P v, and the state read and written: a multiply-add each.
        work: { flop: 4 * 16 * 256 * D * (32 + D / 4) },
        tolerance: 5e-5,
      },
    ],
  },
  {
    packageName: '@mixerzoo/landmark',
    cases: ({ blockAttention, chosenAttention, groupedAttention }) => [
      {
        name: 'blockAttention',
        sizes: `[${heads(256)}], blocks of 16, one retrieved`,
        // The block before the query's own.
        inputs: () => [
          ...three(heads(256))(),
          tf.tensor(
            Int32Array.from({ length: 16 * 256 }, (_, i) => ((i % 256) >> 4) - 1),
            [16, 256, 1],
            'int32',
          ),
        ],
        run: ([q, k, v, retrieved]) =>
          blockAttention?.({ q, k, v, retrieved }, { blockSize: 16, unit: 16, scale: 1 / 8 }) as tf.Tensor,
        // Two products with half the own block and the whole of the other.
        work: { flop: 4 * 16 * 256 * (8.5 + 16) * D },
        tolerance: 5e-5,
      },
      {
        name: 'groupedAttention',
        sizes: `[${heads(256)}], blocks of 16`,
        inputs: () => [...three(heads(256))(), normal([16, 15, D], 4)],
        run: ([q, k, v, landmarks]) =>
          groupedAttention?.({ q, k, v, landmarks }, { blockSize: 16, scale: 1 / 8 }) as tf.Tensor,
        // The lower triangle of two products.
        work: { flop: 2 * 16 * 256 * 257 * D },
        tolerance: 5e-5,
      },
      {
        name: 'chosenAttention',
        sizes: `[${heads(256)}], blocks of 16, two chosen`,
        // The two blocks before the query's own.
        inputs: () => [
          ...three(heads(256))(),
          normal([16, 15, D], 4),
          tf.tensor(
            Int32Array.from({ length: 16 * 256 * 2 }, (_, i) => Math.max(-1, (((i >> 1) % 256) >> 4) - 1 - (i & 1))),
            [16, 256, 2],
            'int32',
          ),
        ],
        run: ([q, k, v, landmarks, chosen]) =>
          chosenAttention?.({ q, k, v, landmarks, chosen }, { blockSize: 16, scale: 1 / 8 }) as tf.Tensor,
        // Two products with half the own block and the whole of the others.
        work: { flop: 4 * 16 * 256 * (8.5 + 32) * D },
        tolerance: 5e-5,
      },
    ],
  },
  {
    packageName: '@mixerzoo/based',
    cases: ({ taylorAttention }) => [
      {
        name: 'taylorAttention',
        sizes: `q, k [16, 256, 16], v [${heads(256)}]`,
        inputs: () => [normal([16, 256, 16], 1), normal([16, 256, 16], 2), normal(heads(256), 3)],
        run: ([q, k, v]) => taylorAttention?.({ q, k, v }, { nHeads: 1 }) as tf.Tensor,
        work: { flop: 16 * 256 * 257 * (16 + D) },
        tolerance: 5e-5,
      },
    ],
  },
];

/** Every case that can be measured here. */
export async function kernelCases(): Promise<KernelCase[]> {
  const cases = [...CORE_CASES];
  for (const { packageName, cases: casesOf } of OPTIONAL_CASES) {
    const ops = await import(packageName).catch((error: { code?: string }) => {
      if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
      throw error;
    });
    if (ops) cases.push(...casesOf(ops as Ops));
    else console.error(`bench:kernels: ${packageName} is not installed and is left out.`);
  }
  return cases;
}
