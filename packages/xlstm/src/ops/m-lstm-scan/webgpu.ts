/**
 * The scan of mLSTM on the webgpu engine, all chunks side by side: beside products of matrices elementwise work, and the states, carried
 * from chunk to chunk. Formulas as in index.ts; this file and webgpu-gradient.ts are the order of things, webgpu-rows.ts what they are made of.
 */
import type { tf } from '@mixerzoo/core';
import { elementwise, multiply, type WebgpuKernel } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import { carry, normsOfRows, places, prepare, ROWS, sizesOf, sumOfRows, weighted } from './webgpu-rows.js';

export { scanGradient } from './webgpu-gradient.js';

export const scan: WebgpuKernel<Inputs, Attrs, Outputs & Saved> = {
  run(gpu, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, nHeads, headK, headV, chunk, chunks, matrices } = sizes;
    const cells = gpu.output([chunks + 1, batch, nHeads, headK, headV]);
    const norms = gpu.output([chunks + 1, batch, nHeads, headK]);
    const maxima = gpu.output([chunks + 1, batch, nHeads]);
    const { queries, keys, values, gates, pairs } = prepare(gpu, sizes, inputs, attrs, maxima, false);

    const written = weighted(gpu, keys, gates.writing, headK);
    const added = gpu.scratch([matrices, headK, headV]);
    multiply(
      gpu,
      { a: { tensor: written, transposed: true }, b: { tensor: values }, c: { tensor: added } },
      { batches: matrices, m: headK, k: chunk, n: headV },
    );
    const { kept } = gates;
    carry(gpu, sizes, { added, kept, initial: inputs.initialC, to: cells, direction: 'forward' });
    const addedNorms = sumOfRows(gpu, sizes, written, headK);
    carry(gpu, sizes, { added: addedNorms, kept, initial: inputs.initialN, to: norms, direction: 'forward' });

    const sums = gpu.scratch([matrices, chunk, headV]);
    const within = { batches: matrices, m: chunk, k: chunk, n: headV };
    multiply(gpu, { a: { tensor: pairs }, b: { tensor: values }, c: { tensor: sums } }, within);
    const read = weighted(gpu, queries, gates.reading, headK);
    multiply(
      gpu,
      { a: { tensor: read }, b: { tensor: cells }, c: { tensor: sums }, accumulate: true },
      { ...within, k: headK },
    );
    const totals = normsOfRows(gpu, sizes, { pairs, queries, gates, norms });
    const h = gpu.output(inputs.v.shape);
    elementwise(
      gpu,
      { sums, totals, floors: gates.floors },
      h,
      'sums[rowOf(i / u.headV) * u.headV + i % u.headV] / max(abs(totals[rowOf(i / u.headV)]), floors[rowOf(i / u.headV)])',
      { integers: { ...places(sizes), headV }, functions: ROWS },
    );
    /** The last of what was carried. */
    const last = <const S extends readonly number[]>(states: tf.Tensor, shape: S) => {
      const to = gpu.output(shape);
      elementwise(gpu, { states }, to, 'states[u.first + i]', { integers: { first: states.size - to.size } });
      return to;
    };
    return {
      h,
      lastC: last(cells, [batch, nHeads, headK, headV]),
      lastN: last(norms, [batch, nHeads, headK]),
      lastM: last(maxima, [batch, nHeads]),
      cells,
      norms,
      maxima,
    };
  },
};
