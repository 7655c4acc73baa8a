/** What is offered to native kernels, at odd sizes: a function of tensors that is differentiated in all of them, and the tensors. */
import { cachedAttention, causalAttention } from '@mixerzoo/attention';
import { taylorAttention } from '@mixerzoo/based';
import { linearAttention } from '@mixerzoo/cat';
import { randomNormal, tf } from '@mixerzoo/core';
import {
  gatherRows,
  layerNorm,
  linear,
  linears,
  rmsNorm,
  shortConvolution,
  tiedCrossEntropy,
} from '@mixerzoo/core/blocks';
import { deltaRule } from '@mixerzoo/delta';
import { glaScan } from '@mixerzoo/gla';
import { blockAttention, chosenAttention, groupedAttention } from '@mixerzoo/landmark';
import { selectiveScan, ssd } from '@mixerzoo/mamba';

export type Case = readonly [f: (...inputs: never[]) => tf.Tensor, ...inputs: tf.Tensor[]];

const normal = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number, deviation = 1) =>
  randomNormal(shape, deviation, seed) as tf.Tensor<R>;
const labels = (count: number, below: number) =>
  tf.tensor1d(
    Int32Array.from({ length: count }, (_, i) => (i * 7919) % below),
    'int32',
  );
const negative = <T extends tf.Tensor>(x: T) => x.exp().neg() as T;

/** Cases by name. */
export function createCases(): Record<string, Case> {
  return { ...products(), ...crossEntropies(), ...attentions(), ...choices(), ...scans(), ...rows() };
}

function products(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const sizes = [
    [1, 1, 1],
    [3, 1, 17],
    [17, 63, 3],
    [63, 65, 130],
    [130, 300, 65],
    [1, 63, 1],
    [1, 64, 1030],
    [2, 1300, 19],
    [4, 17, 517],
    [5, 1100, 7],
    [257, 64, 64],
    [64, 2100, 33],
    [4, 0, 5],
  ] as const;
  for (const [m, k, n] of sizes) {
    for (const ta of [false, true]) {
      for (const tb of [false, true]) {
        const product = (a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b, ta, tb);
        cases[`matMul ${[m, k, n, ta, tb]}`] = [
          product,
          normal(ta ? [k, m] : [m, k], 1),
          normal(tb ? [n, k] : [k, n], 2),
        ];
      }
    }
  }
  const batched = (ta: boolean, tb: boolean) => (a: tf.Tensor3D, b: tf.Tensor3D) => tf.matMul(a, b, ta, tb);
  cases['batches'] = [batched(false, false), normal([9, 70, 33], 1), normal([9, 33, 40], 2)];
  cases['large batches'] = [batched(false, true), normal([2, 190, 170], 1), normal([2, 180, 170], 2)];
  cases['batches of a row'] = [batched(false, false), normal([9, 1, 33], 1), normal([9, 33, 40], 2)];
  cases['batches of three rows'] = [batched(false, true), normal([9, 3, 17], 1), normal([9, 21, 17], 2)];
  cases['one b'] = [batched(true, false), normal([5, 33, 70], 1), normal([1, 33, 20], 2)];
  for (const [rows, k, n] of [
    [1, 1, 1],
    [1, 70, 300],
    [63, 17, 3],
    [1000, 64, 65],
  ] as const) {
    const affine = (x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D) => linear(x, { weight, bias });
    cases[`linear ${[rows, k, n]}`] = [affine, normal([rows, k], 1), normal([k, n], 2), normal([n], 3)];
  }
  for (const [rows, k, n] of [
    [1, 17, 300],
    [5, 1, 1],
    [63, 33, 65],
    [1700, 64, 63],
    [9, 300, 260],
    [1100, 70, 400],
  ] as const) {
    const three = (x: tf.Tensor2D, a: tf.Tensor2D, b: tf.Tensor2D, c: tf.Tensor2D, bias: tf.Tensor1D) =>
      tf.concat(linears(x, [{ weight: a }, { weight: b, bias }, { weight: c }]), -1);
    const weights = [n, n + 1, 3].map((columns, i) => normal([k, columns], 2 + i));
    cases[`linears ${[rows, k, n]}`] = [three, normal([rows, k], 1), ...weights, normal([n + 1], 9)];
  }
  return cases;
}

