/**
 * The scan on the webgpu engine, without exchange between threads; formulas as in index.ts.
 *
 * Forward, and backward for dV and du, a thread owns a column of the state, held in registers, as vectors where its length allows: it is
 * walked by text without a loop. The threads of a head read the same rows, so that what they read is in the cache; what is read with each
 * token is put together once, before: it keeps shaders within the eight buffers that every device binds.
 *
 * With the states before every chunk, their gradients after it, u and du, rows of the state are independent within chunks: a thread owns
 * one and goes over its elements, each forwards and then backwards through the tokens, for what is summed over columns.
 */
import type { tf } from '@mixerzoo/core';
import {
  EACH_ELEMENT,
  forEachElement,
  type Gradients,
  type WebgpuCall,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import { CHUNK } from './reference.js';
import type { Attrs, Backward, Inputs, Outputs, Saved } from './types.js';

const THREADS = 64;
/** Planes of `rows`, and those of `sums`: the gradients of r, the decay, k, kappa alone, and the removal a o kappa. */
const [READ, DECAY, KEY, HELD, REMOVAL] = [0, 1, 2, 3, 4];
const PLANES = 5;

export const rwkv7Scan: WebgpuKernel<Inputs, Attrs, Outputs & Saved> = {
  run(gpu, inputs, attrs) {
    const { v, initialState } = inputs;
    const sizes = sizesOf(inputs, attrs);
    const { batch, nHeads, headK, headV, chunks } = sizes;
    const o = gpu.output(v.shape);
    const lastState = gpu.output([batch, nHeads, headK, headV]);
    const removed = gpu.output(v.shape);
    const states = gpu.output([batch, nHeads, chunks, headK, headV]);
    const state = registersOf(headK);
    eachColumn(gpu, sizes, state, {
      code: `
  ${state.declare}
  ${initialState ? state.eachElement((element, at) => `${element} = initialState[(head * u.headK + ${at}) * u.headV + line];`) : ''}
  var held = 0.0;
  ${state.each((i) => `held += ${state.product(state.row(HELD, 'keys', i), i.name)};`)}
  for (var t = 0; t < u.length; t++) {
    let row = keys + t * u.step;
    let next = min(row + u.step, last);
    let column = values + t * u.nHeads * u.headV + line;
    if (t % ${CHUNK} == 0) {
      ${state.keepIn('states', `t / ${CHUNK}`)}
    }
    removed[column] = held;
    let value = v[column];
    var sum = 0.0;
    var later = 0.0;
    ${state.each(
      (
        i,
      ) => `${i.name} = ${state.row(DECAY, 'row', i)} * ${i.name} - ${state.row(REMOVAL, 'row', i)} * held + ${state.row(KEY, 'row', i)} * value;
    sum += ${state.product(state.row(READ, 'row', i), i.name)};
    later += ${state.product(state.row(HELD, 'next', i), i.name)};`,
    )}
    o[column] = sum;
    held = later;
  }
  ${state.eachElement((element, at) => `lastState[(head * u.headK + ${at}) * u.headV + line] = ${element};`)}`,
      read: { rows: rowsOf(gpu, inputs), v, ...(initialState && { initialState }) },
      write: { o, lastState, removed, states },
    });
    return { o, lastState, removed, states };
  },
};

export const rwkv7ScanGradient: WebgpuKernel<Backward, Attrs, Gradients<Inputs>> = {
  run(gpu, inputs, attrs) {
    const { r, v, a, initialState, removed, states, dO, dLastState } = inputs;
    const sizes = sizesOf(inputs, attrs);
    const rows = rowsOf(gpu, inputs);
    const dV = gpu.output(v.shape);
    const dU = gpu.scratch(v.shape);
    const after = gpu.scratch(states.shape);
    const dInitialState = initialState && gpu.output(initialState.shape);
    const gradient = registersOf(sizes.headK);
    eachColumn(gpu, sizes, gradient, {
      code: `
  ${gradient.declare}
  ${dLastState ? gradient.eachElement((element, at) => `${element} = dLastState[(head * u.headK + ${at}) * u.headV + line];`) : ''}
  for (var t = u.length - 1; t >= 0; t--) {
    let row = keys + t * u.step;
    let column = values + t * u.nHeads * u.headV + line;
    if (t + 1 == u.length || (t + 1) % ${CHUNK} == 0) {
      ${gradient.keepIn('after', `t / ${CHUNK}`)}
    }
    let given = dO[column];
    var toValue = 0.0;
    var toHeld = 0.0;
    ${gradient.each(
      (i) => `${i.name} += ${gradient.row(READ, 'row', i)} * given;
    toValue += ${gradient.product(gradient.row(KEY, 'row', i), i.name)};
    toHeld -= ${gradient.product(gradient.row(REMOVAL, 'row', i), i.name)};`,
    )}
    dV[column] = toValue;
    dU[column] = toHeld;
    ${gradient.each((i) => `${i.name} = ${gradient.row(DECAY, 'row', i)} * ${i.name} + ${gradient.row(HELD, 'row', i)} * toHeld;`)}
  }
  ${dInitialState ? gradient.eachElement((element, at) => `dInitialState[(head * u.headK + ${at}) * u.headV + line] = ${element};`) : ''}`,
      read: { rows, dO, ...(dLastState && { dLastState }) },
      write: { dV, dU, after, ...(dInitialState && { dInitialState }) },
    });
    const sums = gpu.scratch(rows.shape);
    sumsOverColumns(gpu, sizes, { rows, v, dO, removed, dU, states, after }, sums);
    const made = { dR: gpu.output(r.shape), dG: gpu.output(r.shape), dK: gpu.output(r.shape) };
    const ofRemoval = { dKappa: gpu.output(r.shape), dA: gpu.output(r.shape) };
    gpu.dispatch({
      code: `${EACH_ELEMENT}
  let dRemoval = sums[${REMOVAL} * u.size + i];
  dR[i] = sums[${READ} * u.size + i];
  dG[i] = sums[${DECAY} * u.size + i] * rows[${DECAY} * u.size + i];
  dK[i] = sums[${KEY} * u.size + i];
  dKappa[i] = sums[${HELD} * u.size + i] + a[i] * dRemoval;
  dA[i] = rows[${HELD} * u.size + i] * dRemoval;
}`,
      read: { sums, rows, a },
      write: { ...made, ...ofRemoval },
      integers: { size: r.size },
      workgroups: forEachElement(gpu, r.size),
    });
    return {
      r: made.dR,
      g: made.dG,
      k: made.dK,
      v: dV,
      kappa: ofRemoval.dKappa,
      a: ofRemoval.dA,
      initialState: dInitialState,
    };
  },
};

/** r, e^g, k, kappa and a o kappa, a plane each. */
function rowsOf(gpu: WebgpuCall, { r, g, k, kappa, a }: Inputs): tf.Tensor {
  const rows = gpu.scratch([PLANES, ...r.shape]);
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  rows[${READ} * u.size + i] = r[i];
  rows[${DECAY} * u.size + i] = exp(g[i]);
  rows[${KEY} * u.size + i] = k[i];
  rows[${HELD} * u.size + i] = kappa[i];
  rows[${REMOVAL} * u.size + i] = a[i] * kappa[i];
}`,
    read: { r, g, k, kappa, a },
    write: { rows },
    integers: { size: r.size },
    workgroups: forEachElement(gpu, r.size),
  });
  return rows;
}

/** What is summed over columns: a thread for every row of the state in every chunk. `after` is the gradient of the state after a chunk. */
function sumsOverColumns(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, chunks, plane }: ReturnType<typeof sizesOf>,
  read: Record<'rows' | 'v' | 'dO' | 'removed' | 'dU' | 'states' | 'after', tf.Tensor>,
  sums: tf.Tensor,
): void {
  const size = batch * nHeads * chunks * headK;
  const width = headV % 4 === 0 ? 4 : 1;
  const product = productOf(width);
  const vector = width === 4 ? 'vec4f' : 'f32';
  const numbers = `array<f32, ${CHUNK}>`;
  // Tokens past the end keep the state as it is, and read the last one's rows.
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headK;
  let chunk = thread / u.headK % u.chunks;
  let head = thread / (u.headK * u.chunks);
  let start = chunk * ${CHUNK};
  let count = min(${CHUNK}, u.length - start);
  let first = (head / u.nHeads * u.length + start) * u.nHeads + head % u.nHeads;
  let columns = u.headV / ${width};
  var queries: ${numbers};
  var decay: ${numbers};
  var key: ${numbers};
  var held: ${numbers};
  var removal: ${numbers};
  var at: array<i32, ${CHUNK}>;
  for (var t = 0; t < ${CHUNK}; t++) {
    let token = first + min(t, count - 1) * u.nHeads;
    let row = token * u.headK + line;
    queries[t] = select(0.0, rows[${READ} * u.plane + row], t < count);
    decay[t] = select(1.0, rows[${DECAY} * u.plane + row], t < count);
    key[t] = select(0.0, rows[${KEY} * u.plane + row], t < count);
    held[t] = select(0.0, rows[${HELD} * u.plane + row], t < count);
    removal[t] = select(0.0, rows[${REMOVAL} * u.plane + row], t < count);
    at[t] = token * columns;
  }
  var dQuery: ${numbers};
  var dDecay: ${numbers};
  var dKey: ${numbers};
  var dHeld: ${numbers};
  var dRemoval: ${numbers};
  var before: array<${vector}, ${CHUNK}>;
  for (var j = 0; j < columns; j++) {
    var state = states[thread * columns + j];
    for (var t = 0; t < ${CHUNK}; t++) {
      before[t] = state;
      state = decay[t] * state - removal[t] * removed[at[t] + j] + key[t] * v[at[t] + j];
      dQuery[t] += ${product('dO[at[t] + j]', 'state')};
    }
    var gradient = after[thread * columns + j];
    for (var t = ${CHUNK - 1}; t >= 0; t--) {
      gradient += queries[t] * dO[at[t] + j];
      dDecay[t] += ${product('gradient', 'before[t]')};
      dKey[t] += ${product('gradient', 'v[at[t] + j]')};
      dRemoval[t] -= ${product('gradient', 'removed[at[t] + j]')};
      dHeld[t] += ${product('before[t]', 'dU[at[t] + j]')};
      gradient = decay[t] * gradient + held[t] * dU[at[t] + j];
    }
  }
  for (var t = 0; t < count; t++) {
    let row = (first + t * u.nHeads) * u.headK + line;
    sums[${READ} * u.plane + row] = dQuery[t];
    sums[${DECAY} * u.plane + row] = dDecay[t];
    sums[${KEY} * u.plane + row] = dKey[t];
    sums[${HELD} * u.plane + row] = dHeld[t];
    sums[${REMOVAL} * u.plane + row] = dRemoval[t];
  }
}`,
    read,
    write: { sums },
    vec4: width === 4 ? ['v', 'dO', 'removed', 'dU', 'states', 'after'] : [],
    integers: { size, length, nHeads, headK, headV, chunks, plane },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

/** A column of a head's state, in registers s0, s1, ..., as vectors of 4 where that comes out even. */
function registersOf(headK: number) {
  const width = headK % 4 === 0 ? 4 : 1;
  const names = Array.from({ length: headK / width }, (_, at) => ({ name: `s${at}`, at }));
  const text = (each: readonly string[]) => each.join('\n    ');
  /** Of every number, with its place in the column. */
  const eachElement = (line: (element: string, at: number) => string) =>
    text(
      Array.from({ length: headK }, (_, at) => line(width === 4 ? `s${Math.floor(at / 4)}[${at % 4}]` : `s${at}`, at)),
    );
  return {
    width,
    product: productOf(width),
    declare: text(names.map(({ name }) => `var ${name} = ${width === 4 ? 'vec4f()' : '0.0'};`)),
    each: (line: (register: { name: string; at: number }) => string) => text(names.map(line)),
    eachElement,
    /** The register's part of a row of `rows`: of the plane, from `row` on. */
    row: (plane: number | undefined, row: string, { at }: { at: number }) =>
      `rows[${plane} * u.plane + ${row} + ${at}]`,
    /** Writes the column to that of a chunk in a tensor [B, H, chunks, K, V]. */
    keepIn: (name: string, chunk: string) =>
      eachElement(
        (element, at) => `${name}[((head * u.chunks + ${chunk}) * u.headK + ${at}) * u.headV + line] = ${element};`,
      ),
  };
}

/** A thread for every column: `line` of `head`, whose rows go from `keys` to `last` and whose values from `values` on. */
function eachColumn(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, chunks, plane }: ReturnType<typeof sizesOf>,
  { width }: ReturnType<typeof registersOf>,
  { code, ...tensors }: { code: string; read: Record<string, tf.Tensor>; write: Record<string, tf.Tensor> },
): void {
  const size = batch * nHeads * headV;
  const step = (nHeads * headK) / width; // from a token to the next
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let head = thread / u.headV;
  let keys = head / u.nHeads * u.length * u.step + head % u.nHeads * (u.headK / ${width});
  let last = keys + (u.length - 1) * u.step;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  ${code}
}`,
    ...tensors,
    vec4: width === 4 ? ['rows'] : [],
    integers: { size, length, nHeads, headK, headV, chunks, step, plane: plane / width },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

const productOf = (width: number) => (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`);

function sizesOf({ r, v }: Inputs, { nHeads }: Attrs) {
  const [batch, length, width] = r.shape;
  const chunks = Math.ceil(length / CHUNK);
  return { batch, length, nHeads, headK: width / nHeads, headV: v.shape[2] / nHeads, chunks, plane: r.size };
}
