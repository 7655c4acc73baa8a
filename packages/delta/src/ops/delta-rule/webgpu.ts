/**
 * The gated delta rule on the webgpu engine, as a recurrence, without exchange between threads; formulas as in index.ts.
 *
 * Forward, and backward for dV and the update's gradient, a thread owns a column of the state, held in registers, as vectors where its
 * length allows: it is walked by text without a loop. The threads of a head read the same rows, so that what they read is in the cache.
 *
 * With the states before every chunk, the gradients after it, and all updates, chunks are independent for dQ, dK and dG: a thread owns
 * a row of the state in one chunk and goes over its elements, each forwards and then backwards through the tokens, kept in registers.
 */
import type { tf } from '@mixerzoo/core';
import { elementwise, type Gradients, rowSums, type WebgpuCall, type WebgpuKernel } from '@mixerzoo/core/kernels';
import { CHUNK } from './reference.js';
import { type Attrs, type Inputs, type Outputs, type RuleGradientInputs, type Saved, sizesOf } from './types.js';

const THREADS = 64;

type Sizes = ReturnType<typeof sizesOf>;

export const deltaRule: WebgpuKernel<Inputs, Attrs, Outputs & Saved> = {
  run(gpu, inputs, attrs) {
    const { batch, nHeads, headK, headV } = sizesOf(inputs, attrs);
    const lastState = gpu.output([batch, nHeads, headK, headV]);
    return { ...forward(gpu, inputs, attrs, lastState), lastState };
  },
};

export const deltaRuleOutput: WebgpuKernel<Inputs, Attrs, Pick<Outputs, 'o'> & Saved> = {
  run(gpu, inputs, attrs) {
    const { batch, nHeads, headK, headV } = sizesOf(inputs, attrs);
    return forward(gpu, inputs, attrs, gpu.scratch([batch, nHeads, headK, headV]));
  },
};

function forward(gpu: WebgpuCall, inputs: Inputs, attrs: Attrs, lastState: tf.Tensor): Pick<Outputs, 'o'> & Saved {
  const { q, k, v, beta, g, initialState } = inputs;
  const sizes = sizesOf(inputs, attrs);
  const { batch, length, nHeads, headK, headV } = sizes;
  const o = gpu.output(v.shape);
  const residual = gpu.output(v.shape);
  const states = gpu.output([batch, nHeads, chunksOf(length), headK, headV]);
  const decays = g && decaysOf(gpu, g);
  const state = registersOf(sizes);
  eachColumn(gpu, sizes, {
    code: `
  ${state.declare}
  ${initialState ? state.eachElement((element, at) => `${element} = initial[(head * u.headK + ${at}) * u.headV + line];`) : ''}
  for (var t = 0; t < u.length; t++) {
    let token = first + t * u.nHeads;
    let row = token * ${state.count};
    let column = token * u.headV + line;
    if (t % ${CHUNK} == 0) {
      ${state.keepIn('states', `head * u.chunks + t / ${CHUNK}`)}
    }
    var held = 0.0;
    ${state.each(({ name, at }) => `${state.decayed(name, at)}held += ${state.product(`k[row + ${at}]`, name)};`)}
    let missing = v[column] - held;
    let update = beta[token] * missing;
    var sum = 0.0;
    ${state.each(
      ({ name, at }) => `${name} += k[row + ${at}] * update;
    sum += ${state.product(`q[row + ${at}]`, name)};`,
    )}
    residual[column] = missing;
    o[column] = u.scale * sum;
  }
  ${state.eachElement((element, at) => `lastState[(head * u.headK + ${at}) * u.headV + line] = ${element};`)}`,
    read: { q, k, v, beta, ...(decays && { decays }), ...(initialState && { initial: initialState }) },
    write: { o, residual, states, lastState },
  });
  return { o, residual, states };
}

