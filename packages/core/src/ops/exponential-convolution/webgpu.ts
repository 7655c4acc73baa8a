/**
 * Convolution with sums of exponentials on the webgpu engine, in chunks of 32 tokens that run side by side.
 *
 * A thread owns a column of a chunk. Where there are several chunks, a first pass finds the state each one ends with if it starts
 * from zero, a second carries states from chunk to chunk, and the convolution starts each chunk from the right one.
 * dX is the convolution of dY against time. The weights' gradients need no costates: with s_t = d h_t / d decay,
 *
 *   s_t = decay s_{t-1} + h_{t-1},   dWeight = sum_t dY_t h_t,   dDecay = sum_t weight dY_t s_t
 */
import { EACH_ELEMENT, forEachElement } from '../../engines/webgpu/elementwise.js';
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { columnSums } from '../../engines/webgpu/reduce.js';
import type * as tf from '../../tf.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Tokens per chunk: a power of two, for the power of the decay that a chunk applies. */
const CHUNK = 32;

export const convolve: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs) {
    const y = gpu.output(inputs.x.shape);
    recur(gpu, inputs, y, 'forward');
    return { y };
  },
};

export const convolveGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { dY, ...inputs }) {
    const { x, decay, weight } = inputs;
    const dX = gpu.output(x.shape);
    const [dDecay, dWeight] = [gpu.output(decay.shape), gpu.output(weight.shape)];
    recur(gpu, { ...inputs, x: dY }, dX, 'backward');
    weightGradients(gpu, inputs, dY, { dDecay, dWeight });
    return { x: dX, decay: dDecay, weight: dWeight };
  },
};

type Direction = 'forward' | 'backward';
type Sizes = ReturnType<typeof sizesOf>;

function recur(gpu: WebgpuCall, { x, decay, weight }: Inputs, y: tf.Tensor, direction: Direction): void {
  const sizes = sizesOf({ x, decay });
  const starts = chunkStates(gpu, x, decay, sizes, { direction, slopes: false });
  gpu.dispatch({
    code: `${columnOfChunk(sizes, 'u.chunks')}
  ${beginning(sizes, starts !== undefined, false)}
  for (var t = first; t < last; t++) {
    let value = x[origin + t * u.step];
    var sum = 0.0;
    for (var n = 0; n < ${sizes.dState}; n++) {
      state[n] = decay[table + n] * state[n] + value;
      sum += weight[table + n] * state[n];
    }
    y[origin + t * u.step] = sum;
  }
}`,
    read: { x, decay, weight, ...(starts && { starts }) },
    write: { y },
    ...launch(gpu, sizes, sizes.chunks, direction),
  });
}

/** Per chunk and column first, then over chunks and sequences, then over the columns of a group. */
function weightGradients(
  gpu: WebgpuCall,
  { x, decay, weight }: Inputs,
  dY: tf.Tensor,
  { dDecay, dWeight }: { dDecay: tf.Tensor; dWeight: tf.Tensor },
): void {
  const sizes = sizesOf({ x, decay });
  const { batch, chunks, columns, dState, groups } = sizes;
  const starts = chunkStates(gpu, x, decay, sizes, { direction: 'forward', slopes: true });
  const [rows, width] = [batch * chunks, dState * columns];
  const [decays, weights] = [gpu.scratch([rows, width]), gpu.scratch([rows, width])];
  gpu.dispatch({
    code: `${columnOfChunk(sizes, 'u.chunks')}
  ${beginning(sizes, starts !== undefined, true)}
  var decaySum: array<f32, ${dState}>;
  var weightSum: array<f32, ${dState}>;
  for (var t = first; t < last; t++) {
    let value = x[origin + t * u.step];
    let gradient = dY[origin + t * u.step];
    for (var n = 0; n < ${dState}; n++) {
      slope[n] = decay[table + n] * slope[n] + state[n];
      state[n] = decay[table + n] * state[n] + value;
      decaySum[n] += gradient * slope[n];
      weightSum[n] += gradient * state[n];
    }
  }
  for (var n = 0; n < ${dState}; n++) {
    let at = ((b * u.chunks + chunk) * ${dState} + n) * u.columns + column;
    decays[at] = weight[table + n] * decaySum[n];
    weights[at] = weightSum[n];
  }
}`,
    read: { x, dY, decay, weight, ...(starts && { starts }) },
    write: { decays, weights },
    ...launch(gpu, sizes, chunks, 'forward'),
  });
  const [decayTotals, weightTotals] = [gpu.scratch([width]), gpu.scratch([width])];
  const sums = {
    decayTotals: { to: decayTotals, term: 'decays[row * u.columns + column]' },
    weightTotals: { to: weightTotals, term: 'weights[row * u.columns + column]' },
  };
  columnSums(gpu, { decays, weights }, sums, { rows, columns: width });
  const perGroup = columns / groups;
  const at = `column % ${dState} * ${columns} + column / ${dState} * ${perGroup} + row`;
  const contracted = {
    dDecay: { to: dDecay, term: `decayTotals[${at}]` },
    dWeight: { to: dWeight, term: `weightTotals[${at}]` },
  };
  columnSums(gpu, { decayTotals, weightTotals }, contracted, { rows: perGroup, columns: groups * dState });
}

