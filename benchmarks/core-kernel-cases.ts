/** Ops of the packages that the benchmark needs, at the sizes of a one-layer model. */
import { cachedAttention, causalAttention } from '@mixerzoo/attention';
import { linearAttention } from '@mixerzoo/cat';
import type { tf } from '@mixerzoo/core';
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
import {
  B,
  bytesOf,
  D,
  heads,
  integers,
  type KernelCase,
  L,
  matMulCase,
  N,
  normal,
  three,
  tokens,
  V,
} from './kernel-case.js';

export const CORE_CASES: readonly KernelCase[] = [
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
