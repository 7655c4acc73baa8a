/** A call that `bench:kernels` measures, and the inputs that cases share. */
import { createRng, tf } from '@mixerzoo/core';

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

/** Batch, length, width, vocabulary, queries. */
export const [B, L, D, V, N] = [64, 64, 64, 8192, 1024];

export function normal(shape: readonly number[], seed: number, scale = 1): tf.Tensor {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => scale * rng.normal());
  return tf.tensor(values, [...shape]);
}

export function integers(shape: readonly number[], below: number, seed: number): tf.Tensor {
  const rng = createRng(seed);
  const values = Int32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => rng.integer(below));
  return tf.tensor(values, [...shape], 'int32');
}

export const bytesOf = (...shapes: (readonly number[])[]) =>
  shapes.reduce((total, shape) => total + 4 * tf.util.sizeFromShape([...shape]), 0);
export const tokens = [B, L, D] as const;

export const matMulCase = (m: number, k: number, n: number, transposes = '', batches = 0): KernelCase => {
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
export const heads = (seqLen: number) => [16, seqLen, D] as const;
export const three = (shape: readonly number[]) => () => [normal(shape, 1), normal(shape, 2), normal(shape, 3)];
