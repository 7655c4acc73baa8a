/**
 * How RWKV-7's time mixing starts, which its authors count as part of the model: `RWKV-v7/train_temp/src/model.py` of BlinkDL/RWKV-LM
 * (`RWKV_Tmix_x070`). Channels n of d, `zigzag` by the place in their head, layers of `nLayers`.
 */
import { createRng, tf } from '@mixerzoo/core';

/** Widths and place that the start depends on. */
export interface Place {
  readonly dModel: number;
  readonly headDim: number;
  /** From 0. */
  readonly layer: number;
  readonly nLayers: number;
}

/** Values per channel, of `n`, its `share` n / (d - 1) of the way and its `zigzag` in [-1, 1]. */
function channels(
  { dModel, headDim }: Place,
  value: (n: number, share: number, zigzag: number) => number,
): tf.Tensor1D {
  const half = (headDim - 1) / 2;
  const values = Float32Array.from({ length: dModel }, (_, n) => {
    const offset = half === 0 ? 0 : ((n % headDim) - half) / half;
    return value(n, dModel === 1 ? 0 : n / (dModel - 1), offset * Math.abs(offset));
  });
  return tf.tensor1d(values);
}

/** `1 - (n / d)^(exponent (1 - layer / nLayers))`: how much of the token before. */
const MIX_EXPONENTS = { r: 0.2, w: 0.9, k: 0.7, v: 0.7, a: 0.9, g: 0.2 };
type Mixes = Readonly<Record<keyof typeof MIX_EXPONENTS, tf.Tensor1D>>;

/** Of every role's token shift [d]. */
export function initMixes(place: Place): Mixes {
  const remaining = 1 - place.layer / place.nLayers;
  const mixes = Object.entries(MIX_EXPONENTS).map(([role, exponent]) => [
    role,
    channels(place, (n) => 1 - (n / place.dModel) ** (exponent * remaining)),
  ]);
  return Object.fromEntries(mixes) as Mixes;
}

/** The vectors [d] of decay (w0), rate (a0) and value residual (v0), and those of keys (kK, kA). */
export function initVectors(place: Place) {
  const { layer, nLayers } = place;
  const depth = nLayers === 1 ? 0 : layer / (nLayers - 1);
  return {
    w0: channels(place, (_, share, zigzag) => -6 + 6 * share ** (1 + depth ** 0.3) + 0.5 + 2.5 * zigzag),
    a0: channels(place, (_, share, zigzag) => -0.19 + 0.3 * zigzag + 0.4 * (share - 0.5)),
    v0: channels(place, (_, share) => 0.73 - 0.4 * (share - 0.5)),
    kK: channels(place, (_, share) => 0.71 - 0.1 * (share - 0.5)),
    kA: tf.fill<tf.Rank.R1>([place.dModel], 1.02),
  };
}

/**
 * The second factor of a low-rank map [rank, d]: rows, or where they are more than d columns, of norm 0.1 and orthogonal, columns times
 * sqrt(rank / d).
 */
export function initOrthogonal(rank: number, dModel: number, seed: number): tf.Tensor2D {
  const rng = createRng(seed);
  const [count, length] = [Math.min(rank, dModel), Math.max(rank, dModel)];
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => rng.normal());
    for (const other of vectors) {
      const overlap = vector.reduce((sum, x, at) => sum + x * (other[at] as number), 0);
      for (let at = 0; at < length; at += 1) vector[at] = (vector[at] as number) - overlap * (other[at] as number);
    }
    const norm = Math.hypot(...vector);
    vectors.push(vector.map((x) => x / norm));
  }
  const gain = 0.1 * Math.sqrt(Math.max(1, rank / dModel));
  const at = (row: number, column: number) =>
    (rank <= dModel ? vectors[row]?.[column] : vectors[column]?.[row]) as number;
  const values = Float32Array.from(
    { length: rank * dModel },
    (_, index) => gain * at(Math.floor(index / dModel), index % dModel),
  );
  return tf.tensor2d(values, [rank, dModel]);
}

/** RWKV-7's rank of a low-rank map: `factor sqrt(d)` to the nearest multiple of 32, of two the even one, as Python rounds. */
export function rankOf(factor: number, dModel: number): number {
  const steps = (factor * Math.sqrt(dModel)) / 32;
  const nearest = steps % 1 === 0.5 ? 2 * Math.round(steps / 2) : Math.round(steps);
  return 32 * Math.max(1, nearest);
}
