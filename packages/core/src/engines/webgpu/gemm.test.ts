/** Matrix products by every tile, as vectors and not, whole and divided along k, against sums in double precision. */
import { beforeAll, beforeEach, describe, it } from 'vitest';
import { expectClose, testTensor } from '../../testing/compare.js';
import * as tf from '../../tf.js';
import { currentEngine, useEngine } from '../index.js';
import { elementwise } from './elementwise.js';
import { multiply } from './gemm.js';
import { runWebgpuKernel } from './kernel.js';

/** How many matrices let a tile be chosen: many as they are, few where k is divided; sizes m and n that it goes with. */
const TILES = [
  { tile: 32, many: 2, few: 1, odd: [33, 30], vectors: [36, 28] },
  { tile: 64, many: 256, few: 64, odd: [37, 41], vectors: [36, 44] },
  { tile: 128, many: 130, few: 32, odd: [70, 75], vectors: [72, 76] },
] as const;
const FORMS = [
  { transposes: [false, false], sizes: 'vectors', count: 'many', k: 12 },
  { transposes: [true, false], sizes: 'odd', count: 'many', k: 9 },
  { transposes: [false, true], sizes: 'odd', count: 'few', k: 515 },
  { transposes: [true, true], sizes: 'vectors', count: 'few', k: 520 },
] as const;
const CASES = TILES.flatMap(({ tile, ...each }) =>
  FORMS.map(({ transposes, sizes, count, k }) => ({ tile, transposes, batches: each[count], k, sizes: each[sizes] })),
);

describe('matrix products on the webgpu engine', () => {
  beforeAll(async () => {
    await useEngine();
  });
  beforeEach((context) => {
    if (currentEngine().name !== 'webgpu') context.skip('about the webgpu engine');
  });

  it.for(CASES)(
    'adds a product and a bias to what is there: tiles of $tile, transposes $transposes, k $k',
    async ({ batches, sizes: [m, n], k, transposes: [transposedA, transposedB] }) => {
      const bias = testTensor<tf.Rank.R1>([n], 3);
      const a = testTensor<tf.Rank.R3>(transposedA ? [batches, k, m] : [batches, m, k], 1);
      const b = testTensor<tf.Rank.R3>(transposedB ? [batches, n, k] : [batches, k, n], 2);
      const { c } = runWebgpuKernel(
        {
          run(gpu) {
            const c = gpu.output([batches, m, n]) as tf.Tensor;
            elementwise(gpu, {}, c, '1.0');
            const product = { a: { tensor: a, transposed: transposedA }, b: { tensor: b, transposed: transposedB } };
            multiply(gpu, { ...product, c: { tensor: c }, bias, accumulate: true }, { batches, m, k, n });
            return { c };
          },
        },
        {},
        {},
      );
      const [x, y, added] = [await a.data(), await b.data(), await bias.data()];
      const data = new Float32Array(batches * m * n);
      for (let at = 0; at < data.length; at += 1) {
        const [batch, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
        let sum = 1 + (added[j] as number);
        for (let p = 0; p < k; p += 1) {
          const left = x[batch * m * k + (transposedA ? p * m + i : i * k + p)] as number;
          sum += left * (y[batch * k * n + (transposedB ? j * k + p : p * n + j)] as number);
        }
        data[at] = sum;
      }
      await expectClose(c, { shape: [batches, m, n], data }, 1e-6);
      tf.dispose([a, b, c, bias]);
    },
  );
});
