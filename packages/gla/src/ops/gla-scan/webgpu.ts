/**
 * The gated scan on the webgpu engine, without exchange between threads; no exponent is positive; formulas as in index.ts.
 *
 * Forward, and backward for dV, a thread owns a column of the state, held in registers, as vectors where its length allows: it is
 * walked by text without a loop. Where columns are too few to fill a GPU each is divided among threads: all results are sums over a
 * column, so partial ones are added afterwards. The threads of a head read the same rows, so that what they read is in the cache;
 * decays are taken once, before.
 *
 * With the states before every chunk and their gradients after it, chunks are independent for dQ, dK and dGk: a thread owns a row
 * of the state in one chunk and goes over its elements, each forwards and then backwards through the tokens, kept in registers.
 */
import type { tf } from '@mixerzoo/core';
import {
  elementwise,
  type GradientInputs,
  type Gradients,
  sumPartials,
  type WebgpuCall,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import { CHUNK } from './reference.js';
import type { Attrs, Inputs, OutputGradientInputs, Outputs, Saved } from './types.js';

const THREADS = 64;
/** A column is divided into at most so many parts, while threads are fewer than fill a GPU, and partial sums not too many to hold. */
const MOST_PARTS = 4;
const ENOUGH_THREADS = 2 ** 16;
const MOST_PARTIALS = 2 ** 25;

export const scan: WebgpuKernel<Inputs, Attrs, Outputs & Saved> = {
  run(gpu, inputs, attrs) {
    const { batch, nHeads, headK, headV } = sizesOf(inputs, attrs);
    const lastState = gpu.output([batch, nHeads, headK, headV]);
    return { ...forward(gpu, inputs, attrs, lastState), lastState };
  },
};

export const scanOutput: WebgpuKernel<Inputs, Attrs, Pick<Outputs, 'o'> & Saved> = {
  run(gpu, inputs, attrs) {
    const { batch, nHeads, headK, headV } = sizesOf(inputs, attrs);
    return forward(gpu, inputs, attrs, gpu.scratch([batch, nHeads, headK, headV]));
  },
};

export const scanGradient: WebgpuKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  run: (gpu, inputs, attrs) => backward(gpu, inputs, attrs, inputs.dLastState),
};

export const scanOutputGradient: WebgpuKernel<OutputGradientInputs, Attrs, Gradients<Inputs>> = { run: backward };

function forward(gpu: WebgpuCall, inputs: Inputs, attrs: Attrs, lastState: tf.Tensor) {
  const { q, k, gk, v } = inputs;
  const sizes = sizesOf(inputs, attrs);
  const { batch, length, nHeads, headK, headV } = sizes;
  const o = gpu.output([batch, length, nHeads * headV]);
  const states = gpu.output([batch, nHeads, chunksOf(length), headK, headV]);
  const state = registersOf(sizes);
  eachColumn(gpu, sizes, state, {
    code: `
  ${state.declare}
  for (var t = 0; t < u.length; t++) {
    let row = (keys + t * u.nHeads * u.headK) / ${state.width} + first;
    let column = values + t * u.nHeads * u.headV + line;
    if (t % ${CHUNK} == 0) {
      ${state.keepIn('states', `t / ${CHUNK}`)}
    }
    let value = v[column];
    var sum = 0.0;
    ${state.each(
      (i) => `${i.name} = decays[row + ${i.at}] * ${i.name} + k[row + ${i.at}] * value;
    sum += ${state.product(`q[row + ${i.at}]`, i.name)};`,
    )}
    o[plane + column] = u.scale * sum;
  }
  ${state.eachElement((element, at) => `lastState[(head * u.headK + ${at}) * u.headV + line] = ${element};`)}`,
    read: { q, k, decays: decaysOf(gpu, gk), v },
    sums: { o },
    write: { lastState, states },
    vectors: ['q', 'k', 'decays'],
  });
  return { o, states };
}

