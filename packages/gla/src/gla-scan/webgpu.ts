/**
 * The gated scan on the webgpu engine, as a recurrence without exchange between threads: forward and for dv a thread owns a column
 * of the state, for dq, dk and dgk a row. No exponent is positive; formulas as in index.ts.
 */
import type { tf, WebgpuCall, WebgpuKernel } from '@mixerzoo/core';
import type { GlaScanGradientInputs, GlaScanGradients } from './index.js';
import type { GlaScanAttrs, GlaScanInputs, GlaScanOutputs } from './reference.js';

const THREADS = 64;

export const forwardKernel: WebgpuKernel<GlaScanInputs, GlaScanAttrs, GlaScanOutputs> = {
  run(gpu, { q, k, gk, v }, attrs) {
    const sizes = sizesOf(q, v, attrs);
    const { batch, length, nHeads, headK, headV } = sizes;
    const o = gpu.output<tf.Rank.R3>([batch, length, nHeads * headV]);
    const lastState = gpu.output<tf.Rank.R4>([batch, nHeads, headK, headV]);
    scan(gpu, sizes, 'headV', {
      code: `
  var state: array<f32, ${headK}>;
  for (var t = 0; t < u.length; t++) {
    let row = keys + t * u.nHeads * u.headK;
    let column = values + t * u.nHeads * u.headV + line;
    let value = v[column];
    var sum = 0.0;
    for (var i = 0; i < ${headK}; i++) {
      state[i] = exp(gk[row + i]) * state[i] + k[row + i] * value;
      sum += q[row + i] * state[i];
    }
    o[column] = u.scale * sum;
  }
  for (var i = 0; i < ${headK}; i++) { lastState[(head * ${headK} + i) * u.headV + line] = state[i]; }`,
      read: { q, k, gk, v },
      write: { o, lastState },
    });
    return { o, lastState };
  },
};

export const backwardKernel: WebgpuKernel<GlaScanGradientInputs, GlaScanAttrs, GlaScanGradients> = {
  run(gpu, { q, k, gk, v, dO, dLastState }, attrs) {
    const sizes = sizesOf(q, v, attrs);
    const { headK, headV } = sizes;
    const [dQ, dK, dGk, dV] = [q, k, gk, v].map(({ shape }) => gpu.output(shape as [number])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    scan(gpu, sizes, 'headK', {
      code: `
  var state: array<f32, ${headV}>;
  for (var t = 0; t < u.length; t++) {
    let row = keys + t * u.nHeads * u.headK + line;
    let column = values + t * u.nHeads * u.headV;
    let decay = exp(gk[row]);
    let key = k[row];
    var sum = 0.0;
    for (var j = 0; j < ${headV}; j++) {
      state[j] = decay * state[j] + key * v[column + j];
      sum += state[j] * dO[column + j];
    }
    dQ[row] = u.scale * sum;
  }
  var carried = 0.0;
  for (var j = 0; j < ${headV}; j++) {
    let last = dLastState[(head * u.headK + line) * ${headV} + j];
    carried += last * state[j];
    state[j] = last;
  }
  for (var t = u.length - 1; t >= 0; t--) {
    let row = keys + t * u.nHeads * u.headK + line;
    let column = values + t * u.nHeads * u.headV;
    let decay = exp(gk[row]);
    let query = u.scale * q[row];
    var sum = 0.0;
    for (var j = 0; j < ${headV}; j++) {
      let gradient = state[j] + query * dO[column + j];
      sum += gradient * v[column + j];
      state[j] = decay * gradient;
    }
    dK[row] = sum;
    carried += q[row] * dQ[row] - k[row] * sum;
    dGk[row] = select(carried, 0.0, t == 0); // Before the first token there is nothing to decay.
  }`,
      read: { q, k, gk, v, dO, dLastState },
      write: { dQ, dK, dGk },
    });
    scan(gpu, sizes, 'headV', {
      code: `
  var state: array<f32, ${headK}>;
  for (var i = 0; i < ${headK}; i++) { state[i] = dLastState[(head * ${headK} + i) * u.headV + line]; }
  for (var t = u.length - 1; t >= 0; t--) {
    let row = keys + t * u.nHeads * u.headK;
    let column = values + t * u.nHeads * u.headV + line;
    let given = u.scale * dO[column];
    var sum = 0.0;
    for (var i = 0; i < ${headK}; i++) {
      let gradient = state[i] + q[row + i] * given;
      sum += gradient * k[row + i];
      state[i] = exp(gk[row + i]) * gradient;
    }
    dV[column] = sum;
  }`,
      read: { q, k, gk, dO, dLastState },
      write: { dV },
    });
    return { dQ, dK, dGk, dV };
  },
};

/** A thread for every line of every head: a column of the state (`headV` of them) or a row. */
function scan(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, scale }: ReturnType<typeof sizesOf>,
  lines: 'headK' | 'headV',
  { code, read, write }: { code: string; read: Record<string, tf.Tensor>; write: Record<string, tf.Tensor> },
): void {
  const size = batch * nHeads * { headK, headV }[lines];
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (thread >= u.size) { return; }
  let line = thread % u.${lines};
  let head = thread / u.${lines};
  let keys = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headK;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  ${code}
}`,
    read,
    write,
    integers: { size, length, nHeads, headK, headV },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

function sizesOf(q: tf.Tensor, v: tf.Tensor, { nHeads, scale }: GlaScanAttrs) {
  const [batch, length, width] = q.shape as [number, number, number];
  return { batch, length, nHeads, headK: width / nHeads, headV: (v.shape[2] as number) / nHeads, scale };
}
