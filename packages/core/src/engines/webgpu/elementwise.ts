/** Elementwise maps on the webgpu engine. */
import type * as tf from '../../tf.js';
import type { WebgpuCall } from './kernel.js';
import { eachLine } from './workgroup.js';

const THREADS = 256;

/** WGSL of a shader's opening: `i` is the index of the thread, of `u.size`. */
export const EACH_ELEMENT: string = `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * ${THREADS} + local);
  if (i >= u.size) { return; }
`;

/** Workgroups of a shader that opens with {@link EACH_ELEMENT}. */
export function forEachElement(gpu: WebgpuCall, size: number): readonly [number, number] {
  return gpu.grid(Math.ceil(size / THREADS));
}

/** Elements a thread takes in `elementwise`, a workgroup's width apart: their reads do not wait for each other. */
const PER_THREAD = 4;

/** `to[i] = value` for every i; `value` is WGSL of the tensors at i and of the uniforms. */
export function elementwise(
  gpu: WebgpuCall,
  read: Readonly<Record<string, tf.Tensor>>,
  to: tf.Tensor,
  value: string,
  {
    integers = {},
    floats = {},
    functions = '',
  }: {
    readonly integers?: Readonly<Record<string, number>>;
    readonly floats?: Readonly<Record<string, number>>;
    /** WGSL functions that `value` calls. */
    readonly functions?: string;
  } = {},
): void {
  const lines = Math.ceil(to.size / (THREADS * PER_THREAD));
  const each = (line: (index: string, e: number) => string) =>
    Array.from({ length: PER_THREAD }, (_, e) => line(`first + ${e * THREADS}`, e)).join('\n  ');
  gpu.dispatch({
    code: `${functions}
fn valueAt(i: i32) -> ${to.dtype === 'float32' ? 'f32' : 'i32'} { return ${value}; }
${eachLine(THREADS)}
  let first = line * ${THREADS * PER_THREAD} + local;
  ${each((index, e) => `let value${e} = valueAt(min(${index}, u.size - 1));`)}
  ${each((index, e) => `if (${index} < u.size) { to[${index}] = value${e}; }`)}
}`,
    read,
    write: { to },
    integers: { lines, size: to.size, ...integers },
    floats,
    workgroups: gpu.grid(lines),
  });
}

/**
 * WGSL of `hash(counter)`, 24 bits, and of `isKept(index)`, which reads the uniforms `threshold` and `seed`: the mask
 * of `dropout`, bit for bit that of the other engines.
 */
export const DROPOUT_WGSL = `
fn hash(counter: u32) -> u32 {
  var bits = counter;
  bits = (bits ^ (bits >> 16)) * 0x7feb352du;
  bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
  return (bits ^ (bits >> 16)) >> 8;
}
fn isKept(index: i32) -> bool {
  return hash(u32(index) * 0x9e3779b9u + bitcast<u32>(u.seed)) >= u32(u.threshold);
}
`;

/** WGSL of `softplus(x)`, ln(1 + e^x): a series of 2 artanh(e^-|x| / (e^-|x| + 2)) keeps what 1 + e^-|x| would round off. */
export const SOFTPLUS_WGSL: string = `
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  let s = e / (e + 2.0);
  let q = s * s;
  let p = 2.0 + q * (2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0 + q * (2.0 / 9.0 + q * (2.0 / 11.0 + q * (2.0 / 13.0 + q * 2.0 / 15.0))))));
  return s * p + max(x, 0.0);
}
`;
