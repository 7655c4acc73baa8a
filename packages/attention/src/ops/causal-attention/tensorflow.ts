/**
 * Causal attention and its gradient on the tensorflow engine: the formulas of the reference form in TensorFlow's own
 * operations. A single head needs no transposing, its maps are [B, M, L]; the scale goes onto q, which is smaller than
 * the map; and of the dropped map P o mask the gradient makes the mask once: dS = (P o mask) o dKept - P o rowTerm.
 */
import { tf } from '@mixerzoo/core';
import { dropout } from '@mixerzoo/core/blocks';
import { dims, type GradientInputs, type Gradients, tensorflowValue as run } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export function attend(inputs: Inputs, attrs: Attrs): Outputs {
  const { nHeads, dropoutRate, dropoutSeed } = attrs;
  const [batch, queries] = inputs.q.shape;
  const logits = maskedLogits(inputs, scaledQueries(inputs, attrs), attrs);
  const probabilities = run('Softmax', [logits]);
  // The largest logit of a row less the log of its probability, which is at least 1 / L.
  const logSumExp = run('Sub', [rowMax(logits), run('Log', [rowMax(probabilities)])]);
  const kept = dropout(probabilities, dropoutRate, dropoutSeed);
  return {
    o: joinHeads(multiply(kept, splitHeads(inputs.v, nHeads)), nHeads),
    logSumExp: run('Reshape', [logSumExp, { ints: [batch, nHeads, queries] }]),
  };
}

export function attendGradient(inputs: GradientInputs<Inputs, Outputs, Outputs>, attrs: Attrs): Gradients<Inputs> {
  const { nHeads, scale, dropoutRate, dropoutSeed } = attrs;
  const heads = (x: tf.Tensor) => splitHeads(x, nHeads);
  const [k, v, o, dO] = [heads(inputs.k), heads(inputs.v), heads(inputs.o), heads(inputs.dO)];
  const q = scaledQueries(inputs, attrs);
  const asColumn = { ints: [...q.shape.slice(0, -1), 1] };
  const logits = maskedLogits(inputs, q, attrs);
  const probabilities = run('Exp', [run('Sub', [logits, run('Reshape', [inputs.logSumExp, asColumn])])]);
  const kept = dropout(probabilities, dropoutRate, dropoutSeed);
  const dKept = multiply(dO, v, { adj_y: true });
  const rowTerm = run('Sub', [
    run('Sum', [run('Mul', [dO, o]), { int: -1 }], { keep_dims: { bool: true } }),
    run('Reshape', [inputs.dLogSumExp, asColumn]),
  ]);
  const dLogits =
    dropoutRate > 0
      ? run('Sub', [run('Mul', [kept, dKept]), run('Mul', [probabilities, rowTerm])])
      : run('Mul', [probabilities, run('Sub', [dKept, rowTerm])]);
  return {
    q: joinHeads(run('Mul', [multiply(dLogits, k), { float: scale }]), nHeads),
    k: joinHeads(multiply(dLogits, q, { adj_x: true }), nHeads),
    v: joinHeads(multiply(kept, dO, { adj_x: true }), nHeads),
    slopes: null,
  };
}

/** Batches of matrix products; `adj` transposes. */
function multiply(a: tf.Tensor, b: tf.Tensor, { adj_x = false, adj_y = false } = {}): tf.Tensor {
  return run('BatchMatMulV2', [a, b], { adj_x: { bool: adj_x }, adj_y: { bool: adj_y } });
}

/** [B, L, H p] -> [B, H, L, p]; itself for one head. */
function splitHeads(x: tf.Tensor, nHeads: number): tf.Tensor {
  if (nHeads === 1) return x;
  const [batch, length, width] = dims(x, 3);
  const rows = run('Reshape', [x, { ints: [batch, length, nHeads, width / nHeads] }]);
  return run('Transpose', [rows, { ints: [0, 2, 1, 3] }]);
}

/** The inverse of {@link splitHeads}. */
function joinHeads(x: tf.Tensor, nHeads: number): tf.Tensor3D {
  if (nHeads === 1) return x as tf.Tensor3D;
  const [batch, , length, headDim] = dims(x, 4);
  const rows = run('Transpose', [x, { ints: [0, 2, 1, 3] }]);
  return run('Reshape', [rows, { ints: [batch, length, nHeads * headDim] }]);
}

function scaledQueries({ q }: Inputs, { nHeads, scale }: Attrs): tf.Tensor {
  return splitHeads(run('Mul', [q, { float: scale }]), nHeads);
}

function rowMax(x: tf.Tensor): tf.Tensor {
  return run('Max', [x, { int: -1 }]);
}

/** S with -Infinity where a query must not look. @param queries - scaled, heads taken apart. */
function maskedLogits({ k, slopes }: Inputs, queries: tf.Tensor, { nHeads, window }: Attrs): tf.Tensor {
  const [rows, keys] = [queries.shape.at(-2) as number, k.shape[1]];
  const mask = tf.tensor2d(causalMask(rows, keys, window), [rows, keys]);
  const logits = run('AddV2', [multiply(queries, splitHeads(k, nHeads), { adj_y: true }), mask]);
  if (!slopes) return logits;
  const distance = Float32Array.from({ length: rows * keys }, (_, at) => {
    const [row, key] = [Math.floor(at / keys), at % keys];
    return keys - rows + row - key;
  });
  const penalty = run('Mul', [
    run('Reshape', [slopes, { ints: nHeads === 1 ? [1] : [nHeads, 1, 1] }]),
    tf.tensor2d(distance, [rows, keys]),
  ]);
  return run('Sub', [logits, penalty]);
}

/** The masks used last, by their sizes: they come back every step. */
const masks = new Map<string, Float32Array>();
const MOST_MASKS = 4;

/** [rows, keys]: 0 where a query sees a key, -Infinity elsewhere. The queries are the last `rows` of the positions. */
function causalMask(rows: number, keys: number, window: number): Float32Array {
  const key = `${rows}, ${keys}, ${window}`;
  const known = masks.get(key);
  if (known) return known;
  const mask = new Float32Array(rows * keys).fill(-Infinity);
  for (let row = 0; row < rows; row += 1) {
    const last = keys - rows + row;
    const first = window > 0 ? Math.max(0, last - window + 1) : 0;
    mask.fill(0, row * keys + first, row * keys + last + 1);
  }
  if (masks.size >= MOST_MASKS) masks.delete(masks.keys().next().value as string);
  masks.set(key, mask);
  return mask;
}
