/**
 * Kernels of the webgpu engine: WGSL compute shaders of our own that work on the buffers of the TensorFlow.js backend.
 *
 * Dispatches join the backend's command queue, so they keep their order with stock kernels. Bindings and uniforms are
 * declared for the shader from the names given to `dispatch`; pipelines are cached by the shader's text, so any constant
 * baked into it is part of the key by itself.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { EngineError } from '../errors.js';
import type { NamedTensors, OpAttrs } from '../ops/define-op.js';
import * as tf from '../tf.js';

/** A fast kernel of an op on the webgpu engine. */
export interface WebgpuKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  /** Allocates outputs, dispatches shaders, returns the outputs. */
  run(gpu: WebgpuCall, inputs: I, attrs: A): O;
}

/** A dispatch of one shader. Names become the variables of the shader. */
export interface WebgpuDispatch {
  /**
   * WGSL with an entry point `main`. Tensors are `array<f32>` or `array<i32>` (`array<vec4<f32>>` for names in `vec4`);
   * uniforms are `u.<name>`.
   */
  readonly code: string;
  /** Lines that must come first: `enable subgroups;`. */
  readonly enable?: string;
  readonly read: Readonly<Record<string, tf.Tensor>>;
  /** Written, and readable; one that exists already is updated in place. */
  readonly write: Readonly<Record<string, tf.Tensor>>;
  /** Tensors bound as `array<vec4<f32>>`; their size must be a multiple of 4. */
  readonly vec4?: readonly string[];
  /** i32 uniforms. */
  readonly integers?: Readonly<Record<string, number>>;
  /** f32 uniforms. */
  readonly floats?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/** What a kernel's `run` works with. */
export interface WebgpuCall {
  readonly device: GPUDevice;
  /** A new tensor, not zeroed. */
  output<R extends tf.Rank>(shape: tf.ShapeMap[R], dtype?: 'float32' | 'int32'): tf.Tensor<R>;
  /** A new tensor that is freed when `run` returns. */
  scratch<R extends tf.Rank>(shape: tf.ShapeMap[R], dtype?: 'float32' | 'int32'): tf.Tensor<R>;
  /** Records a dispatch; one of no workgroups is left out. */
  dispatch(dispatch: WebgpuDispatch): void;
  /** The elements of a tensor that has not left the host yet; undefined once it is on the device. */
  hostValues(tensor: tf.Tensor): ArrayLike<number> | undefined;
  /** Workgroups in x and y that cover `count`; the shader's index is `id.y * workgroups.x + id.x`. */
  grid(count: number): readonly [number, number];
}

/** The members of the backend that dispatches rely on; some are private in its types. */
interface BackendInternals {
  readonly device: GPUDevice;
  readonly tensorMap: { get(id: object): { resource: GPUBuffer; values: unknown } };
  readonly bufferManager: { acquireBuffer(size: number, usage: number): GPUBuffer };
  readonly commandQueueOwnedIds: WeakSet<object>;
  readonly uniformPendingDisposal: GPUBuffer[];
  readonly pipelineCache: Record<string, GPUComputePipeline>;
  commandEncoder: GPUCommandEncoder;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  uploadToGPU(id: object): void;
  makeTensorInfo(shape: number[], dtype: string): tf.TensorInfo;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** Dispatches after which the queue is submitted, so that the device starts before the step is recorded. */
const DISPATCHES_PER_SUBMIT = 15;
const MAX_WORKGROUPS = 65535;

/** Runs a kernel of an op. */
export function runWebgpuKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WebgpuKernel<I, A, O>,
  inputs: I,
  attrs: A,
): O {
  const backend = tf.backend() as WebGPUBackend as unknown as BackendInternals;
  const scratch: tf.Tensor[] = [];
  const output: WebgpuCall['output'] = (shape, dtype = 'float32') =>
    tf.engine().makeTensorFromTensorInfo(backend.makeTensorInfo([...shape], dtype)) as never;
  const call: WebgpuCall = {
    device: backend.device,
    output,
    scratch(shape, dtype) {
      const tensor = output(shape, dtype);
      scratch.push(tensor);
      return tensor;
    },
    dispatch(dispatch) {
      if (dispatch.workgroups.every((count) => count !== 0)) record(backend, dispatch);
    },
    hostValues({ dataId }) {
      const { resource, values } = backend.tensorMap.get(dataId);
      return resource ? undefined : (values as ArrayLike<number>);
    },
    grid(count) {
      const x = Math.min(count, MAX_WORKGROUPS);
      return [x, Math.ceil(count / x)];
    },
  };
  try {
    return kernel.run(call, inputs, attrs);
  } finally {
    tf.dispose(scratch);
  }
}

/** Appends a dispatch to the backend's command queue. */
function record(backend: BackendInternals, dispatch: WebgpuDispatch): void {
  const { code, enable = '', read, write, vec4 = [], integers = {}, floats = {}, workgroups } = dispatch;
  const tensors = [...Object.entries(write), ...Object.entries(read)];
  const declarations = tensors.map(([name, tensor], binding) => {
    const element = vec4.includes(name) ? 'vec4<f32>' : tensor.dtype === 'float32' ? 'f32' : 'i32';
    const access = name in write ? 'read_write' : 'read';
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  const fields = [
    ...Object.keys(integers).map((name) => `${name}: i32`),
    ...Object.keys(floats).map((name) => `${name}: f32`),
  ];
  if (fields.length > 0) {
    declarations.push(
      `struct Uniforms { ${fields.join(', ')} }`,
      `@group(0) @binding(${tensors.length}) var<uniform> u: Uniforms;`,
    );
  }
  const source = [enable, ...declarations, code].join('\n');
  backend.pipelineCache[source] ??= compile(backend.device, source);
  const pipeline = backend.pipelineCache[source];

  const entries: GPUBindGroupEntry[] = tensors.map(([name, { dataId }], binding) => {
    backend.uploadToGPU(dataId);
    const data = backend.tensorMap.get(dataId);
    if (name in write) data.values = null; // A copy on the host would be stale.
    backend.commandQueueOwnedIds.add(dataId);
    return { binding, resource: { buffer: data.resource } };
  });
  if (fields.length > 0) {
    entries.push({ binding: tensors.length, resource: { buffer: uniformBuffer(backend, integers, floats) } });
  }

  const bindGroup = backend.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= backend.commandEncoder.beginComputePass();
  const pass = backend.computePassEncoder;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(workgroups[0], workgroups[1] ?? 1, workgroups[2] ?? 1);
  backend.dispatchCountInPass += 1;
  if (backend.dispatchCountInPass >= DISPATCHES_PER_SUBMIT) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
}

function compile(device: GPUDevice, code: string): GPUComputePipeline {
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
  return device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
}

/** A uniform buffer: i32 fields, then f32 fields, 4 bytes each; freed with the queue's other uniforms. */
function uniformBuffer(
  backend: BackendInternals,
  integers: Readonly<Record<string, number>>,
  floats: Readonly<Record<string, number>>,
): GPUBuffer {
  const whole = Object.values(integers);
  const real = Object.values(floats);
  const bytes = new ArrayBuffer(Math.ceil(((whole.length + real.length) * 4) / 16) * 16);
  new Int32Array(bytes).set(whole);
  new Float32Array(bytes).set(real, whole.length);
  const buffer = backend.bufferManager.acquireBuffer(
    bytes.byteLength,
    GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM,
  );
  backend.device.queue.writeBuffer(buffer, 0, bytes);
  backend.uniformPendingDisposal.push(buffer);
  return buffer;
}
