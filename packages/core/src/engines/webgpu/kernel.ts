/**
 * Kernels of the webgpu engine: WGSL compute shaders of our own that work on the buffers of the TensorFlow.js backend.
 *
 * Bindings and uniforms are declared for the shader from the names given to `dispatch`; what is compiled is kept by the
 * shader's text, so any constant baked into it is part of the key by itself.
 */
import type { NamedTensors, OpAttrs } from '../../ops/op-types.js';
import * as tf from '../../tf.js';
import { hostValues, record, webgpuBackend } from './dispatch.js';

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

const MAX_WORKGROUPS = 65535;

/** Runs a kernel of an op. */
export function runWebgpuKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WebgpuKernel<I, A, O>,
  inputs: I,
  attrs: A,
): O {
  const backend = webgpuBackend();
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
    hostValues,
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

/**
 * A shader's text by its variant, made once: looking up what was compiled from it then takes no time.
 * @param build - of plain data alone.
 */
export function shaderText<V>(build: (variant: V) => string): (variant: V) => string {
  const texts = new Map<string, string>();
  return (variant) => {
    const key = JSON.stringify(variant);
    let text = texts.get(key);
    if (text === undefined) {
      text = build(variant);
      texts.set(key, text);
    }
    return text;
  };
}