function backward(
  gpu: WebgpuCall,
  inputs: OutputGradientInputs,
  attrs: Attrs,
  dLastState?: tf.Tensor,
): Gradients<Inputs> {
  const { q, k, gk, v, states, dO } = inputs;
  const sizes = sizesOf(inputs, attrs);
  const [dQ, dK] = [gpu.output(q.shape), gpu.output(k.shape)];
  const [dGk, dV] = [gpu.output(gk.shape), gpu.output(v.shape)];
  const decays = decaysOf(gpu, gk);
  const after = gpu.scratch([states.size]);
  const gradient = registersOf(sizes);
  eachColumn(gpu, sizes, gradient, {
    code: `
  ${gradient.declare}
  ${dLastState ? gradient.eachElement((element, at) => `${element} = dLastState[(head * u.headK + ${at}) * u.headV + line];`) : ''}
  for (var t = u.length - 1; t >= 0; t--) {
    let row = (keys + t * u.nHeads * u.headK) / ${gradient.width} + first;
    let column = values + t * u.nHeads * u.headV + line;
    if (t + 1 == u.length || (t + 1) % ${CHUNK} == 0) {
      ${gradient.keepIn('after', `t / ${CHUNK}`)}
    }
    let given = u.scale * dO[column];
    var sum = 0.0;
    ${gradient.each(
      (i) => `${i.name} += q[row + ${i.at}] * given;
    sum += ${gradient.product(`k[row + ${i.at}]`, i.name)};
    ${i.name} *= decays[row + ${i.at}];`,
    )}
    dV[plane + column] = sum;
  }`,
    read: { q, k, decays, dO, ...(dLastState && { dLastState }) },
    sums: { dV },
    write: { after },
    vectors: ['q', 'k', 'decays'],
  });
  rowGradients(gpu, sizes, { q, k, decays, v, dO, states, after }, { dQ, dK, dGk });
  return { q: dQ, k: dK, gk: dGk, v: dV };
}

