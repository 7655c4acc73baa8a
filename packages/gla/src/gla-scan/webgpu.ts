/**
 * The gated scan on the webgpu engine, as a recurrence without exchange between threads: forward and for dv a thread owns a column
 * of the state, for dq, dk and dgk a row. No exponent is positive; formulas as in index.ts.
 *
 * A line of the state is held in registers, as vectors where its length allows: it is walked by text without a loop. The threads of
 * a head read the same rows, so that what they read is in the cache; decays are taken once, before.
 */
import { elementwise, type tf, type WebgpuCall, type WebgpuKernel } from '@mixerzoo/core';
import type {
  GlaScanAttrs,
  GlaScanGradientInputs,
  GlaScanGradients,
  GlaScanInputs,
  GlaScanOutputs,
} from './reference.js';

const THREADS = 64;

export const forwardKernel: WebgpuKernel<GlaScanInputs, GlaScanAttrs, GlaScanOutputs> = {
  run(gpu, { q, k, gk, v }, attrs) {
    const sizes = sizesOf(q, v, attrs);
    const { batch, length, nHeads, headK, headV } = sizes;
    const o = gpu.output<tf.Rank.R3>([batch, length, nHeads * headV]);
    const lastState = gpu.output<tf.Rank.R4>([batch, nHeads, headK, headV]);
    const state = registers(headK);
    scan(gpu, sizes, 'headV', {
      code: `
  ${state.declare}
  for (var t = 0; t < u.length; t++) {
    let row = (keys + t * u.nHeads * u.headK) / ${state.width};
    let column = values + t * u.nHeads * u.headV + line;
    let value = v[column];
    var sum = 0.0;
    ${state.each(
      (i) => `${i.name} = decays[row + ${i.at}] * ${i.name} + k[row + ${i.at}] * value;
    sum += ${state.product(`q[row + ${i.at}]`, i.name)};`,
    )}
    o[column] = u.scale * sum;
  }
  ${state.eachElement((element, at) => `lastState[(head * ${headK} + ${at}) * u.headV + line] = ${element};`)}`,
      read: { q, k, decays: decaysOf(gpu, gk), v },
      write: { o, lastState },
      vectors: state.width === 4 ? ['q', 'k', 'decays'] : [],
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
    const row = registers(headV);
    scan(gpu, sizes, 'headK', {
      code: `
  ${row.declare}
  for (var t = 0; t < u.length; t++) {
    let row = keys + t * u.nHeads * u.headK + line;
    let column = (values + t * u.nHeads * u.headV) / ${row.width};
    let decay = exp(gk[row]);
    let key = k[row];
    var sum = 0.0;
    ${row.each(
      (j) => `${j.name} = decay * ${j.name} + key * v[column + ${j.at}];
    sum += ${row.product(j.name, `dO[column + ${j.at}]`)};`,
    )}
    dQ[row] = u.scale * sum;
  }
  var carried = 0.0;
  {
    let last = (head * u.headK + line) * u.headV / ${row.width};
    ${row.each(
      (j) => `carried += ${row.product(`dLastState[last + ${j.at}]`, j.name)};
    ${j.name} = dLastState[last + ${j.at}];`,
    )}
  }
  for (var t = u.length - 1; t >= 0; t--) {
    let row = keys + t * u.nHeads * u.headK + line;
    let column = (values + t * u.nHeads * u.headV) / ${row.width};
    let decay = exp(gk[row]);
    let query = u.scale * q[row];
    var sum = 0.0;
    ${row.each(
      (j) => `${j.name} += query * dO[column + ${j.at}];
    sum += ${row.product(j.name, `v[column + ${j.at}]`)};
    ${j.name} *= decay;`,
    )}
    dK[row] = sum;
    carried += q[row] * dQ[row] - k[row] * sum;
    dGk[row] = select(carried, 0.0, t == 0); // Before the first token there is nothing to decay.
  }`,
      read: { q, k, gk, v, dO, dLastState },
      write: { dQ, dK, dGk },
      vectors: row.width === 4 ? ['v', 'dO', 'dLastState'] : [],
    });
    const column = registers(headK);
    scan(gpu, sizes, 'headV', {
      code: `
  ${column.declare}
  ${column.eachElement((element, at) => `${element} = dLastState[(head * ${headK} + ${at}) * u.headV + line];`)}
  for (var t = u.length - 1; t >= 0; t--) {
    let row = (keys + t * u.nHeads * u.headK) / ${column.width};
    let column = values + t * u.nHeads * u.headV + line;
    let given = u.scale * dO[column];
    var sum = 0.0;
    ${column.each(
      (i) => `${i.name} += q[row + ${i.at}] * given;
    sum += ${column.product(i.name, `k[row + ${i.at}]`)};
    ${i.name} *= decays[row + ${i.at}];`,
    )}
    dV[column] = sum;
  }`,
      read: { q, k, decays: decaysOf(gpu, gk), dO, dLastState },
      write: { dV },
      vectors: column.width === 4 ? ['q', 'k', 'decays'] : [],
    });
    return { dQ, dK, dGk, dV };
  },
};

/** e^gk. */
function decaysOf(gpu: WebgpuCall, gk: tf.Tensor): tf.Tensor {
  const decays = gpu.scratch(gk.shape as [number]) as tf.Tensor;
  elementwise(gpu, { gk }, decays, 'exp(gk[i])');
  return decays;
}

/** `size` numbers in registers s0, s1, ..., as vectors of 4 where that comes out even. */
function registers(size: number) {
  const width = size % 4 === 0 ? 4 : 1;
  const names = Array.from({ length: size / width }, (_, at) => ({ name: `s${at}`, at }));
  const lines = (text: readonly string[]) => text.join('\n    ');
  return {
    width,
    product: (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`),
    declare: lines(names.map(({ name }) => `var ${name} = ${width === 4 ? 'vec4f()' : '0.0'};`)),
    each: (line: (register: { name: string; at: number }) => string) => lines(names.map(line)),
    eachElement: (line: (element: string, at: number) => string) =>
      lines(
        Array.from({ length: size }, (_, at) => line(width === 4 ? `s${Math.floor(at / 4)}[${at % 4}]` : `s${at}`, at)),
      ),
  };
}

/** A thread for every line of every head: a column of the state (`headV` of them) or a row. */
function scan(
  gpu: WebgpuCall,
  { batch, length, nHeads, headK, headV, scale }: ReturnType<typeof sizesOf>,
  lines: 'headK' | 'headV',
  {
    code,
    read,
    write,
    vectors,
  }: {
    code: string;
    read: Record<string, tf.Tensor>;
    write: Record<string, tf.Tensor>;
    vectors: readonly string[];
  },
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
    vec4: vectors,
    integers: { size, length, nHeads, headK, headV },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
}

function sizesOf(q: tf.Tensor, v: tf.Tensor, { nHeads, scale }: GlaScanAttrs) {
  const [batch, length, width] = q.shape as [number, number, number];
  return { batch, length, nHeads, headK: width / nHeads, headV: (v.shape[2] as number) / nHeads, scale };
}
