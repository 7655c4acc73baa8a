/**
 * The long key filter that makes landmarks, in three shapes (paper, Sec. 5):
 *
 *   box          F_j = 1 for 0 <= j < B: a landmark is the sum of its block's keys (Prop. 1)
 *   exponential  F_j = rho^j, rho = e^(-1/B): an SSM of state dimension 1 (Prop. 2)
 *   learned      F free, [H, filterLength]
 *
 * All act on projected keys, which is the same function as filtering the input, since the projection has no bias.
 */
import { tf } from '@mixerzoo/core';
import { shortConvolution, shortConvolutionCache, shortConvolutionStep } from '@mixerzoo/core/blocks';

export type KeyFilterKind = 'box' | 'exponential' | 'learned';

/** A causal filter along the sequence. */
export interface KeyFilter {
  /** k: [B, L, d] -> [B, L, d]; `learned` is the parameter [H, W] of a learned filter. */
  apply(k: tf.Tensor3D, learned: tf.Tensor2D | undefined): tf.Tensor3D;
  initState(batchSize: number): tf.Tensor3D;
  /** k: [B, d]; consumes `state`. */
  step(k: tf.Tensor2D, state: tf.Tensor3D, learned: tf.Tensor2D | undefined): { y: tf.Tensor2D; state: tf.Tensor3D };
  /** The state after a prompt k [B, L, d], which `apply` made `filtered` of. */
  stateAfter(k: tf.Tensor3D, filtered: tf.Tensor3D): tf.Tensor3D;
  /** Elements of state per sequence. */
  readonly stateSize: number;
  /** Multiply-adds per channel and token. */
  readonly taps: number;
}

/** The filter of a kind; `filterLength` is that of a learned one. */
export function createKeyFilter(
  kind: KeyFilterKind,
  config: { dModel: number; nHeads: number; blockSize: number; filterLength: number; rho: number },
): KeyFilter {
  const { dModel, nHeads, blockSize, filterLength, rho } = config;
  if (kind === 'exponential') {
    return {
      apply: (k) => exponentialFilter(k, rho),
      initState: (batchSize) => tf.zeros([batchSize, 1, dModel]),
      step(k, state) {
        const [y, next] = tf.tidy(() => {
          const smoothed = state.squeeze<tf.Tensor2D>([1]).mul(rho).add<tf.Tensor2D>(k);
          return [smoothed, smoothed.expandDims<tf.Tensor3D>(1)];
        }) as [tf.Tensor2D, tf.Tensor3D];
        state.dispose();
        return { y, state: next };
      },
      stateAfter: (_, filtered) => tf.slice(filtered, [0, filtered.shape[1] - 1, 0]),
      stateSize: dModel,
      taps: 1,
    };
  }
  const length = kind === 'box' ? blockSize : filterLength;
  const filterOf = (learned: tf.Tensor2D | undefined) => learned ?? tf.ones<tf.Rank.R2>([nHeads, length]);
  return {
    apply: (k, learned) => shortConvolution(k, filterOf(learned), { shape: 'perHead' }),
    initState: (batchSize) => tf.zeros([batchSize, length - 1, dModel]),
    step(k, state, learned) {
      const filter = filterOf(learned);
      const { y, cache } = shortConvolutionStep(k, state, filter, { shape: 'perHead' });
      if (!learned) filter.dispose();
      return { y, state: cache };
    },
    stateAfter: (k) => shortConvolutionCache(k, length),
    stateSize: (length - 1) * dModel,
    taps: length,
  };
}

/**
 * `y_t = sum_j rho^j x_{t-j}` by doubling: sum_{j < 2n} rho^j D^j = (sum_{j < n} rho^j D^j) (1 + rho^n D^n), D the delay.
 * O(L d log L), and no power of rho above 1.
 */
function exponentialFilter(x: tf.Tensor3D, rho: number): tf.Tensor3D {
  const [batchSize, seqLen, width] = x.shape;
  let y = x;
  for (let shift = 1; shift < seqLen; shift *= 2) {
    const delayed = tf.pad(y.slice([0, 0, 0], [batchSize, seqLen - shift, width]), [
      [0, 0],
      [shift, 0],
      [0, 0],
    ]);
    y = y.add(delayed.mul(rho ** shift));
  }
  return y;
}
