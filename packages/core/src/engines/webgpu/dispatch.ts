/**
 * How a dispatch gets into the command queue of the TensorFlow.js backend, where it keeps its order with stock kernels.
 *
 * A step of a small model is a hundred dispatches of a few microseconds each, so what the host does for one counts:
 * nothing is made twice. Programs are kept by the shader's text and the types of its bindings, uniform buffers by what
 * is in them (most are sizes, the same in every step), bind groups by the buffers bound, which the backend hands out
 * again and again.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { EngineError, OutOfMemoryError } from '../../errors.js';
import { processState } from '../../process-state.js';
import * as tf from '../../tf.js';
import { assertNames } from './wgsl.js';

/** A dispatch of one shader. Names become the variables of the shader. */
export interface WebgpuDispatch {
  /**
   * WGSL with an entry point `main`. Tensors are `array<f32>` or `array<i32>` (`array<vec4<f32>>` for names in `vec4`);
   * uniforms are `u.<name>`.
   */
  readonly code: string;
  readonly read: Readonly<Record<string, tf.Tensor>>;
  /** Written, and readable; one that exists already is updated in place. */
  readonly write: Readonly<Record<string, tf.Tensor>>;
  /** Tensors bound as `array<vec4<f32>>`; their size must be a multiple of 4. */
  readonly vec4?: readonly string[];
  /** i32 uniforms. */
  readonly integers?: Readonly<Record<string, number>>;
  /** f32 uniforms. */
  readonly floats?: Readonly<Record<string, number>>;
  /** At most as many in a dimension as the device allows, 65,535: `grid` divides more of them. */
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/** The members of the backend that dispatches rely on; some are private in its types. */
interface BackendInternals {
  readonly device: GPUDevice;
  readonly tensorMap: { get(id: object): { resource: GPUBuffer; values: ArrayLike<number> | null } };
  readonly bufferManager: {
    acquireBuffer(size: number, usage: number): GPUBuffer;
    releaseBuffer(buffer: GPUBuffer): void;
  };
  readonly commandQueueOwnedIds: WeakSet<object>;
  commandEncoder: GPUCommandEncoder;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  uploadToGPU(id: object): void;
  makeTensorInfo(shape: number[], dtype: string): tf.TensorInfo;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** A shader compiled for the types of its bindings. */
interface Program {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** By the buffers bound. */
  readonly bindGroups: Map<string, GPUBindGroup>;
}

/** What is kept for a device. */
interface Kept {
  readonly programs: Map<string, Map<string, Program>>;
  readonly uniforms: Map<string, GPUBuffer>;
  /** A number for each buffer, for keys. */
  readonly numbers: WeakMap<GPUBuffer, number>;
  bindGroups: number;
  buffers: number;
  /** Limits of the device: of a tensor that a shader uses, and of a dispatch in a dimension. */
  readonly mostBytes: number;
  readonly mostWorkgroups: number;
}

const kept = new WeakMap<GPUDevice, Kept>();

/** Dispatches after which the queue is submitted, so that the device starts before the step is recorded. */
const DISPATCHES_PER_SUBMIT = 15;
/** Beyond these numbers all that is kept is let go, and kept anew. */
const MOST_UNIFORMS = 2048;
const MOST_BIND_GROUPS = 4096;

/** The backend in use, which must be that of the webgpu engine. */
export const webgpuBackend = () => tf.backend() as WebGPUBackend as unknown as BackendInternals;

/** The elements of a tensor of the webgpu engine that has not left the host yet; undefined once it is on the device. */
export function hostValues({ dataId }: tf.Tensor): ArrayLike<number> | undefined {
  const { resource, values } = webgpuBackend().tensorMap.get(dataId);
  return resource ? undefined : (values ?? undefined);
}

/** A tensor of zeros, which are not sent to the device: where a kernel of ours uses it the device clears memory. */
export function zerosOnDevice({ size, shape, dtype }: tf.Tensor): tf.Tensor {
  const tensor = tf.engine().makeTensor(tf.util.makeZerosTypedArray(size, dtype as 'float32'), shape, dtype);
  processState().zeros.add(tensor.dataId);
  return tensor;
}

/**
 * Appends a dispatch to the backend's command queue. What a device refuses it refuses without a word to the caller, so
 * its limits are looked at here.
 * @throws OutOfMemoryError for a tensor larger than the device can bind
 * @throws EngineError for more workgroups in a dimension than a dispatch has
 */
export function record(backend: BackendInternals, dispatch: WebgpuDispatch): void {
  const { read, write, integers = {}, floats = {}, workgroups } = dispatch;
  const { device } = backend;
  let forDevice = kept.get(device);
  if (!forDevice) {
    forDevice = keepFor(device.limits);
    kept.set(device, forDevice);
  }
  const { mostBytes, mostWorkgroups } = forDevice;
  if (workgroups.some((count) => (count ?? 1) > mostWorkgroups)) {
    throw new EngineError(
      `webgpu kernel: expected at most ${mostWorkgroups} workgroups in a dimension, got ${workgroups}. Divide them with gpu.grid, or use a smaller batch.`,
    );
  }
  const program = programFor(device, forDevice.programs, dispatch);
  const buffers: GPUBuffer[] = [];
  for (const name in write) {
    const tensor = write[name] as tf.Tensor;
    buffers.push(bufferOf(backend, tensor, mostBytes));
    backend.tensorMap.get(tensor.dataId).values = null; // A copy on the host would be stale.
  }
  for (const name in read) buffers.push(bufferOf(backend, read[name] as tf.Tensor, mostBytes));
  const uniforms = uniformBuffer(backend, forDevice.uniforms, Object.values(integers), Object.values(floats));
  if (uniforms) buffers.push(uniforms);

  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= backend.commandEncoder.beginComputePass();
  const pass = backend.computePassEncoder;
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, bindGroupOf(device, forDevice, program, buffers));
  pass.dispatchWorkgroups(workgroups[0], workgroups[1] ?? 1, workgroups[2] ?? 1);
  backend.dispatchCountInPass += 1;
  if (backend.dispatchCountInPass < DISPATCHES_PER_SUBMIT) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
  // Only now is nothing recorded that reads them.
  if (forDevice.uniforms.size > MOST_UNIFORMS) {
    for (const buffer of forDevice.uniforms.values()) backend.bufferManager.releaseBuffer(buffer);
    forDevice.uniforms.clear();
  }
}

function keepFor({
  maxBufferSize,
  maxStorageBufferBindingSize,
  maxComputeWorkgroupsPerDimension,
}: GPUSupportedLimits): Kept {
  return {
    programs: new Map(),
    uniforms: new Map(),
    numbers: new WeakMap(),
    bindGroups: 0,
    buffers: 0,
    mostBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize),
    mostWorkgroups: maxComputeWorkgroupsPerDimension,
  };
}