function crossEntropies(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const [n, d, V] of [
    [1, 1, 1],
    [3, 17, 5],
    [65, 63, 130],
    [130, 64, 257],
    [250, 8, 5000],
  ] as const) {
    const [hidden, table] = [normal([n, d], 1), normal([V, d], 2)];
    const entropy = (h: tf.Tensor2D, t: tf.Tensor2D) => tiedCrossEntropy(h, t, labels(n, V));
    cases[`cross-entropy ${[n, d, V]}`] = [(h: tf.Tensor2D, t: tf.Tensor2D) => entropy(h, t).loss, hidden, table];
    cases[`hits ${[n, d, V]}`] = [(h: tf.Tensor2D, t: tf.Tensor2D) => entropy(h, t).correct, hidden, table];
  }
  // Logits of later blocks of the vocabulary are hundreds above those of the first, whose exponentials vanish beside them.
  const rising = tf.tidy(() => tf.mul(normal([300, 17], 2), tf.range(0, 60, 0.2).expandDims(1)) as tf.Tensor2D);
  cases['cross-entropy, rising'] = [
    (h: tf.Tensor2D, t: tf.Tensor2D) => tiedCrossEntropy(h, t, labels(70, 300)).loss,
    normal([70, 17], 1),
    rising,
  ];
  cases['hits, rising'] = [
    (h: tf.Tensor2D, t: tf.Tensor2D) => tiedCrossEntropy(h, t, labels(70, 300)).correct,
    normal([70, 17], 1),
    rising,
  ];
  return cases;
}

type Three = [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];

function attentions(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const [M, L, H, p, r, options] of [
    [1, 3, 1, 1, 1, {}],
    [2, 2, 1, 3, 5, {}],
    [17, 17, 2, 8, 17, {}],
    [63, 63, 1, 65, 3, { window: 7 }],
    [130, 130, 3, 16, 8, { dropoutRate: 0.3, dropoutSeed: 5 }],
    [65, 300, 1, 17, 33, {}],
    [300, 300, 2, 4, 4, { window: 140, slopes: true }],
    [520, 520, 1, 3, 3, {}],
  ] as const) {
    const { slopes, ...rest } = { slopes: false, ...options };
    const given = slopes ? { slopes: tf.tensor1d(Array.from({ length: H }, (_, h) => 0.1 / (h + 1))) } : {};
    const attend = (...[q, k, v]: Three) => {
      const { o, logSumExp } = causalAttention({ q, k, v, ...given }, { nHeads: H, ...rest });
      return tf.concat([o.flatten(), logSumExp.flatten()]);
    };
    const inputs = [normal([2, M, H * p], 1), normal([2, L, H * p], 2), normal([2, L, H * r], 3)];
    cases[`attention ${[M, L, H, p, r, JSON.stringify(options)]}`] = [attend, ...inputs];
  }
  for (const [tokens, capacity, H, G, p, r, options] of [
    [1, 1, 1, 1, 1, 1, {}],
    [7, 9, 3, 3, 5, 17, { mixesAll: true }],
    [255, 300, 2, 2, 33, 4, { slopes: true }],
    [517, 600, 6, 2, 8, 3, {}],
    [700, 701, 4, 4, 16, 16, { window: 390 }],
    [1030, 1100, 4, 2, 19, 6, { mixesAll: true }],
  ] as const) {
    const { slopes, ...rest } = { slopes: false, ...options };
    const given = slopes ? { slopes: tf.tensor1d(Array.from({ length: H }, (_, h) => 0.1 / (h + 1))) } : {};
    const attend = (q: tf.Tensor2D, k: tf.Tensor3D, v: tf.Tensor3D) =>
      cachedAttention({ q, k, v, ...given }, { nHeads: H, scale: p ** -0.5, tokens, ...rest });
    const inputs = [normal([2, H * p], 1), normal([2, capacity, G * p], 2), normal([2, capacity, G * r], 3)];
    cases[`cached attention ${[tokens, capacity, H, G, p, r, JSON.stringify(options)]}`] = [attend, ...inputs];
  }
  for (const [L, H, p, r, options] of [
    [1, 1, 1, 1, {}],
    [17, 2, 3, 5, { chunkSize: 4 }],
    [63, 1, 65, 3, { chunkSize: 64 }],
    [130, 2, 16, 8, { chunkSize: 32, normalize: true, eps: 1 }],
  ] as const) {
    const attend = (...[q, k, v]: Three) => linearAttention({ q, k, v }, { nHeads: H, ...options });
    const inputs = [normal([2, L, H * p], 1).abs(), normal([2, L, H * p], 2).abs(), normal([2, L, H * r], 3)];
    cases[`linear attention ${[L, H, p, r, JSON.stringify(options)]}`] = [attend, ...inputs];
  }
  for (const [L, H, f, p] of [
    [2, 1, 1, 1],
    [17, 2, 3, 5],
    [130, 1, 8, 17],
    [300, 2, 5, 3],
    [700, 1, 2, 9],
  ] as const) {
    const attend = (...[q, k, v]: Three) => taylorAttention({ q, k, v }, { nHeads: H });
    cases[`Taylor attention ${[L, H, f, p]}`] = [
      attend,
      normal([2, L, H * f], 1),
      normal([2, L, H * f], 2),
      normal([2, L, H * p], 3),
    ];
  }
  for (const [G, L, p, blockSize] of [
    [1, 2, 1, 1],
    [2, 17, 5, 4],
    [2, 63, 17, 16],
    [1, 130, 33, 9],
    [3, 70, 8, 70],
  ] as const) {
    const marks = Math.ceil(L / blockSize) - 1;
    const attend = (...[q, k, v, landmarks]: [...Three, tf.Tensor3D?]) =>
      groupedAttention({ q, k, v, landmarks }, { blockSize, scale: p ** -0.5 });
    const row = [normal([G, L, p], 1), normal([G, L, p], 2), normal([G, L, p], 3)];
    cases[`grouped attention ${[G, L, p, blockSize]}`] = [
      attend,
      ...row,
      ...(marks > 0 ? [normal([G, marks, p], 4)] : []),
    ];
  }
  return cases;
}

