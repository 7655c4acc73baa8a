/**
 * The scan of webgpu-layout.ts backward in time: the states of a chunk are kept in registers, recomputed from the one kept
 * before it.
 */
import type { tf } from '@mixerzoo/core';
import {
  columnSums,
  EACH_ELEMENT,
  elementwise,
  forEachElement,
  rowSums,
  sumPartials,
  type WebgpuCall,
} from '@mixerzoo/core/kernels';
import type { ScanGradients, ScanSizes, ScanTensors } from './wasm.js';
import { integersOf, layOut, opening, perChannel, prepare, SILU, THREADS } from './webgpu-layout.js';

/** Tokens between two exchanges through workgroup memory. */
const GROUP = 4;
/** Partial sums of dB and dC held at once, but for a single sequence's. */
const MOST_PARTIALS = 2 ** 25;

/** Gradients by role, of the shapes of the tensors; absent ones have none. Sequences pass through as many at a time as `mostPartials` allows. */
export function scanBackward<T extends ScanTensors>(
  gpu: WebgpuCall,
  tensors: T,
  { states, dY, dStates }: ScanGradients,
  sizes: ScanSizes,
  mostPartials = MOST_PARTIALS,
): T {
  const { u, A, B, C, skip, gate, bias, initial } = tensors;
  const { batch, length, nHeads, headDim, dState, chunkSize, scalar } = sizes;
  const width = nHeads * headDim;
  const like = (tensor: tf.Tensor) => gpu.output(tensor.shape);
  const [dU, dDelta, dA, dB, dC] = [like(u), like(tensors.delta), like(A), like(B), like(C)];
  const [dSkip, dGate, dBias, dInitial] = [
    skip && like(skip),
    gate && like(gate),
    bias && like(bias),
    initial && like(initial),
  ];

  const layout = layOut(sizes);
  const { lanes, channels, blocks, pitch, slots } = layout;
  const prepared = prepare(gpu, tensors, sizes, dY);
  const sums = gpu.scratch([3 * u.size]); // p, r and C h, each [B, L, H P]
  const perSequence = 2 * blocks * length * dState;
  const atOnce = Math.max(1, Math.min(batch, Math.floor(mostPartials / perSequence)));
  const rates = batch * width * dState;
  const partials = gpu.scratch([rates + atOnce * perSequence]); // of dA, then of dB and dC [blocks, rows]
  const place = { rates, blocks, blockRows: atOnce * length * dState };
  const perToken = 3 * channels + 2 * lanes;
  const code = `
var<workgroup> shares: array<f32, ${5 * GROUP * slots}>;
${opening(sizes, layout)}
  var before: array<f32, ${Math.min(chunkSize, length)}>;
  var carry = 0.0;
  var dRate = 0.0;
  for (var k = u.chunks - 1; k >= 0; k--) {
    let chunkStart = k * u.chunk;
    let count = min(u.chunk, u.length - chunkStart);
    var state = 0.0;
    if (valid) {
      if (k > 0) { state = states[((b * u.chunks + k - 1) * u.width + d) * u.dState + n]; }
      ${initial ? 'else { state = initial[stateAt]; }' : ''}
      for (var i = 0; i < count; i++) {
        let token = b * u.length + chunkStart + i;
        let at = token * u.width + d;
        before[i] = state;
        state = exp(prepared[at] * rate) * state + prepared[u.plane + at] * bs[(token * u.groups + group0) * u.dState + n];
      }
      ${dStates ? 'carry += dStates[((b * u.chunks + k) * u.width + d) * u.dState + n];' : ''}
    }
    for (var from0 = (count - 1) / ${GROUP} * ${GROUP}; from0 >= 0; from0 -= ${GROUP}) {
      for (var e = ${GROUP - 1}; e >= 0; e--) {
        let i = from0 + e;
        var values = array<f32, 5>();
        if (i < count && valid) {
          let token = b * u.length + chunkStart + i;
          let at = token * u.width + d;
          let row = (token * u.groups + group0) * u.dState + n;
          let step = prepared[at];
          let w = prepared[u.plane + at];
          let g = prepared[2 * u.plane + at];
          let decay = exp(step * rate);
          let kept = decay * before[i];
          let lambda = cs[row] * g + carry;
          let h = kept + w * bs[row];
          values = array<f32, 5>(lambda * bs[row], lambda * kept * rate, h * cs[row], lambda * w, g * h);
          dRate += lambda * kept * step;
          carry = decay * lambda;
        }
        for (var j = 0; j < 5; j++) { shares[(e * 5 + j) * ${slots} + slot] = values[j]; }
      }
      workgroupBarrier();
      for (var o = local; o < ${GROUP * perToken}; o += ${THREADS}) {
        let e = o / ${perToken};
        let place = o % ${perToken};
        let i = from0 + e;
        var sum = 0.0;
        if (place < ${3 * channels}) {
          let channel = first + place % ${channels};
          let base = (e * 5 + place / ${channels}) * ${slots} + place % ${channels} * ${pitch};
          for (var j = 0; j < ${lanes}; j++) { sum += shares[base + j]; }
          if (i < count && channel < (head + 1) * u.headDim) {
            sums[place / ${channels} * u.plane + (b * u.length + chunkStart + i) * u.width + channel] = sum;
          }
        } else {
          let which = (place - ${3 * channels}) / ${lanes};
          let state0 = (place - ${3 * channels}) % ${lanes};
          let base = (e * 5 + 3 + which) * ${slots} + state0;
          for (var j = 0; j < ${channels}; j++) { sum += shares[base + j * ${pitch}]; }
          if (i < count && state0 < u.dState) {
            let row = i32(group.y) * u.length + chunkStart + i;
            partials[u.rates + (which * u.blocks + i32(group.x)) * u.blockRows + row * u.dState + state0] = sum;
          }
        }
      }
      workgroupBarrier();
    }
  }
  if (valid) {
    partials[stateAt] = dRate;
    ${dInitial ? 'dInitial[stateAt] = carry;' : ''}
  }
}`;
  for (let sequence = 0; sequence < batch; sequence += atOnce) {
    const sequences = Math.min(atOnce, batch - sequence);
    gpu.dispatch({
      code,
      read: { prepared, rates: A, bs: B, cs: C, states, ...(dStates && { dStates }), ...(initial && { initial }) },
      write: { sums, partials, ...(dInitial && { dInitial }) },
      integers: { ...integersOf(sizes), sequence, ...place },
      workgroups: [blocks, sequences],
    });
    sumGroups(gpu, partials, { dB, dC }, { sequence, sequences }, place, sizes);
  }

  const dSteps = scalar ? gpu.scratch([u.size]) : dDelta;
  const each = { integers: integersOf(sizes), functions: SILU };
  const skipAt = `skip[${perChannel(sizes)}]`;
  elementwise(
    gpu,
    { sums, prepared, ...(skip && { skip }) },
    dU,
    `prepared[i] * sums[i]${skip ? ` + ${skipAt} * prepared[2 * u.plane + i]` : ''}`,
    each,
  );
  elementwise(
    gpu,
    { sums, prepared, x: u },
    dSteps,
    '(x[i] * sums[i] + sums[u.plane + i]) * prepared[3 * u.plane + i]',
    each,
  );
  if (gate && dGate) {
    elementwise(
      gpu,
      { sums, dY, gate, ...(skip && { x: u, skip }) },
      dGate,
      `dY[i] * (sums[2 * u.plane + i]${skip ? ` + x[i] * ${skipAt}` : ''}) * sigmoid(gate[i]) * (1.0 + gate[i] * (1.0 - sigmoid(gate[i])))`,
      each,
    );
  }

  const perColumn = scalar ? gpu.scratch([width * dState]) : dA;
  sumPartials(gpu, partials, perColumn, { count: batch, size: width * dState });
  if (scalar) {
    sumRuns(gpu, dSteps, dDelta, headDim);
    const perChannelRate = gpu.scratch([width]);
    sumRuns(gpu, perColumn, perChannelRate, dState);
    sumRuns(gpu, perChannelRate, dA, headDim);
  }
  if (dSkip || dBias) sumColumns(gpu, { dSteps, prepared, u, dSkip, dBias }, sizes);
  const gradients: ScanTensors = {
    u: dU,
    delta: dDelta,
    A: dA,
    B: dB,
    C: dC,
    skip: dSkip,
    gate: dGate,
    bias: dBias,
    initial: dInitial,
  };
  return gradients as T;
}

