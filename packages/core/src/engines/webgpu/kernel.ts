/**
 * Kernels of the webgpu engine: WGSL compute shaders of our own that work on the buffers of the TensorFlow.js backend.
 *
 * Bindings and uniforms are declared for the shader from the names given to `dispatch`; what is compiled is kept by the
 * shader's text, so any constant baked into it is part of the key by itself.
 */
import type { TensorOf } from '../../dims.js';
import type { NamedTensors, OpAttrs } from '../../ops/op-types.js';
import * as tf from '../../tf.js';
import { hostValues, record, type WebgpuDispatch, webgpuBackend } from './dispatch.js';
import { hasSubgroups } from './subgroups.js';

/** A fast kernel of an op on the webgpu engine. */
export interface WebgpuKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  /** Allocates outputs, dispatches shaders, returns the outputs. */
  run(gpu: WebgpuCall, inputs: I, attrs: A): O;
}

/** What a kernel's `run` works with. */
export interface WebgpuCall {
  readonly device: GPUDevice;
  /** Whether shaders may use subgroups. */
  readonly subgroups: boolean;
  /** A new tensor, not zeroed. */
  output<const S extends readonly number[]>(shape: S, dtype?: 'float32' | 'int32'): TensorOf<S>;
  /** A new tensor that is freed when `run` returns. */
  scratch<const S extends readonly number[]>(shape: S, dtype?: 'float32' | 'int32'): TensorOf<S>;
  /** Records a dispatch; one of no workgroups is left out. */
  dispatch(dispatch: WebgpuDispatch): void;
  /** The elements of a tensor that has not left the host yet; undefined once it is on the device. */
  hostValues(tensor: tf.Tensor): ArrayLike<number> | undefined;
  /** Workgroups in x and y for `count` of them or a few more; a shader's index is `group.y * groups.x + group.x`. */
  grid(count: number): readonly [number, number];
}

/** Runs a kernel of an op. */
export function runWebgpuKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WebgpuKernel<I, A, O>,
  inputs: I,
  attrs: A,
): O {
  const backend = webgpuBackend();
  const outputs: tf.Tensor[] = [];
  const scratch: tf.Tensor[] = [];
  const allocate =
    (kept: tf.Tensor[]): WebgpuCall['output'] =>
    (shape: readonly number[], dtype: 'float32' | 'int32' = 'float32') => {
      const tensor = tf.engine().makeTensorFromTensorInfo(backend.makeTensorInfo([...shape], dtype));
      kept.push(tensor);
      return tensor as never;
    };
  const call: WebgpuCall = {
    device: backend.device,
    subgroups: hasSubgroups(backend.device),
    output: allocate(outputs),
    scratch: allocate(scratch),
    dispatch(dispatch) {
      if (dispatch.workgroups.every((count) => count !== 0)) record(backend, dispatch);
    },
    hostValues,
    grid: (count) => gridOf(count),
  };
  try {
    return kernel.run(call, inputs, attrs);
  } catch (error) {
    tf.dispose(outputs);
    throw error;
  } finally {
    tf.dispose(scratch);
  }
}

/** What a dispatch has in a dimension, at most; every device allows it. */
const MOST_WORKGROUPS = 65535;

/** The fewest rows of workgroups, of one length, that hold `count`. */
export function gridOf(count: number, most = MOST_WORKGROUPS): readonly [number, number] {
  const rows = Math.max(1, Math.ceil(count / most));
  return [Math.ceil(count / rows), rows];
}

/**
 * A shader, or its text, by its variant, made once: looking up what was compiled from it then takes no time.
 * @param build - of plain data alone.
 */
export function shaderText<V, T = string>(build: (variant: V) => T): (variant: V) => T {
  const built = new Map<string, T>();
  return (variant) => {
    const key = JSON.stringify(variant);
    let shader = built.get(key);
    if (shader === undefined) {
      shader = build(variant);
      built.set(key, shader);
    }
    return shader;
  };
}