/** The tensor's buffer, uploaded if it has not been, and held until the queue is submitted. */
function bufferOf(backend: BackendInternals, { dataId, size, shape }: tf.Tensor, mostBytes: number): GPUBuffer {
  if (4 * size > mostBytes) {
    throw new OutOfMemoryError(
      `webgpu engine: expected tensors of at most ${mostBytes} bytes, the device's limit, got ${4 * size} ([${shape}]). Use a smaller batch.`,
    );
  }
  if (processState().zeros.has(dataId)) clear(backend, dataId, 4 * size);
  backend.uploadToGPU(dataId);
  backend.commandQueueOwnedIds.add(dataId);
  return backend.tensorMap.get(dataId).resource;
}

function clear(backend: BackendInternals, dataId: object, bytes: number): void {
  processState().zeros.delete(dataId);
  const data = backend.tensorMap.get(dataId);
  if (data.resource) return;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST; // as the backend's
  data.resource = backend.bufferManager.acquireBuffer(bytes, usage);
  data.values = null;
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.commandEncoder.clearBuffer(data.resource);
}

function programFor(device: GPUDevice, programs: Kept['programs'], dispatch: WebgpuDispatch): Program {
  const { code, read, write, vec4 = [], integers = {}, floats = {} } = dispatch;
  // Texts are made once by `shaderText`, so the first look-up compares no characters.
  const variants = programs.get(code) ?? new Map<string, Program>();
  programs.set(code, variants);
  let types = '';
  for (const name in write) types += `${name}:${(write[name] as tf.Tensor).dtype},`;
  types += '/';
  for (const name in read) types += `${name}:${(read[name] as tf.Tensor).dtype},`;
  types += `/${vec4}/${Object.keys(integers)}/${Object.keys(floats)}`;
  let program = variants.get(types);
  if (!program) {
    const layout = layoutOf(device, dispatch);
    const enabled = device.features.has('subgroups') ? ['enable subgroups;'] : [];
    const pipeline = compile(device, layout, [...enabled, shaderOf(dispatch)].join('\n'));
    program = { pipeline, layout, bindGroups: new Map() };
    variants.set(types, program);
  }
  return program;
}