/** dQ, dK, dGk: a thread for every row of the state in every chunk. `after` is the gradient of the state after a chunk. */
function rowGradients(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, scale }: ReturnType<typeof sizesOf>,
  read: Record<'q' | 'k' | 'decays' | 'v' | 'dO' | 'states' | 'after', tf.Tensor>,
  write: Record<'dQ' | 'dK' | 'dGk', tf.Tensor>,
): void {
  const chunks = chunksOf(length);
  const size = batch * nHeads * chunks * headK;
  const width = headV % 4 === 0 ? 4 : 1;
  const product = (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`);
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
  var decay: ${numbers};
  var key: ${numbers};
  var query: ${numbers};
  var at: array<i32, ${CHUNK}>;
  for (var t = 0; t < ${CHUNK}; t++) {
    let token = first + min(t, count - 1) * u.nHeads;
    let row = token * u.headK + line;
    decay[t] = select(1.0, decays[row], t < count);
    key[t] = select(0.0, k[row], t < count);
    query[t] = select(0.0, u.scale * q[row], t < count);
    at[t] = token * columns;
  }
  var dQuery: ${numbers};
  var dKey: ${numbers};
  var dDecay: ${numbers};
  var before: array<${vector}, ${CHUNK}>;
  for (var j = 0; j < columns; j++) {
    var state = states[thread * columns + j];
    for (var t = 0; t < ${CHUNK}; t++) {
      before[t] = state;
      state = decay[t] * state + key[t] * v[at[t] + j];
      dQuery[t] += ${product('dO[at[t] + j]', 'state')};
    }
    var gradient = after[thread * columns + j];
    for (var t = ${CHUNK - 1}; t >= 0; t--) {
      gradient += query[t] * dO[at[t] + j];
      dKey[t] += ${product('gradient', 'v[at[t] + j]')};
      gradient *= decay[t];
      dDecay[t] += ${product('gradient', 'before[t]')};
    }
  }
  for (var t = 0; t < count; t++) {
    let row = (first + t * u.nHeads) * u.headK + line;
    dQ[row] = u.scale * dQuery[t];
    dK[row] = dKey[t];
    dGk[row] = dDecay[t];
  }
}`,
    read,
    write,
    vec4: width === 4 ? ['v', 'dO', 'states', 'after'] : [],
    integers: { size, length, nHeads, headK, headV, chunks },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

/** e^gk. */
function decaysOf(gpu: WebgpuCall, gk: tf.Tensor): tf.Tensor {
  const decays = gpu.scratch(gk.shape);
  elementwise(gpu, { gk }, decays, 'exp(gk[i])');
  return decays;
}

/** A thread's part of a column of a head's state, in registers s0, s1, ..., as vectors of 4 where that comes out even. */
function registersOf({ batch, length: tokens, nHeads, headK, headV }: ReturnType<typeof sizesOf>) {
  const count = batch * nHeads * headV;
  const most = Math.min(MOST_PARTS, ENOUGH_THREADS / count, MOST_PARTIALS / (count * tokens));
  let parts = 1;
  while (2 * parts <= most && headK % (8 * parts) === 0) parts *= 2;
  const width = headK % 4 === 0 ? 4 : 1;
  const length = headK / parts;
  const names = Array.from({ length: length / width }, (_, at) => ({ name: `s${at}`, at }));
  const text = (each: readonly string[]) => each.join('\n    ');
  /** Of every number, with its place in the column. */
  const eachElement = (line: (element: string, at: string) => string) =>
    text(
      Array.from({ length }, (_, at) =>
        line(width === 4 ? `s${Math.floor(at / 4)}[${at % 4}]` : `s${at}`, `part * ${length} + ${at}`),
      ),
    );
  return {
    count,
    parts,
    width,
    vectors: names.length,
    product: (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`),
    declare: text(names.map(({ name }) => `var ${name} = ${width === 4 ? 'vec4f()' : '0.0'};`)),
    each: (line: (register: { name: string; at: number }) => string) => text(names.map(line)),
    eachElement,
    /** Writes the column to that of a chunk in a tensor [B, H, chunks, K, V]. */
    keepIn: (name: string, chunk: string) =>
      eachElement(
        (element, at) => `${name}[((head * u.chunks + ${chunk}) * u.headK + ${at}) * u.headV + line] = ${element};`,
      ),
  };
}

/**
 * A thread for every part of every column: `line` of `head`, whose part begins with the vector `first`. What is in `sums` is written
 * from `plane` on, for the sums over parts.
 */
function eachColumn(
  gpu: WebgpuCall,
  { length, nHeads, headK, headV, scale }: ReturnType<typeof sizesOf>,
  { count, parts, width, vectors: perPart }: ReturnType<typeof registersOf>,
  {
    code,
    read,
    sums,
    write,
    vectors,
  }: {
    code: string;
    read: Record<string, tf.Tensor>;
    sums: Record<string, tf.Tensor>;
    write?: Record<string, tf.Tensor>;
    vectors: readonly string[];
  },
): void {
  const size = parts * count;
  const plane = (Object.values(sums)[0] as tf.Tensor).size;
  const partials = Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, parts === 1 ? sum : gpu.scratch([parts * plane])]),
  );
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let part = thread / u.headV % ${parts};
  let head = thread / (u.headV * ${parts});
  let first = part * ${perPart};
  let plane = part * u.plane;
  let keys = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headK;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  ${code}
}`,
    read,
    write: { ...partials, ...write },
    vec4: width === 4 ? vectors : [],
    integers: { size, plane, length, nHeads, headK, headV, chunks: chunksOf(length) },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
  if (parts === 1) return;
  for (const [name, sum] of Object.entries(sums)) {
    sumPartials(gpu, partials[name] as tf.Tensor, sum, { count: parts, size: plane });
  }
}

const chunksOf = (length: number) => Math.ceil(length / CHUNK);

function sizesOf({ q, v }: Inputs, { nHeads, scale }: Attrs) {
  const [batch, length, width] = q.shape;
  return { batch, length, nHeads, headK: width / nHeads, headV: v.shape[2] / nHeads, scale };
}
