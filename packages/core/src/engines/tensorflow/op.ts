/**
 * Raw TensorFlow operations on the tensorflow engine: for `kernels.tensorflow` of an op, where TensorFlow has an operation
 * that TensorFlow.js does not expose, or where the way through TensorFlow.js costs more than the operation.
 */
import { EngineError } from '../../errors.js';
import * as tf from '../../tf.js';

/**
 * What an operation takes: a tensor, or a constant that is made for it: a scalar of float32 or int32, a vector of int32
 * (a shape, axes), or the handle of a variable of that name, which holds nothing until `AssignVariableOp`.
 */
export type TensorflowInput =
  | tf.Tensor
  | { readonly float: number }
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly variable: string };

/**
 * An attribute of an operation. Types of single inputs need not be given: TensorFlow infers them. Those of a list of
 * inputs, and its length, must be.
 */
export type TensorflowAttr =
  | { readonly type: 'float32' | 'int32' | 'bool' }
  | { readonly int: number | readonly number[] }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly shape: readonly number[] };

export type TensorflowAttrs = Readonly<Record<string, TensorflowAttr>>;

type Value = number | boolean | string | readonly number[];

interface Output {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The native addon, as far as it is used here. Its other properties are TensorFlow's enumerations. */
interface Binding {
  executeOp(
    name: string,
    attrs: readonly { name: string; type: number; value: Value }[],
    inputs: readonly number[],
    outputCount: number,
  ): Output[];
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  readonly [constant: string]: unknown;
}

interface NodeBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(output: Output): tf.Tensor;
}

type Outputs<N extends number> = N extends 1
  ? [tf.Tensor]
  : N extends 2
    ? [tf.Tensor, tf.Tensor]
    : N extends 3
      ? [tf.Tensor, tf.Tensor, tf.Tensor]
      : tf.Tensor[];

const NUMBER_TYPES = { float32: 'TF_FLOAT', int32: 'TF_INT32', bool: 'TF_BOOL' } as const;

/**
 * Runs an operation of TensorFlow's registry, e.g. `SparseSoftmaxCrossEntropyWithLogits`. It is not recorded for
 * gradients: call it from a kernel, whose intermediate tensors are freed for it.
 *
 * @returns its outputs, in TensorFlow's order.
 * @throws EngineError on another engine; Error of TensorFlow for inputs the operation refuses.
 */
export function tensorflowOp<N extends number>(
  name: string,
  inputs: readonly TensorflowInput[],
  outputCount: N,
  attrs: TensorflowAttrs = {},
): Outputs<N> {
  const backend = tensorflowBackend('tensorflowOp');
  const { binding } = backend;
  const passing: number[] = [];
  forgetMany(binding);
  try {
    const ids = inputs.map((input) => {
      if (input instanceof tf.Tensor) return backend.getInputTensorIds([input])[0] as number;
      if (!('float' in input)) return keptConstant(binding, input);
      const id = binding.createTensor([], binding['TF_FLOAT'] as number, Float32Array.of(input.float));
      passing.push(id);
      return id;
    });
    const outputs = binding.executeOp(name, encodeAttrs(binding, attrs), ids, outputCount);
    return outputs.map((output) => backend.createOutputTensor(output)) as Outputs<N>;
  } finally {
    for (const id of passing) binding.deleteTensor(id);
  }
}

/** The one output of an operation, see {@link tensorflowOp}. */
export function tensorflowValue<T extends tf.Tensor>(
  name: string,
  inputs: readonly TensorflowInput[],
  attrs?: TensorflowAttrs,
): T {
  return tensorflowOp(name, inputs, 1, attrs)[0] as T;
}

/** Whether operations run on a GPU, where TensorFlow does not check indices. @throws EngineError on another engine. */
export function tensorflowUsesGpu(): boolean {
  return tensorflowBackend('tensorflowUsesGpu').isUsingGpuDevice;
}

function tensorflowBackend(where: string): NodeBackend {
  if (tf.getBackend() !== 'tensorflow') {
    throw new EngineError(`${where}: expected the tensorflow engine, got ${tf.getBackend()}.`);
  }
  return tf.backend() as unknown as NodeBackend;
}

/** Constants that come back every step, by their text; a few bytes each. */
const constants = new WeakMap<Binding, Map<string, number>>();
/** Shapes vary with the input in a long session: start over at some point. */
const MOST_CONSTANTS = 4096;

/** Between operations only: what one of them has been given has to last for it. */
function forgetMany(binding: Binding): void {
  const kept = constants.get(binding);
  if (!kept || kept.size < MOST_CONSTANTS) return;
  for (const id of kept.values()) binding.deleteTensor(id);
  kept.clear();
}

function keptConstant(
  binding: Binding,
  constant: { int: number } | { ints: readonly number[] } | { variable: string },
): number {
  const kept = constants.get(binding) ?? new Map<string, number>();
  constants.set(binding, kept);
  const key = 'int' in constant ? `${constant.int}` : 'ints' in constant ? `[${constant.ints}]` : constant.variable;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const id = makeConstant(binding, constant);
  kept.set(key, id);
  return id;
}

function makeConstant(
  binding: Binding,
  constant: { int: number } | { ints: readonly number[] } | { variable: string },
): number {
  const int32 = binding['TF_INT32'] as number;
  if ('int' in constant) return binding.createTensor([], int32, Int32Array.of(constant.int));
  if ('ints' in constant) return binding.createTensor([constant.ints.length], int32, Int32Array.from(constant.ints));
  const attrs = encodeAttrs(binding, {
    container: { string: '' },
    shared_name: { string: constant.variable },
    dtype: { type: 'float32' },
    shape: { shape: [] },
  });
  return (binding.executeOp('VarHandleOp', attrs, [], 1)[0] as Output).id;
}

function encodeAttrs(binding: Binding, attrs: TensorflowAttrs): { name: string; type: number; value: Value }[] {
  return Object.entries(attrs).map(([name, attr]) => {
    const [type, value] = encodeAttr(binding, attr);
    return { name, type: binding[type] as number, value };
  });
}

function encodeAttr(binding: Binding, attr: TensorflowAttr): [type: string, value: Value] {
  if ('type' in attr) return ['TF_ATTR_TYPE', binding[NUMBER_TYPES[attr.type]] as number];
  if ('int' in attr) return ['TF_ATTR_INT', attr.int];
  if ('float' in attr) return ['TF_ATTR_FLOAT', attr.float];
  if ('bool' in attr) return ['TF_ATTR_BOOL', attr.bool];
  if ('string' in attr) return ['TF_ATTR_STRING', attr.string];
  return ['TF_ATTR_SHAPE', attr.shape];
}