/** dB and dC [B, L, G, N] of some sequences: the sums over a group's blocks of partials [2, blocks, rows]. */
function sumGroups(
  gpu: WebgpuCall,
  partials: tf.Tensor,
  { dB, dC }: { dB: tf.Tensor; dC: tf.Tensor },
  { sequence, sequences }: { sequence: number; sequences: number },
  place: { rates: number; blocks: number; blockRows: number },
  { length, nGroups, dState }: ScanSizes,
): void {
  const perSequence = length * nGroups * dState;
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  let at = u.rates + i / (u.groups * u.dState) * u.dState + i % u.dState;
  let first = i / u.dState % u.groups * u.perGroup;
  var sums = vec2f();
  for (var block = first; block < first + u.perGroup; block++) {
    sums += vec2f(partials[at + block * u.blockRows], partials[at + (u.blocks + block) * u.blockRows]);
  }
  dB[u.first + i] = sums.x;
  dC[u.first + i] = sums.y;
}`,
    read: { partials },
    write: { dB, dC },
    integers: {
      size: sequences * perSequence,
      first: sequence * perSequence,
      groups: nGroups,
      dState,
      perGroup: place.blocks / nGroups,
      ...place,
    },
    workgroups: forEachElement(gpu, sequences * perSequence),
  });
}

/** to[i] = the sum of `run` neighbours. */
const sumRuns = (gpu: WebgpuCall, values: tf.Tensor, to: tf.Tensor, run: number) =>
  rowSums(gpu, { values }, to, { term: 'values[row * u.columns + column]', columns: run });

/** Sums over all tokens: of g u, the gradient of the skip, and of the steps' gradient, that of the bias. */
function sumColumns(
  gpu: WebgpuCall,
  {
    dSteps,
    prepared,
    u,
    dSkip,
    dBias,
  }: {
    dSteps: tf.Tensor;
    prepared: tf.Tensor;
    u: tf.Tensor;
    dSkip: tf.Tensor | undefined;
    dBias: tf.Tensor | undefined;
  },
  { batch, length, nHeads, headDim, scalar }: ScanSizes,
): void {
  const [rows, columns] = [batch * length, nHeads * headDim];
  const skips = dSkip && scalar ? gpu.scratch([columns]) : dSkip;
  const at = 'row * u.columns + column';
  columnSums(
    gpu,
    { ...(skips && { prepared, x: u }), ...(dBias && { dSteps }) },
    {
      ...(skips && { skips: { to: skips, term: `prepared[2 * u.rows * u.columns + ${at}] * x[${at}]` } }),
      ...(dBias && { dBias: { to: dBias, term: `dSteps[${at}]` } }),
    },
    { rows, columns },
  );
  if (dSkip && skips && scalar) sumRuns(gpu, skips, dSkip, headDim);
}
