/**
 * The scans of Mamba and Mamba-2 on the webgpu engine: formulas and roles of the tensors as in kernel.as.ts.
 *
 * What depends on one channel and token alone is done before and after by elementwise shaders, so that the scan itself
 * binds few buffers: `prepared` holds four planes [B, L, H P]: Delta, w = Delta u, g (the gradient behind the gate) and the slope of
 * softplus. In the scan a thread owns one state of one channel; a workgroup of 128 threads holds as many channels as fit.
 * Sums over states and over channels go through workgroup memory, four tokens at a time, in a fixed order. The
 * backward pass keeps the states of a chunk in registers, recomputed from the one kept before it.
 */
import { elementwise, ShapeError, sumPartials, type tf, type WebgpuCall } from '@mixerzoo/core';
import type { ScanSizes, ScanTensors } from './wasm.js';

/** Threads of a workgroup, and so the largest number of states. */
const THREADS = 128;
/** Tokens between two exchanges through workgroup memory. */
const GROUP = 4;
const MOST_BLOCKS = 64;

const SOFTPLUS = `
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  let s = e / (e + 2.0);
  let q = s * s;
  let p = 2.0 + q * (2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0 + q * (2.0 / 9.0 + q * (2.0 / 11.0 + q * (2.0 / 13.0 + q * 2.0 / 15.0))))));
  return s * p + max(x, 0.0);
}
`;
const SILU =
  'fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }\nfn silu(x: f32) -> f32 { return x * sigmoid(x); }\n';