/** Of both. */
export const deltaRuleGradient: WebgpuKernel<RuleGradientInputs, Attrs, Gradients<Inputs>> = {
  run(gpu, inputs, attrs) {
    const { q, k, v, beta, g, initialState, residual, states, dO, dLastState } = inputs;
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, nHeads, headK, headV, gates } = sizes;
    const gradients = {
      q: gpu.output(q.shape),
      k: gpu.output(k.shape),
      v: gpu.output(v.shape),
      beta: gpu.output(beta.shape),
      g: g && gpu.output(g.shape),
      initialState: initialState && gpu.output(initialState.shape),
    };
    const decays = g && decaysOf(gpu, g);
    const dUpdates = gpu.scratch(v.shape);
    /** The gradient of the state after every chunk, and, in the place before the first, of the initial state. */
    const after = gpu.scratch([batch, nHeads, chunksOf(length) + 1, headK, headV]);
    const gradient = registersOf(sizes);
    eachColumn(gpu, sizes, {
      code: `
  ${gradient.declare}
  ${dLastState ? gradient.eachElement((element, at) => `${element} = dLastState[(head * u.headK + ${at}) * u.headV + line];`) : ''}
  for (var t = u.length - 1; t >= 0; t--) {
    let token = first + t * u.nHeads;
    let row = token * ${gradient.count};
    let column = token * u.headV + line;
    if (t + 1 == u.length || (t + 1) % ${CHUNK} == 0) {
      ${gradient.keepIn('after', `head * (u.chunks + 1) + t / ${CHUNK} + 1`)}
    }
    let given = u.scale * dO[column];
    var sum = 0.0;
    ${gradient.each(
      ({ name, at }) => `${name} += q[row + ${at}] * given;
    sum += ${gradient.product(`k[row + ${at}]`, name)};`,
    )}
    let dValue = beta[token] * sum;
    ${gradient.each(({ name, at }) => `${name} -= k[row + ${at}] * dValue;\n    ${gradient.decayed(name, at)}`)}
    dUpdates[column] = sum;
    dV[column] = dValue;
  }
  ${gradient.keepIn('after', 'head * (u.chunks + 1)')}`,
      read: { q, k, beta, ...(decays && { decays }), dO, ...(dLastState && { dLastState }) },
      write: { dV: gradients.v, dUpdates, after },
    });
    if (gradients.initialState) {
      elementwise(
        gpu,
        { after },
        gradients.initialState,
        'after[i / u.state * (u.chunks + 1) * u.state + i % u.state]',
        {
          integers: { state: headK * headV, chunks: chunksOf(length) },
        },
      );
    }
    rowSums(gpu, { dUpdates, residual }, gradients.beta, {
      term: 'dUpdates[row * u.columns + column] * residual[row * u.columns + column]',
      columns: headV,
    });

    const updates = gpu.scratch(v.shape);
    elementwise(gpu, { beta, residual }, updates, 'beta[i / u.headV] * residual[i]', { integers: { headV } });
    const ofRows = gpu.scratch([gates > 0 ? 3 : 2, q.size]);
    rowGradients(gpu, sizes, { q, k, ...(decays && { decays }), updates, dV: gradients.v, dO, states, after }, ofRows);
    elementwise(gpu, { ofRows }, gradients.q, 'ofRows[i]');
    elementwise(gpu, { ofRows }, gradients.k, 'ofRows[u.size + i]');
    if (gradients.g) {
      rowSums(gpu, { ofRows }, gradients.g, {
        term: 'ofRows[u.plane + row * u.columns + column]',
        columns: gates === 1 ? headK : 1,
        integers: { plane: 2 * q.size },
      });
    }
    return gradients;
  },
};

/**
 * dQ, dK and, with decays, dG of every channel, one after the other in `to`: a thread for every row of the state in every chunk. `states` are
 * those before a chunk, `after` has the gradient of that after it.
 */