/**
 * The state before every chunk but the first: [B, chunks - 1, N, columns], with the slope d h / d decay beside it
 * [B, chunks - 1, 2, N, columns]; undefined if there is one chunk.
 */
function chunkStates(
  gpu: WebgpuCall,
  x: tf.Tensor,
  decay: tf.Tensor,
  sizes: Sizes,
  { direction, slopes }: { direction: Direction; slopes: boolean },
): tf.Tensor | undefined {
  const { batch, chunks, columns, dState } = sizes;
  if (chunks === 1) return undefined;
  const ends = gpu.scratch([batch * (chunks - 1) * (slopes ? 2 : 1) * dState * columns]);
  const line = (name: string, n: string) => stateAt(sizes, slopes, name, 'chunk', n);
  gpu.dispatch({
    code: `${columnOfChunk(sizes, 'u.chunks - 1')}
  ${beginning(sizes, false, slopes)}
  for (var t = first; t < last; t++) {
    let value = x[origin + t * u.step];
    for (var n = 0; n < ${dState}; n++) {
      ${slopes ? 'slope[n] = decay[table + n] * slope[n] + state[n];' : ''}
      state[n] = decay[table + n] * state[n] + value;
    }
  }
  for (var n = 0; n < ${dState}; n++) {
    ends[${line('state', 'n')}] = state[n];
    ${slopes ? `ends[${line('slope', 'n')}] = slope[n];` : ''}
  }
}`,
    read: { x, decay },
    write: { ends },
    ...launch(gpu, sizes, chunks - 1, direction),
  });

  const { integers } = launch(gpu, sizes, 1, direction);
  const size = batch * dState * columns;
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  let column = i % u.columns;
  let n = i / u.columns % ${dState};
  let b = i / (u.columns * ${dState});
  let rate = decay[column / u.perGroup * ${dState} + n];
  var before = 1.0; // rate^${CHUNK - 1}
  for (var step = 1; step < ${CHUNK}; step++) { before *= rate; }
  let power = before * rate;
  var state = 0.0;
  ${slopes ? 'var slope = 0.0;' : ''}
  for (var chunk = 0; chunk < u.chunks - 1; chunk++) {
    ${slopes ? `slope = power * slope + ${CHUNK}.0 * before * state + ends[${line('slope', 'n')}];\n    ends[${line('slope', 'n')}] = slope;` : ''}
    state = power * state + ends[${line('state', 'n')}];
    ends[${line('state', 'n')}] = state;
  }
}`,
    read: { decay },
    write: { ends },
    integers: { ...integers, size },
    workgroups: forEachElement(gpu, size),
  });
  return ends;
}

/** Opens `main` for a column of one of `chunks` chunks of a sequence: tokens [first, last) lie at `origin + t * u.step`. */
function columnOfChunk({ dState }: Sizes, chunks: string): string {
  return `${EACH_ELEMENT}
  let column = i % u.columns;
  let chunk = i / u.columns % (${chunks});
  let b = i / u.columns / (${chunks});
  let first = chunk * ${CHUNK};
  let last = min(u.length, first + ${CHUNK});
  let origin = (b * u.length + u.origin) * u.columns + column;
  let table = column / u.perGroup * ${dState};
`;
}

/** Declares `state`, and `slope`, as they are before the chunk. */
function beginning(sizes: Sizes, started: boolean, slopes: boolean): string {
  const names = slopes ? (['state', 'slope'] as const) : (['state'] as const);
  return names
    .map(
      (name) => `var ${name}: array<f32, ${sizes.dState}>;
  ${started ? `if (chunk > 0) { for (var n = 0; n < ${sizes.dState}; n++) { ${name}[n] = starts[${stateAt(sizes, slopes, name, 'chunk - 1', 'n')}]; } }` : ''}`,
    )
    .join('\n  ');
}

/** Where the state after a chunk lies. */
function stateAt({ dState }: Sizes, slopes: boolean, name: string, chunk: string, n: string): string {
  const row = `b * (u.chunks - 1) + ${chunk}`;
  const plane = slopes ? `(${row}) * 2 + ${name === 'slope' ? 1 : 0}` : row;
  return `((${plane}) * ${dState} + ${n}) * u.columns + column`;
}

function launch(gpu: WebgpuCall, sizes: Sizes, chunksRun: number, direction: Direction) {
  const { batch, length, columns, groups, chunks } = sizes;
  const size = batch * chunksRun * columns;
  const order = direction === 'forward' ? { origin: 0, step: columns } : { origin: length - 1, step: -columns };
  return {
    integers: { size, length, columns, perGroup: columns / groups, chunks, ...order },
    workgroups: forEachElement(gpu, size),
  };
}

function sizesOf({ x, decay }: Pick<Inputs, 'x' | 'decay'>) {
  const [batch, length, columns] = x.shape;
  const [groups, dState] = decay.shape;
  return { batch, length, columns, groups, dState, chunks: Math.ceil(length / CHUNK) };
}