/** Attention to chosen blocks: of earlier ones the last, then every second before it, and none where there are no more. */
function choices(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const choose = (G: number, L: number, blockSize: number, K: number, unit: number) =>
    tf.tensor3d(
      Int32Array.from({ length: G * L * K }, (_, i) => {
        const block = Math.floor((Math.floor(i / K) % L) / blockSize) - 1 - 2 * (i % K);
        return block < 0 ? -1 : unit === 1 ? block * blockSize + (i % blockSize) : block;
      }),
      [G, L, K],
      'int32',
    );
  for (const [G, L, p, blockSize, K, unit] of [
    [1, 2, 1, 1, 1, 1],
    [2, 17, 5, 4, 2, 4],
    [2, 63, 17, 16, 1, 1],
    [1, 130, 33, 9, 3, 9],
    [3, 70, 8, 70, 0, 70],
  ] as const) {
    const scale = p ** -0.5;
    const row = [normal([G, L, p], 1), normal([G, L, p], 2), normal([G, L, p], 3)];
    const marks = Math.ceil(L / blockSize) - 1;
    const retrieved = K > 0 ? choose(G, L, blockSize, K, unit) : undefined;
    cases[`block attention ${[G, L, p, blockSize, K, unit]}`] = [
      (...[q, k, v]: Three) => blockAttention({ q, k, v, retrieved }, { blockSize, unit, scale }),
      ...row,
    ];
    if (marks === 0) continue;
    const chosen = choose(G, L, blockSize, K, blockSize);
    cases[`chosen attention ${[G, L, p, blockSize, K]}`] = [
      (...[q, k, v, landmarks]: [...Three, tf.Tensor3D]) =>
        chosenAttention({ q, k, v, landmarks, chosen }, { blockSize, scale }),
      ...row,
      normal([G, marks, p], 4),
    ];
  }
  return cases;
}

