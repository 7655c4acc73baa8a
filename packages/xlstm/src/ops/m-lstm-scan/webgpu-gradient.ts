/** The gradient of mLSTM's scan on the webgpu engine; see webgpu.ts. */
import type { tf } from '@mixerzoo/core';
import {
  elementwise,
  type Gradients,
  multiply,
  rowSums,
  type WebgpuCall,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import type { Attrs, Backward, Inputs } from './types.js';
import {
  carry,
  eachOf,
  type GateRows,
  inChunks,
  normsOfRows,
  places,
  prepare,
  ROWS,
  type Sizes,
  sizesOf,
  sumOfRows,
  weighted,
} from './webgpu-rows.js';

export const scanGradient: WebgpuKernel<Backward, Attrs, Gradients<Inputs>> = {
  run(gpu, inputs, attrs) {
    const { cells, norms, maxima, dLastC, dLastN } = inputs;
    const sizes = sizesOf(inputs, attrs);
    const { headK, headV, chunk, chunks, matrices, units } = sizes;
    const { queries, keys, values, gates, pairs } = prepare(gpu, sizes, inputs, attrs, maxima, true);
    const totals = normsOfRows(gpu, sizes, { pairs, queries, gates, norms });
    const { given, terms } = givenRows(gpu, sizes, inputs, totals, gates);
    const matrix = (rows: number, columns: number) => gpu.scratch([matrices, rows, columns]);
    const times = (
      a: tf.Tensor,
      b: tf.Tensor,
      c: tf.Tensor,
      [m, k, n]: readonly [number, number, number],
      which = '',
    ) =>
      multiply(
        gpu,
        {
          a: { tensor: a, transposed: which === 'a' },
          b: { tensor: b, transposed: which === 'b' },
          c: { tensor: c },
          accumulate: which === 'add',
        },
        { batches: matrices, m, k, n },
      );

    // Within chunks.
    const slopes = matrix(chunk, chunk); // A, of dP
    times(given, values, slopes, [chunk, headV, chunk], 'b');
    const { before } = gateSlopes(gpu, sizes, { pairs, slopes, weights: gates.weights, terms });
    const [ofValues, ofKeys, ofQueries] = [matrix(chunk, headV), matrix(chunk, headK), matrix(chunk, headK)];
    times(pairs, given, ofValues, [chunk, chunk, headV], 'a');
    times(slopes, queries, ofKeys, [chunk, chunk, headK], 'a');
    times(slopes, keys, ofQueries, [chunk, chunk, headK]);

    // The gradients of states: `after` is that of the state after a chunk, and at the end that of the first one.
    const read = weighted(gpu, queries, gates.reading, headK);
    const [added, after] = [matrix(headK, headV), gpu.scratch([chunks + 1, units, headK, headV])];
    times(read, given, added, [headK, chunk, headV], 'a');
    const { kept } = gates;
    carry(gpu, sizes, { added, kept, initial: dLastC, to: after, direction: 'backward' });
    const afterNorms = gpu.scratch([chunks + 1, units, headK]);
    const addedNorms = sumOfRows(gpu, sizes, read, headK, terms);
    carry(gpu, sizes, { added: addedNorms, kept, initial: dLastN, to: afterNorms, direction: 'backward' });

    // Through states.
    const [throughBefore, throughAfter] = [matrix(chunk, headK), matrix(chunk, headK)];
    times(given, cells, throughBefore, [chunk, headV, headK], 'b');
    times(values, after, throughAfter, [chunk, headV, headK], 'b');
    const written = weighted(gpu, keys, gates.writing, headK);
    times(written, after, ofValues, [chunk, headK, headV], 'add');
    const ofReading = addThrough(gpu, sizes, {
      through: throughBefore,
      x: queries,
      norms,
      terms,
      factors: gates.reading,
      gradient: ofQueries,
    });
    const ofWriting = addThrough(gpu, sizes, {
      through: throughAfter,
      x: keys,
      norms: afterNorms,
      factors: gates.writing,
      gradient: ofKeys,
    });

    const winners = maximumGradients(gpu, sizes, inputs, gates);
    const toTokens = (rows: tf.Tensor, like: tf.Tensor3D, width: number, factor: number) => {
      const to = gpu.output(like.shape);
      elementwise(gpu, { rows }, to, 'u.factor * rows[rowOf(i / u.width) * u.width + i % u.width]', {
        integers: { ...places(sizes), width },
        floats: { factor },
        functions: ROWS,
      });
      return to;
    };
    return {
      q: toTokens(ofQueries, inputs.q, headK, attrs.scale),
      k: toTokens(ofKeys, inputs.k, headK, 1),
      v: toTokens(ofValues, inputs.v, headV, 1),
      ...gateGradients(gpu, sizes, inputs, {
        before,
        ofReading,
        ofWriting,
        keys,
        ofKeys,
        after,
        afterNorms,
        kept,
        winners,
      }),
      ...initialGradients(gpu, sizes, inputs, after, afterNorms, winners),
    };
  },
};

/** G [matrices, C, V] and e of every row: dH over the denominator, and the gradient of n . q'. */
function givenRows(
  gpu: WebgpuCall,
  sizes: Sizes,
  { h, dH }: Pick<Backward, 'h' | 'dH'>,
  totals: tf.Tensor,
  { floors }: GateRows,
): { given: tf.Tensor; terms: tf.Tensor } {
  const { headV } = sizes;
  const [inverses, terms] = [gpu.scratch([totals.size]), gpu.scratch([totals.size])];
  eachOf(gpu, sizes, totals.size, {
    code: `
  let token = tokenOf(i);
  var product = 0.0;
  if (token >= 0) {
    for (var v = 0; v < u.headV; v++) { product += dH[token * u.headV + v] * h[token * u.headV + v]; }
  }
  let inverse = 1.0 / max(abs(totals[i]), floors[i]);
  inverses[i] = inverse;
  terms[i] = select(0.0, select(-product, product, totals[i] < 0.0) * inverse, abs(totals[i]) >= floors[i]);`,
    read: { h, dH, totals, floors },
    write: { inverses, terms },
    integers: { headV },
  });
  return { given: weighted(gpu, inChunks(gpu, sizes, dH, headV), inverses, headV), terms };
}

/** Turns `slopes`, G . v, into A; `before` [matrices, C, C] is the sum of P o dP over all s before t, for each t <= r. */
function gateSlopes(
  gpu: WebgpuCall,
  sizes: Sizes,
  { pairs, slopes, weights, terms }: Record<'pairs' | 'slopes' | 'weights' | 'terms', tf.Tensor>,
): { before: tf.Tensor } {
  const before = gpu.scratch([pairs.size]);
  eachOf(gpu, sizes, terms.size, {
    code: `
  var sum = 0.0;
  for (var s = 0; s <= i % u.chunk; s++) {
    let at = i * u.chunk + s;
    let slope = slopes[at] + terms[i];
    before[at] = sum;
    sum += pairs[at] * slope;
    slopes[at] = weights[at] * slope;
  }
  for (var s = i % u.chunk + 1; s < u.chunk; s++) {
    before[i * u.chunk + s] = 0.0;
    slopes[i * u.chunk + s] = 0.0;
  }`,
    read: { pairs, weights, terms },
    write: { slopes, before },
  });
  return { before };
}

/** Adds factor (through + term norm) to the gradient of every row, a term of 1 where there are none; what was added times x, summed. */
function addThrough(
  gpu: WebgpuCall,
  sizes: Sizes,
  {
    terms,
    ...tensors
  }: Record<'through' | 'x' | 'norms' | 'factors' | 'gradient', tf.Tensor> & { readonly terms?: tf.Tensor },
): tf.Tensor {
  const { gradient, ...read } = tensors;
  const shares = gpu.scratch([tensors.factors.size]);
  eachOf(gpu, sizes, shares.size, {
    code: `
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) {
    let at = i * u.headK + k;
    let share = factors[i] * (through[at] + ${terms ? 'terms[i] * ' : ''}norms[i / u.chunk * u.headK + k]);
    gradient[at] += share;
    sum += share * x[at];
  }
  shares[i] = sum;`,
    read: { ...read, ...(terms && { terms }) },
    write: { gradient, shares },
    integers: { headK: sizes.headK },
  });
  return shares;
}

/** <a, b> of every matrix of `size` elements. */
function innerProducts(
  gpu: WebgpuCall,
  a: tf.Tensor,
  b: tf.Tensor,
  [first, other]: readonly [number, number],
  count: number,
  size: number,
) {
  const to = gpu.scratch([count]);
  rowSums(gpu, { a, b }, to, {
    term: 'a[u.first + row * u.columns + column] * b[u.other + row * u.columns + column]',
    columns: size,
    integers: { first, other },
  });
  return to;
}

/**
 * Where the largest exponent of every head's last state comes from: the index of its token, or -1 for the initial state, and the gradient
 * that goes there. None where nothing was made of the last state.
 */
function maximumGradients(
  gpu: WebgpuCall,
  sizes: Sizes,
  { cells, norms, maxima, dLastC, dLastN, dLastM }: Backward,
  { logD, largest }: GateRows,
): { winner: tf.Tensor; amount: tf.Tensor } | undefined {
  if (!(dLastC && dLastN && dLastM)) return undefined;
  const { units, headK, headV, chunks } = sizes;
  const ofCells = innerProducts(gpu, dLastC, cells, [0, cells.size - dLastC.size], units, headK * headV);
  const ofNorms = innerProducts(gpu, dLastN, norms, [0, norms.size - dLastN.size], units, headK);
  const [winner, amount] = [gpu.scratch([units]), gpu.scratch([units])];
  eachOf(gpu, sizes, units, {
    code: `
  amount[i] = dLastM[i] - ofCells[i] - ofNorms[i];
  var found = -1;
  for (var n = u.chunks - 1; n >= 0 && found < 0; n--) {
    let last = (n * u.units + i + 1) * u.chunk - 1;
    let highest = maxima[(n + 1) * u.units + i];
    if (largest[last] < highest) { continue; }
    for (var s = 0; s < u.chunk; s++) {
      if (logD[last * u.chunk + s] >= highest) { found = n * u.chunk + s; }
    }
  }
  winner[i] = f32(found);`,
    read: { dLastM, ofCells, ofNorms, maxima, largest, logD },
    write: { winner, amount },
    integers: { chunks },
  });
  return { winner, amount };
}

/** The gradients of both gates, [B, L, H]. */
function gateGradients(
  gpu: WebgpuCall,
  sizes: Sizes,
  { i: input, logF, cells, norms }: Backward,
  {
    before,
    ofReading,
    ofWriting,
    keys,
    ofKeys,
    after,
    afterNorms,
    kept,
    winners,
  }: Record<'before' | 'ofReading' | 'ofWriting' | 'keys' | 'ofKeys' | 'after' | 'afterNorms' | 'kept', tf.Tensor> & {
    readonly winners: ReturnType<typeof maximumGradients>;
  },
) {
  const { matrices, headK, headV } = sizes;
  const [dI, dLogF] = [gpu.output(input.shape), gpu.output(logF.shape)];
  const position = 'f32(i / u.nHeads % u.length)';
  const unit = 'i / (u.nHeads * u.length) * u.nHeads + i % u.nHeads';
  const toWinner = (test: string) =>
    winners ? ` + select(0.0, amount[${unit}], ${position} ${test} winner[${unit}])` : '';
  const ofCells = innerProducts(gpu, after, cells, [0, 0], matrices, headK * headV);
  const ofNorms = innerProducts(gpu, afterNorms, norms, [0, 0], matrices, headK);
  const integers = { ...places(sizes), headK };
  elementwise(gpu, { keys, ofKeys, ...winners }, dI, `inner(rowOf(i))${toWinner('==')}`, {
    integers,
    functions: `${ROWS}
fn inner(row: i32) -> f32 {
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) { sum += keys[row * u.headK + k] * ofKeys[row * u.headK + k]; }
  return sum;
}`,
  });
  elementwise(
    gpu,
    { before, ofReading, ofWriting, kept, ofCells, ofNorms, ...winners },
    dLogF,
    `within(rowOf(i))${toWinner('>')}`,
    {
      integers,
      functions: `${ROWS}
fn within(row: i32) -> f32 {
  let t = row % u.chunk;
  let matrix = row / u.chunk;
  var sum = kept[matrix] * (ofCells[matrix] + ofNorms[matrix]);
  for (var s = 0; s < t; s++) { sum += ofWriting[row - t + s]; }
  for (var r = t; r < u.chunk; r++) { sum += ofReading[row - t + r] + before[(row - t + r) * u.chunk + t]; }
  return sum;
}`,
    },
  );
  return { i: dI, logF: dLogF };
}

/** The gradients of the initial state, where there was one. */
function initialGradients(
  gpu: WebgpuCall,
  { units, headK, headV, chunks }: Sizes,
  { initialC, initialN, initialM }: Backward,
  after: tf.Tensor,
  afterNorms: tf.Tensor,
  winners: ReturnType<typeof maximumGradients>,
): Pick<Gradients<Inputs>, 'initialC' | 'initialN' | 'initialM'> {
  if (!(initialC && initialN && initialM)) return { initialC: null, initialN: null, initialM: null };
  const [firstCell, firstNorm] = [chunks * units * headK * headV, chunks * units * headK];
  const [dC, dN, dM] = [gpu.output(initialC.shape), gpu.output(initialN.shape), gpu.output(initialM.shape)];
  elementwise(gpu, { after }, dC, 'after[u.first + i]', { integers: { first: firstCell } });
  elementwise(gpu, { afterNorms }, dN, 'afterNorms[u.first + i]', { integers: { first: firstNorm } });
  const ofCells = innerProducts(gpu, after, initialC, [firstCell, 0], units, headK * headV);
  const ofNorms = innerProducts(gpu, afterNorms, initialN, [firstNorm, 0], units, headK);
  const toState = winners ? ' + select(0.0, amount[i], winner[i] < 0.0)' : '';
  elementwise(gpu, { ofCells, ofNorms, ...winners }, dM, `ofCells[i] + ofNorms[i]${toState}`);
  return { initialC: dC, initialN: dN, initialM: dM };
}