/** The bindings by their types, whether the shader uses them or not. */
function layoutOf(device: GPUDevice, { read, write, integers = {}, floats = {} }: WebgpuDispatch): GPUBindGroupLayout {
  const types: GPUBufferBindingType[] = [
    ...Object.keys(write).map(() => 'storage' as const),
    ...Object.keys(read).map(() => 'read-only-storage' as const),
  ];
  if (Object.keys(integers).length + Object.keys(floats).length > 0) types.push('uniform');
  return device.createBindGroupLayout({
    entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
  });
}

/** The whole shader of a dispatch. @throws EngineError for a name in it that nobody declares, or that WGSL does not allow. */
export function shaderOf(dispatch: WebgpuDispatch): string {
  const text = [...declarationsOf(dispatch), dispatch.code].join('\n');
  assertNames(text);
  return text;
}

/** WGSL of the bindings: what is written, what is read, the uniforms. */
function declarationsOf({ read, write, vec4 = [], integers = {}, floats = {} }: WebgpuDispatch): string[] {
  const declarations = [...Object.entries(write), ...Object.entries(read)].map(([name, tensor], binding) => {
    const element = vec4.includes(name) ? 'vec4<f32>' : tensor.dtype === 'float32' ? 'f32' : 'i32';
    const access = name in write ? 'read_write' : 'read';
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  const fields = [
    ...Object.keys(integers).map((name) => `${name}: i32`),
    ...Object.keys(floats).map((name) => `${name}: f32`),
  ];
  if (fields.length === 0) return declarations;
  const uniforms = `@group(0) @binding(${declarations.length}) var<uniform> u: Uniforms;`;
  return [...declarations, `struct Uniforms { ${fields.join(', ')} }`, uniforms];
}

function compile(device: GPUDevice, bindings: GPUBindGroupLayout, code: string): GPUComputePipeline {
  const module = device.createShaderModule({ code });
  module.getCompilationInfo().then(({ messages }) => {
    const faults = messages.filter(({ type }) => type === 'error');
    if (faults.length === 0) return;
    const lines = code.split('\n');
    const text = faults
      .map(({ lineNum, message }) => `line ${lineNum}: ${message}\n    ${lines[lineNum - 1]}`)
      .join('\n');
    console.error(new EngineError(`webgpu kernel: the shader does not compile.\n${text}`).message);
  });
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  return device.createComputePipeline({ layout, compute: { module, entryPoint: 'main' } });
}

/** A buffer of i32 fields, then f32 fields, 4 bytes each; its contents never change while it is kept. */
function uniformBuffer(
  backend: BackendInternals,
  uniforms: Kept['uniforms'],
  integers: readonly number[],
  floats: readonly number[],
): GPUBuffer | undefined {
  if (integers.length + floats.length === 0) return undefined;
  const key = `${integers}|${floats}`;
  let buffer = uniforms.get(key);
  if (!buffer) {
    const bytes = new ArrayBuffer(Math.ceil(((integers.length + floats.length) * 4) / 16) * 16);
    new Int32Array(bytes).set(integers);
    new Float32Array(bytes).set(floats, integers.length);
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM;
    buffer = backend.bufferManager.acquireBuffer(bytes.byteLength, usage);
    backend.device.queue.writeBuffer(buffer, 0, bytes);
    uniforms.set(key, buffer);
  }
  return buffer;
}

function bindGroupOf(
  device: GPUDevice,
  forDevice: Kept,
  program: Program,
  buffers: readonly GPUBuffer[],
): GPUBindGroup {
  let key = '';
  for (const buffer of buffers) {
    if (!forDevice.numbers.has(buffer)) {
      forDevice.buffers += 1;
      forDevice.numbers.set(buffer, forDevice.buffers);
    }
    key += `${forDevice.numbers.get(buffer)},`;
  }
  let group = program.bindGroups.get(key);
  if (!group) {
    if (forDevice.bindGroups >= MOST_BIND_GROUPS) {
      for (const variants of forDevice.programs.values()) for (const each of variants.values()) each.bindGroups.clear();
      forDevice.bindGroups = 0;
    }
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    group = device.createBindGroup({ layout: program.layout, entries });
    program.bindGroups.set(key, group);
    forDevice.bindGroups += 1;
  }
  return group;
}
