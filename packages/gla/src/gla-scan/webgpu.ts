/**
 * The gated scan on the webgpu engine, as a recurrence without exchange between threads: forward and for dv a thread owns a column
 * of the state, for dq, dk and dgk a row. No exponent is positive; formulas as in index.ts.
 *
 * A line of the state is held in registers, as vectors where its length allows: it is walked by text without a loop. Where lines are
 * too few to fill a GPU each is divided among threads: all results are sums over a line, so partial ones are added afterwards. The
 * threads of a head read the same rows, so that what they read is in the cache; decays are taken once, before.
 */
import { elementwise, sumPartials, type tf, type WebgpuCall, type WebgpuKernel } from '@mixerzoo/core';
import type {
  GlaScanAttrs,
  GlaScanGradientInputs,
  GlaScanGradients,
  GlaScanInputs,
  GlaScanOutputs,
} from './reference.js';

const THREADS = 64;
/** A line is divided into at most so many parts, while threads are fewer than fill a GPU, and partial sums not too many to hold. */
const MOST_PARTS = 4;
const ENOUGH_THREADS = 2 ** 16;
const MOST_PARTIALS = 2 ** 25;

export const forwardKernel: WebgpuKernel<GlaScanInputs, GlaScanAttrs, GlaScanOutputs> = {
  run(gpu, { q, k, gk, v }, attrs) {
    const sizes = sizesOf(q, v, attrs);
    const { batch, length, nHeads, headK, headV } = sizes;
    const o = gpu.output<tf.Rank.R3>([batch, length, nHeads * headV]);
    const lastState = gpu.output<tf.Rank.R4>([batch, nHeads, headK, headV]);
    const state = registersOf(sizes, 'headV');
    scan(gpu, sizes, state, {
      code: `
  ${state.declare}
  for (var t = 0; t < u.length; t++) {
    let row = (keys + t * u.nHeads * u.headK) / ${state.width} + first;
    let column = values + t * u.nHeads * u.headV + line;
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
      write: { lastState },
      vectors: ['q', 'k', 'decays'],
    });
    return { o, lastState };
  },
};

export const backwardKernel: WebgpuKernel<GlaScanGradientInputs, GlaScanAttrs, GlaScanGradients> = {
  run(gpu, { q, k, gk, v, dO, dLastState }, attrs) {
    const sizes = sizesOf(q, v, attrs);
    const [dQ, dK, dGk, dV] = [q, k, gk, v].map(({ shape }) => gpu.output(shape as [number])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const row = registersOf(sizes, 'headK');
    scan(gpu, sizes, row, {
      code: `
  ${row.declare}
  for (var t = 0; t < u.length; t++) {
    let row = keys + t * u.nHeads * u.headK + line;
    let column = (values + t * u.nHeads * u.headV) / ${row.width} + first;
    let decay = exp(gk[row]);
    let key = k[row];
    var sum = 0.0;
    ${row.each(
      (j) => `${j.name} = decay * ${j.name} + key * v[column + ${j.at}];
    sum += ${row.product(j.name, `dO[column + ${j.at}]`)};`,
    )}
    dQ[plane + row] = u.scale * sum;
  }
  var carried = 0.0;
  {
    let last = (head * u.headK + line) * u.headV / ${row.width} + first;
    ${row.each(
      (j) => `carried += ${row.product(`dLastState[last + ${j.at}]`, j.name)};
    ${j.name} = dLastState[last + ${j.at}];`,
    )}
  }
  for (var t = u.length - 1; t >= 0; t--) {
    let row = keys + t * u.nHeads * u.headK + line;
    let column = (values + t * u.nHeads * u.headV) / ${row.width} + first;
    let decay = exp(gk[row]);
    let query = u.scale * q[row];
    var sum = 0.0;
    ${row.each(
      (j) => `${j.name} += query * dO[column + ${j.at}];
    sum += ${row.product(j.name, `v[column + ${j.at}]`)};
    ${j.name} *= decay;`,
    )}
    dK[plane + row] = sum;
    carried += q[row] * dQ[plane + row] - k[row] * sum;
    dGk[plane + row] = select(carried, 0.0, t == 0); // Before the first token there is nothing to decay.
  }`,
      read: { q, k, gk, v, dO, dLastState },
      sums: { dQ, dK, dGk },
      vectors: ['v', 'dO', 'dLastState'],
    });
    const column = registersOf(sizes, 'headV');
    scan(gpu, sizes, column, {
      code: `
  ${column.declare}
  ${column.eachElement((element, at) => `${element} = dLastState[(head * u.headK + ${at}) * u.headV + line];`)}
  for (var t = u.length - 1; t >= 0; t--) {
    let row = (keys + t * u.nHeads * u.headK) / ${column.width} + first;
    let column = values + t * u.nHeads * u.headV + line;
    let given = u.scale * dO[column];
    var sum = 0.0;
    ${column.each(
      (i) => `${i.name} += q[row + ${i.at}] * given;
    sum += ${column.product(i.name, `k[row + ${i.at}]`)};
    ${i.name} *= decays[row + ${i.at}];`,
    )}
    dV[plane + column] = sum;
  }`,
      read: { q, k, decays: decaysOf(gpu, gk), dO, dLastState },
      sums: { dV },
      vectors: ['q', 'k', 'decays'],
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

/**
 * A thread's part of a line of the state, in registers s0, s1, ..., as vectors of 4 where that comes out even. The lines are the
 * columns of every head (`headV` of them) or the rows.
 */
function registersOf(sizes: ReturnType<typeof sizesOf>, lines: 'headK' | 'headV') {
  const { batch, nHeads, headK, headV } = sizes;
  const [size, count] = [lines === 'headV' ? headK : headV, batch * nHeads * sizes[lines]];
  const most = Math.min(MOST_PARTS, ENOUGH_THREADS / count, MOST_PARTIALS / (count * sizes.length));
  let parts = 1;
  while (2 * parts <= most && size % (8 * parts) === 0) parts *= 2;
  const width = size % 4 === 0 ? 4 : 1;
  const length = size / parts;
  const names = Array.from({ length: length / width }, (_, at) => ({ name: `s${at}`, at }));
  const text = (each: readonly string[]) => each.join('\n    ');
  return {
    lines,
    count,
    parts,
    width,
    vectors: names.length,
    product: (a: string, b: string) => (width === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`),
    declare: text(names.map(({ name }) => `var ${name} = ${width === 4 ? 'vec4f()' : '0.0'};`)),
    each: (line: (register: { name: string; at: number }) => string) => text(names.map(line)),
    /** Of every number, with its place in the line. */
    eachElement: (line: (element: string, at: string) => string) =>
      text(
        Array.from({ length }, (_, at) =>
          line(width === 4 ? `s${Math.floor(at / 4)}[${at % 4}]` : `s${at}`, `part * ${length} + ${at}`),
        ),
      ),
  };
}

/**
 * A thread for every part of every line: `line` of `head`, whose part begins with the vector `first`. What is in `sums` is written
 * from `plane` on, for the sums over parts.
 */
function scan(
  gpu: WebgpuCall,
  { length, nHeads, headK, headV, scale }: ReturnType<typeof sizesOf>,
  { lines, count, parts, width, vectors: perPart }: ReturnType<typeof registersOf>,
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
    Object.entries(sums).map(([name, sum]) => [name, parts === 1 ? sum : gpu.scratch<tf.Rank.R1>([parts * plane])]),
  );
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (thread >= u.size) { return; }
  let line = thread % u.${lines};
  let part = thread / u.${lines} % ${parts};
  let head = thread / (u.${lines} * ${parts});
  let first = part * ${perPart};
  let plane = part * u.plane;
  let keys = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headK;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  ${code}
}`,
    read,
    write: { ...partials, ...write },
    vec4: width === 4 ? vectors : [],
    integers: { size, plane, length, nHeads, headK, headV },
    floats: { scale },
    workgroups: gpu.grid(Math.ceil(size / THREADS)),
  });
  if (parts === 1) return;
  for (const [name, sum] of Object.entries(sums)) {
    sumPartials(gpu, partials[name] as tf.Tensor, sum, { count: parts, size: plane });
  }
}

function sizesOf(q: tf.Tensor, v: tf.Tensor, { nHeads, scale }: GlaScanAttrs) {
  const [batch, length, width] = q.shape as [number, number, number];
  return { batch, length, nHeads, headK: width / nHeads, headV: (v.shape[2] as number) / nHeads, scale };
}