/** y and the states after every chunk, of the shapes given. */
export function scanForward(gpu: WebgpuCall, tensors: ScanTensors, sizes: ScanSizes, statesShape: number[]) {
  const { u, skip, gate } = tensors;
  const y = gpu.output(u.shape as [number]) as tf.Tensor;
  const states = gpu.output(statesShape as [number]) as tf.Tensor;
  const prepared = prepare(gpu, tensors, sizes, undefined);
  const readout = gpu.scratch<tf.Rank.R1>([u.size]);
  const layout = layOut(sizes);
  gpu.dispatch({
    code: `
var<workgroup> shares: array<f32, ${GROUP * THREADS}>;
${opening(sizes, layout)}
  var state = ${tensors.initial ? 'select(0.0, initial[stateAt], valid)' : '0.0'};
  for (var from0 = 0; from0 < u.length; from0 += ${GROUP}) {
    for (var e = 0; e < ${GROUP}; e++) {
      let t = from0 + e;
      var product = 0.0;
      if (t < u.length && valid) {
        let token = b * u.length + t;
        let at = token * u.width + d;
        state = exp(prepared[at] * rate) * state + prepared[u.plane + at] * bs[(token * u.groups + group0) * u.dState + n];
        product = state * cs[(token * u.groups + group0) * u.dState + n];
        if ((t + 1) % u.chunk == 0 || t + 1 == u.length) {
          states[((b * u.chunks + t / u.chunk) * u.width + d) * u.dState + n] = state;
        }
      }
      shares[e * ${THREADS} + local] = product;
    }
    workgroupBarrier();
    for (var o = local; o < ${GROUP * layout.channels}; o += ${THREADS}) {
      let t = from0 + o / ${layout.channels};
      let channel = first + o % ${layout.channels};
      var sum = 0.0;
      for (var j = 0; j < ${layout.lanes}; j++) { sum += shares[o / ${layout.channels} * ${THREADS} + o % ${layout.channels} * ${layout.lanes} + j]; }
      if (t < u.length && channel < (head + 1) * u.headDim) { readout[(b * u.length + t) * u.width + channel] = sum; }
    }
    workgroupBarrier();
  }
}`,
    read: {
      prepared,
      rates: tensors.A,
      bs: tensors.B,
      cs: tensors.C,
      ...(tensors.initial && { initial: tensors.initial }),
    },
    write: { readout, states },
    integers: integersOf(sizes),
    workgroups: [layout.blocks, sizes.batch],
  });
  elementwise(
    gpu,
    { readout, ...(skip && { x: u, skip }), ...(gate && { gate }) },
    y,
    `(readout[i]${skip ? ` + x[i] * skip[${perChannel(sizes)}]` : ''})${gate ? ' * silu(gate[i])' : ''}`,
    { functions: SILU, integers: integersOf(sizes) },
  );
  return { y, states };
}

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
  const { lanes, channels, blocks } = layout;
  const prepared = prepare(gpu, tensors, sizes, dy);
  const sums = gpu.scratch<tf.Rank.R1>([3 * u.size]); // p, r and C h, each [B, L, H P]
  const rows = batch * length * dState;
  const partials = gpu.scratch<tf.Rank.R1>([2 * blocks * rows + batch * width * dState]); // of dB, dC and dA
  const perToken = 3 * channels + 2 * lanes;
  gpu.dispatch({
    code: `
var<workgroup> shares: array<f32, ${5 * GROUP * THREADS}>;
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
        for (var j = 0; j < 5; j++) { shares[(e * 5 + j) * ${THREADS} + local] = values[j]; }
      }
      workgroupBarrier();
      for (var o = local; o < ${GROUP * perToken}; o += ${THREADS}) {
        let e = o / ${perToken};
        let place = o % ${perToken};
        let i = from0 + e;
        var sum = 0.0;
        if (place < ${3 * channels}) {
          let channel = first + place % ${channels};
          let base = (e * 5 + place / ${channels}) * ${THREADS} + place % ${channels} * ${lanes};
          for (var j = 0; j < ${lanes}; j++) { sum += shares[base + j]; }
          if (i < count && channel < (head + 1) * u.headDim) {
            sums[place / ${channels} * u.plane + (b * u.length + chunkStart + i) * u.width + channel] = sum;
          }
        } else {
          let which = (place - ${3 * channels}) / ${lanes};
          let state0 = (place - ${3 * channels}) % ${lanes};
          let base = (e * 5 + 3 + which) * ${THREADS} + state0;
          for (var j = 0; j < ${channels}; j++) { sum += shares[base + j * ${lanes}]; }
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

/** A workgroup's channels never cross a head, so that they share B and C. */
function layOut({ nHeads, headDim, dState }: ScanSizes) {
  if (dState > THREADS) {
    throw new ShapeError(`scan on webgpu: expected at most ${THREADS} states, got ${dState}. Use another engine.`);
  }
  let lanes = 4;
  while (lanes < dState) lanes *= 2;
  const channels = THREADS / lanes;
  const perHead = Math.ceil(headDim / channels);
  return { lanes, channels, perHead, blocks: nHeads * perHead };
}

function integersOf({ batch, length, nHeads, headDim, nGroups, dState, chunkSize }: ScanSizes) {
  const width = nHeads * headDim;
  return {
    length,
    width,
    headDim,
    nHeads,
    groups: nGroups,
    dState,
    chunk: chunkSize,
    chunks: Math.ceil(length / chunkSize),
    plane: batch * length * width,
  };
}

/** Opens `main`: sequence b, channel d, state n, its rate A; `first` is the workgroup's first channel. */
function opening({ scalar }: ScanSizes, { lanes, channels, perHead }: ReturnType<typeof layOut>): string {
  return `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let b = i32(group.y);
  let head = i32(group.x) / ${perHead};
  let within = i32(group.x) % ${perHead} * ${channels};
  let first = head * u.headDim + within;
  let d = first + local / ${lanes};
  let n = local % ${lanes};
  let valid = within + local / ${lanes} < u.headDim && n < u.dState;
  let group0 = head / (u.nHeads / u.groups);
  let stateAt = (b * u.width + d) * u.dState + n;
  let rate = select(0.0, rates[${scalar ? 'head' : 'select(0, d * u.dState + n, valid)'}], valid);
`;
}

/** The index of a value per channel, or per head. */
const perChannel = ({ scalar }: ScanSizes) => (scalar ? 'i % u.width / u.headDim' : 'i % u.width');

/** Planes Delta, w and, for the backward pass, g and the slope of softplus. */
function prepare(
  gpu: WebgpuCall,
  { u, delta, gate, bias }: ScanTensors,
  sizes: ScanSizes,
  dy: tf.Tensor | undefined,
): tf.Tensor {
  const prepared = gpu.scratch<tf.Rank.R1>([(dy ? 4 : 2) * u.size]);
  const step = `delta[${sizes.scalar ? 'i / u.width * u.nHeads + i % u.width / u.headDim' : 'i'}]${bias ? ' + bias[i % u.width]' : ''}`;
  const gated = dy && gate;
  gpu.dispatch({
    code: `${SOFTPLUS}${SILU}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.plane) { return; }
  let before = ${step};
  let after = ${sizes.softplus ? 'softplus(before)' : 'before'};
  prepared[i] = after;
  prepared[u.plane + i] = after * x[i];
  ${
    dy
      ? `prepared[2 * u.plane + i] = dy[i]${gated ? ' * silu(gate[i])' : ''};
  prepared[3 * u.plane + i] = ${sizes.softplus ? 'sigmoid(before)' : '1.0'};`
      : ''
  }
}`,
    read: { x: u, delta, ...(bias && { bias }), ...(dy && { dy }), ...(gated && { gate: gate as tf.Tensor }) },
    write: { prepared },
    integers: integersOf(sizes),
    workgroups: gpu.grid(Math.ceil(u.size / 256)),
  });
  return prepared;
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
  sizes: ScanSizes,
): void {
  const { batch, length, nHeads, headDim, scalar } = sizes;
  const [rows, width] = [batch * length, nHeads * headDim];
  const blocks = Math.max(1, Math.min(MOST_BLOCKS, rows >> 3));
  const partials = gpu.scratch<tf.Rank.R3>([blocks, 2, width]);
  elementwise(gpu, { dSteps, prepared, x: u }, partials, 'column(i)', {
    functions: `
fn column(i: i32) -> f32 {
  let d = i % u.width;
  let first = i / (2 * u.width) * u.perBlock;
  var sums = vec2f();
  for (var row = first; row < min(u.rows, first + u.perBlock); row++) {
    let at = row * u.width + d;
    sums += vec2f(prepared[2 * u.plane + at] * x[at], dSteps[at]);
  }
  return select(sums.x, sums.y, i / u.width % 2 == 1);
}
`,
    integers: { rows, width, perBlock: Math.ceil(rows / blocks), plane: rows * width },
  });
  if (dSkip) {
    const perChannelSkip = scalar ? gpu.scratch<tf.Rank.R1>([width]) : dSkip;
    sumPartials(gpu, partials, perChannelSkip, { count: blocks, size: width, stride: 2 * width });
    if (scalar) sumRuns(gpu, perChannelSkip, dSkip, headDim);
  }
  if (dBias) sumPartials(gpu, partials, dBias, { count: blocks, size: width, stride: 2 * width, offset: width });
}
