/** What both layouts of mLSTM share: the gates of a cell, its scan, and the norm of what is read out. */
import { foldIn, randomNormal, type Tree, tf } from '@mixerzoo/core';
import { layerNorm, linear, type Projection } from '@mixerzoo/core/blocks';
import { type MLstmMemory, mLstmOutput, mLstmScan } from './ops/m-lstm-scan/index.js';
import { CHUNK } from './ops/m-lstm-scan/reference.js';

/** iGate, fGate [w, H] with biases [H], w the width of what the gates are made of; norm [H V]. */
export type CellParams = Tree & {
  iGate: Required<Projection>;
  fGate: Required<Projection>;
  norm: { weight: tf.Tensor1D };
};

/** What a layout gives its cell, [B, L, w]. */
type Rows = { readonly [name in 'q' | 'k' | 'v' | 'i' | 'f']: tf.Tensor3D };

export interface CellConfig {
  readonly nHeads: number;
  /** Columns of queries and keys per head, and of values. */
  readonly headK: number;
  readonly headV: number;
  /** Columns that the gates are projected from. */
  readonly gateWidth: number;
  readonly forgetGate: 'sigmoid' | 'exp';
  readonly gateSoftCap: number;
  readonly normEps: number;
}

/** `-softplus(-x)`: TensorFlow.js's own `logSigmoid` has a gradient that reads what a `tidy` has freed. */
export function logSigmoid<T extends tf.Tensor>(x: T): T {
  return x.neg().softplus().neg();
}

export function createCell(config: CellConfig) {
  const { nHeads, headK, headV, gateWidth, forgetGate, gateSoftCap, normEps } = config;
  const capped = <T extends tf.Tensor>(x: T): T =>
    gateSoftCap > 0 ? x.div(gateSoftCap).tanh().mul<T>(gateSoftCap) : x;
  return {
    /** Weights of gates take no part at the start: input gates are near 1, forget gates nearly so, sigmoid(3) to sigmoid(6) over the heads. */
    init(seed: number): CellParams {
      const closed = (bias: tf.Tensor1D) => ({ weight: tf.zeros<tf.Rank.R2>([gateWidth, nHeads]), bias });
      const open = Array.from({ length: nHeads }, (_, head) => 3 + (3 * head) / Math.max(1, nHeads - 1));
      const forget = forgetGate === 'sigmoid' ? open : open.map((f) => -Math.log1p(Math.exp(-f)));
      return {
        iGate: closed(randomNormal<tf.Rank.R1>([nHeads], 0.1, foldIn(seed, 'iGate'))),
        fGate: closed(tf.tensor1d(forget)),
        norm: { weight: tf.ones([nHeads * headV]) },
      };
    },
    noDecay: ['iGate.bias', 'fGate.bias'],
    /** i and f of rows x [..., w], before f's logarithm. */
    gates: <T extends tf.Tensor>({ iGate, fGate }: CellParams, x: T) => ({
      i: capped(linear(x, iGate)),
      f: capped(linear(x, fGate)),
    }),
    state: { c: [nHeads, headK, headV], n: [nHeads, headK], m: [nHeads] },
    /** h of all tokens, from a state or none. */
    scan({ q, k, v, i, f }: Rows, past?: MLstmMemory, keepsState?: boolean) {
      const logF = forgetGate === 'sigmoid' ? logSigmoid(f) : f;
      const tensors = { q, k, v, i, logF, ...(past && { initialState: past }) };
      if (!keepsState) return { o: mLstmOutput(tensors, { nHeads }) };
      const { h, lastState } = mLstmScan(tensors, { nHeads });
      return { o: h, state: () => lastState };
    },
    /** LayerNorm of the columns of every head, h [..., H V]. */
    norm<T extends tf.Tensor>({ norm }: CellParams, h: T): T {
      const unit = { weight: tf.ones([headV]), bias: tf.zeros([headV]) };
      const rows = layerNorm(h.reshape([-1, headV]), unit, normEps);
      return rows.reshape<T>(h.shape).mul<T>(norm.weight);
    },
    /** FLOPs of gates and scan over a sequence, in the chunked form of the reference; a multiply-add is 2. */
    flops(seqLen: number): number {
      const chunk = Math.min(CHUNK, seqLen);
      const padded = chunk * Math.ceil(seqLen / chunk);
      const scan = 2 * chunk * (headK + headV) + 4 * headK * headV + 2 * headK;
      return 4 * seqLen * gateWidth * nHeads + padded * nHeads * scan;
    },
  };
}