function rowGradients(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, gates, scale }: Sizes,
  read: Record<'q' | 'k' | 'updates' | 'dV' | 'dO' | 'states' | 'after', tf.Tensor> & { decays?: tf.Tensor },
  to: tf.Tensor,
): void {
  const chunks = chunksOf(length);
  const size = batch * nHeads * chunks * headK;
  const width = headV % 4 === 0 ? 4 : 1;
  const product = (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`);
  const vector = width === 4 ? 'vec4f' : 'f32';
  const numbers = `array<f32, ${CHUNK}>`;
  const where = (condition: boolean, text: string) => (condition ? text : '');
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
  let gradientAt = ((head * (u.chunks + 1) + chunk + 1) * u.headK + line) * columns;
  ${where(gates > 0, `var decay: ${numbers};`)}
  var key: ${numbers};
  var query: ${numbers};
  var at: array<i32, ${CHUNK}>;
  for (var t = 0; t < ${CHUNK}; t++) {
    let token = first + min(t, count - 1) * u.nHeads;
    let row = token * u.headK + line;
    ${where(gates > 0, `decay[t] = select(1.0, decays[${gates === 1 ? 'token' : 'row'}], t < count);`)}
    key[t] = select(0.0, k[row], t < count);
    query[t] = select(0.0, u.scale * q[row], t < count);
    at[t] = token * columns;
  }
  var dQuery: ${numbers};
  var dKey: ${numbers};
  ${where(gates > 0, `var dDecay: ${numbers};`)}
  var before: array<${vector}, ${CHUNK}>;
  for (var j = 0; j < columns; j++) {
    var state = states[thread * columns + j];
    for (var t = 0; t < ${CHUNK}; t++) {
      ${where(gates > 0, 'state *= decay[t];')}
      before[t] = state;
      state += key[t] * updates[at[t] + j];
      dQuery[t] += ${product('dO[at[t] + j]', 'state')};
    }
    var gradient = after[gradientAt + j];
    for (var t = ${CHUNK - 1}; t >= 0; t--) {
      gradient += query[t] * dO[at[t] + j];
      dKey[t] += ${product('gradient', 'updates[at[t] + j]')} - ${product('before[t]', 'dV[at[t] + j]')};
      gradient -= key[t] * dV[at[t] + j];
      ${where(gates > 0, `dDecay[t] += ${product('gradient', 'before[t]')};\n      gradient *= decay[t];`)}
    }
  }
  for (var t = 0; t < count; t++) {
    let row = (first + t * u.nHeads) * u.headK + line;
    to[row] = u.scale * dQuery[t];
    to[u.plane + row] = dKey[t];
    ${where(gates > 0, 'to[2 * u.plane + row] = dDecay[t];')}
  }
}`,
    read,
    write: { to },
    vec4: width === 4 ? ['updates', 'dV', 'dO', 'states', 'after'] : [],
    integers: { size, plane: batch * length * nHeads * headK, length, nHeads, headK, headV, chunks },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

/** e^g. */
function decaysOf(gpu: WebgpuCall, g: tf.Tensor): tf.Tensor {
  const decays = gpu.scratch(g.shape);
  elementwise(gpu, { g }, decays, 'exp(g[i])');
  return decays;
}

/** A column of a head's state, in registers s0, s1, ..., as vectors of 4 where that comes out even. */
function registersOf({ headK, gates }: Sizes) {
  const width = headK % 4 === 0 ? 4 : 1;
  const names = Array.from({ length: headK / width }, (_, at) => ({ name: `s${at}`, at }));
  const text = (each: readonly string[]) => each.join('\n    ');
  /** Of every number, with its place in the column. */
  const eachElement = (line: (element: string, at: number) => string) =>
    text(
      Array.from({ length: headK }, (_, at) => line(width === 4 ? `s${Math.floor(at / 4)}[${at % 4}]` : `s${at}`, at)),
    );
  const decay = (at: number) => (gates === 1 ? 'decays[token]' : `decays[row + ${at}]`);
  return {
    /** Registers of a column. */
    count: names.length,
    product: (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`),
    decayed: (name: string, at: number) => (gates === 0 ? '' : `${name} *= ${decay(at)};\n    `),
    declare: text(names.map(({ name }) => `var ${name} = ${width === 4 ? 'vec4f()' : '0.0'};`)),
    each: (line: (register: { name: string; at: number }) => string) => text(names.map(line)),
    eachElement,
    /** Writes the column to that of state number `place` of a tensor [..., K, V]. */
    keepIn: (name: string, place: string) =>
      eachElement((element, at) => `${name}[((${place}) * u.headK + ${at}) * u.headV + line] = ${element};`),
  };
}

/** A thread for every column, `line` of `head`, whose first token is `first` of [B, L, H]. */
function eachColumn(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, gates, scale }: Sizes,
  { code, read, write }: { code: string; read: Record<string, tf.Tensor>; write: Record<string, tf.Tensor> },
): void {
  const size = batch * nHeads * headV;
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let head = thread / u.headV;
  let first = head / u.nHeads * u.length * u.nHeads + head % u.nHeads;
  ${code}
}`,
    read,
    write,
    vec4: headK % 4 === 0 ? ['q', 'k', ...(gates > 1 ? ['decays'] : [])] : [],
    integers: { size, length, nHeads, headK, headV, chunks: chunksOf(length) },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

const chunksOf = (length: number) => Math.ceil(length / CHUNK);