function scans(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const [B, L, H, P, G, N, chunkSize, optional] of [
    [1, 2, 1, 1, 1, 1, 64, false],
    [2, 17, 3, 5, 1, 3, 4, true],
    [1, 130, 4, 8, 2, 17, 64, true],
    [9, 67, 2, 17, 1, 9, 33, false],
  ] as const) {
    const scan = (
      x: tf.Tensor4D,
      dt: tf.Tensor3D,
      A: tf.Tensor1D,
      Bm: tf.Tensor4D,
      C: tf.Tensor4D,
      D?: tf.Tensor1D,
      initialState?: tf.Tensor4D,
    ) => {
      const { y, lastState } = ssd(
        { x, dt, A, B: Bm, C, ...(D && { D }), ...(initialState && { initialState }) },
        { chunkSize },
      );
      return tf.concat([y.flatten(), lastState.flatten()]);
    };
    const inputs = [
      normal([B, L, H, P], 1),
      tf.softplus(normal([B, L, H], 2)),
      negative(normal([H], 3)),
      normal([B, L, G, N], 4),
      normal([B, L, G, N], 5),
    ];
    const rest = optional ? [normal([H], 6), normal([B, H, P, N], 7)] : [];
    cases[`ssd ${[B, L, H, P, G, N, chunkSize]}`] = [scan, ...inputs, ...rest];
  }
  for (const [B, L, D, N, optional] of [
    [1, 2, 1, 1, false],
    [2, 17, 5, 3, true],
    [1, 67, 37, 6, true],
    [9, 40, 16, 16, false],
  ] as const) {
    const scan = (
      u: tf.Tensor3D,
      delta: tf.Tensor3D,
      A: tf.Tensor2D,
      Bm: tf.Tensor3D,
      C: tf.Tensor3D,
      skip?: tf.Tensor1D,
      z?: tf.Tensor3D,
      deltaBias?: tf.Tensor1D,
      initialState?: tf.Tensor3D,
    ) => {
      const given = {
        ...(skip && { D: skip }),
        ...(z && { z }),
        ...(deltaBias && { deltaBias }),
        ...(initialState && { initialState }),
      };
      const { y, lastState } = selectiveScan({ u, delta, A, B: Bm, C, ...given }, { deltaSoftplus: true });
      return tf.concat([y.flatten(), lastState.flatten()]);
    };
    const inputs = [
      normal([B, L, D], 1),
      normal([B, L, D], 2),
      negative(normal([D, N], 3)),
      normal([B, L, N], 4),
      normal([B, L, N], 5),
    ];
    const rest = optional ? [normal([D], 6), normal([B, L, D], 7), normal([D], 8), normal([B, D, N], 9)] : [];
    cases[`selective scan ${[B, L, D, N]}`] = [scan, ...inputs, ...rest];
  }
  for (const [L, H, K, V] of [
    [2, 1, 1, 1],
    [17, 3, 5, 7],
    [70, 2, 8, 16],
    [130, 1, 17, 33],
  ] as const) {
    const joined = ({ o, lastState }: { o: tf.Tensor; lastState: tf.Tensor }) =>
      tf.concat([o.flatten(), lastState.flatten()]);
    const [q, k, v] = [normal([2, L, H * K], 1), normal([2, L, H * K], 2, K ** -0.5), normal([2, L, H * V], 3)];
    const gated = (...[q, k, v, gk]: [...Three, tf.Tensor3D]) => joined(glaScan({ q, k, v, gk }, { nHeads: H }));
    cases[`gated scan ${[L, H, K, V]}`] = [gated, q, k, v, negative(normal([2, L, H * K], 4)).mul(0.3)];
    const delta = (...[q, k, v, beta, initialState, g]: [...Three, tf.Tensor3D, tf.Tensor4D, tf.Tensor3D?]) =>
      joined(deltaRule({ q, k, v, beta, initialState, ...(g && { g }) }, { nHeads: H }));
    const rest = [tf.sigmoid(normal([2, L, H], 4)), normal([2, H, K, V], 5)];
    cases[`delta rule ${[L, H, K, V]}`] = [delta, q, k, v, ...rest];
    for (const gates of new Set([H, H * K])) {
      const g = negative(normal([2, L, gates], 6)).mul(0.3);
      cases[`delta rule ${[L, H, K, V]}, ${gates} gates`] = [delta, q, k, v, ...rest, g];
    }
  }
  return cases;
}

function rows(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const [rows, n, d] of [
    [3, 2, 5],
    [70, 129, 17],
    [1200, 700, 64],
  ] as const) {
    cases[`rows gathered and added up ${[rows, n, d]}`] = [
      (table: tf.Tensor2D) => gatherRows(table, labels(n, rows)),
      normal([rows, d], 1),
    ];
  }
  for (const [n, d] of [
    [1, 3],
    [7, 16],
    [150, 37],
    [1000, 64],
  ] as const) {
    const centred = (x: tf.Tensor2D, weight: tf.Tensor1D, bias: tf.Tensor1D) => layerNorm(x, { weight, bias });
    cases[`layer norm ${[n, d]}`] = [centred, normal([n, d], 1), normal([d], 2), normal([d], 3)];
    cases[`RMS norm ${[n, d]}`] = [
      (x: tf.Tensor2D, weight: tf.Tensor1D) => rmsNorm(x, { weight }),
      normal([n, d], 1),
      normal([d], 2),
    ];
  }
  for (const [B, L, H, p, W] of [
    [1, 2, 1, 3, 1],
    [2, 17, 3, 5, 4],
    [40, 9, 2, 16, 3],
    [3, 70, 4, 33, 2],
    [2, 9, 3, 7, 5],
  ] as const) {
    const x = normal([B, L, H * p], 1);
    const filters = {
      perHead: normal([H, W], 2),
      perChannel: normal([H * p, W], 3),
      headMixing: normal([W, H, H], 4),
    } as const;
    for (const shape of ['perHead', 'perChannel', 'headMixing'] as const) {
      const convolve = (input: tf.Tensor3D, filter: tf.Tensor, bias: tf.Tensor1D) =>
        shortConvolution(input, filter as never, { shape, bias });
      cases[`short convolution ${shape} ${[B, L, H, p, W]}`] = [convolve, x, filters[shape], normal([H * p], 5)];
    }
  }
  return cases;
}
