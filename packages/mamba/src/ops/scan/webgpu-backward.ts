/**
 * The scan of webgpu-layout.ts backward in time: the states of a chunk are kept in registers, recomputed from the one kept
 * before it.
 */
import { columnSums, elementwise, sumPartials, type tf, type WebgpuCall } from '@mixerzoo/core';
import type { ScanSizes, ScanTensors } from './wasm.js';
import { integersOf, layOut, opening, perChannel, prepare, SILU, THREADS } from './webgpu-layout.js';

/** Tokens between two exchanges through workgroup memory. */
const GROUP = 4;

/** Gradients by role; those of absent tensors are [0]. */
export function scanBackward(
  gpu: WebgpuCall,
  tensors: ScanTensors,
  { states, dy, dStates }: { states: tf.Tensor; dy: tf.Tensor; dStates: tf.Tensor },
  sizes: ScanSizes,
): { readonly [N in keyof ScanTensors]: tf.Tensor } {
  const { u, A, B, C, skip, gate, bias, initial } = tensors;
  const { batch, length, nHeads, headDim, dState, chunkSize, scalar } = sizes;
  const width = nHeads * headDim;
  const like = (tensor: tf.Tensor | undefined) => gpu.output((tensor?.shape ?? [0]) as [number]) as tf.Tensor;
  const [du, dDelta, dA, dB, dC] = [u, tensors.delta, A, B, C].map(like) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const [dSkip, dGate, dBias, dInitial] = [skip, gate, bias, initial].map(like) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];

  const layout = layOut(sizes);
  const { lanes, channels, blocks, pitch, slots } = layout;
  const prepared = prepare(gpu, tensors, sizes, dy);
  const sums = gpu.scratch<tf.Rank.R1>([3 * u.size]); // p, r and C h, each [B, L, H P]
  const rows = batch * length * dState;
  const partials = gpu.scratch<tf.Rank.R1>([2 * blocks * rows + batch * width * dState]); // of dB, dC and dA
  const perToken = 3 * channels + 2 * lanes;
  gpu.dispatch({
    code: `
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
      carry += dStates[((b * u.chunks + k) * u.width + d) * u.dState + n];
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
            partials[which * u.blockRows * u.blocks + i32(group.x) * u.blockRows + (b * u.length + chunkStart + i) * u.dState + state0] = sum;
          }
        }
      }
      workgroupBarrier();
    }
  }
  if (valid) {
    partials[2 * u.blockRows * u.blocks + (b * u.width + d) * u.dState + n] = dRate;
    ${initial ? 'dInitial[stateAt] = carry;' : ''}
  }
}`,
    read: { prepared, rates: A, bs: B, cs: C, states, dStates, ...(initial && { initial }) },
    write: { sums, partials, ...(initial && { dInitial }) },
    integers: { ...integersOf(sizes), blockRows: rows, blocks },
    workgroups: [blocks, batch],
  });

  const dSteps = scalar ? gpu.scratch<tf.Rank.R1>([u.size]) : dDelta;
  const each = { integers: integersOf(sizes), functions: SILU };
  const skipAt = `skip[${perChannel(sizes)}]`;
  elementwise(
    gpu,
    { sums, prepared, ...(skip && { skip }) },
    du,
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
  if (gate) {
    elementwise(
      gpu,
      { sums, dy, gate, ...(skip && { x: u, skip }) },
      dGate,
      `dy[i] * (sums[2 * u.plane + i]${skip ? ` + x[i] * ${skipAt}` : ''}) * sigmoid(gate[i]) * (1.0 + gate[i] * (1.0 - sigmoid(gate[i])))`,
      each,
    );
  }

  // B and C: over the blocks of channels, those of a group of heads. A: over sequences.
  sumGroups(gpu, partials, dB, 0, sizes, layout);
  sumGroups(gpu, partials, dC, blocks * rows, sizes, layout);
  const perColumn = scalar ? gpu.scratch<tf.Rank.R1>([width * dState]) : dA;
  sumPartials(gpu, partials, perColumn, { count: batch, size: width * dState, offset: 2 * blocks * rows });
  if (scalar) {
    sumRuns(gpu, dSteps, dDelta, headDim);
    const perChannelRate = gpu.scratch<tf.Rank.R1>([width]);
    sumRuns(gpu, perColumn, perChannelRate, dState);
    sumRuns(gpu, perChannelRate, dA, headDim);
  }
  if (skip || bias) sumColumns(gpu, { dSteps, prepared, u, dSkip: skip && dSkip, dBias: bias && dBias }, sizes);
  return { u: du, delta: dDelta, A: dA, B: dB, C: dC, skip: dSkip, gate: dGate, bias: dBias, initial: dInitial };
}

/** to [B, L, G, N] = the sum over a group's blocks of partials [blocks, B, L, N]. */
function sumGroups(
  gpu: WebgpuCall,
  partials: tf.Tensor,
  to: tf.Tensor,
  offset: number,
  sizes: ScanSizes,
  { blocks }: ReturnType<typeof layOut>,
): void {
  const { batch, length, nGroups, dState } = sizes;
  elementwise(gpu, { partials }, to, 'grouped(i)', {
    functions: `
fn grouped(i: i32) -> f32 {
  let place = i / (u.groups * u.dState) * u.dState + i % u.dState;
  let first = i / u.dState % u.groups * u.perGroup;
  var sum = 0.0;
  for (var block = first; block < first + u.perGroup; block++) { sum += partials[u.offset + block * u.rows + place]; }
  return sum;
}
`,
    integers: {
      groups: nGroups,
      dState,
      perGroup: blocks / nGroups,
      rows: batch * length * dState,
      offset,
    },
  });
}

/** to[i] = the sum of `run` neighbours. */
function sumRuns(gpu: WebgpuCall, values: tf.Tensor, to: tf.Tensor, run: number): void {
  elementwise(gpu, { values }, to, 'summed(i)', {
    functions:
      'fn summed(i: i32) -> f32 { var sum = 0.0; for (var j = 0; j < u.run; j++) { sum += values[i * u.run + j]; } return sum; }\n',
    integers: { run },
  });
}

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
  const skips = dSkip && scalar ? gpu.scratch<tf.Rank.R1>([columns]) : dSkip;
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
