/** Ops of the mixers' own packages, measured where these are installed beside the benchmark. */
import { tf } from '@mixerzoo/core';
import { D, heads, type KernelCase, normal, three } from './kernel-case.js';

export type Ops = Record<string, (...given: unknown[]) => Record<string, tf.Tensor> & tf.Tensor>;

export const MIXER_CASES: readonly { readonly packageName: string; cases(ops: Ops): KernelCase[] }[] = [
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
