/**
 * Raw TensorFlow operations on the tensorflow engine: for `kernels.tensorflow` of an op, where TensorFlow has a fused
 * operation that TensorFlow.js does not expose.
 */
import { EngineError } from '../errors.js';
import * as tf from '../tf.js';

/** An attribute of an operation: a number type by the name TensorFlow.js gives it, an integer, a float or a flag. */
export type TensorflowAttr =
  | { readonly type: 'float32' | 'int32' | 'bool' }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean };

interface NodeBackend {
  readonly binding: Readonly<Record<string, number>>;
  executeMultipleOutputs(
    name: string,
    attrs: { name: string; type: number; value: number | boolean }[],
    inputs: readonly tf.Tensor[],
    outputCount: number,
  ): tf.Tensor[];
}

const NUMBER_TYPES = { float32: 'TF_FLOAT', int32: 'TF_INT32', bool: 'TF_BOOL' } as const;

/**
 * Runs an operation of TensorFlow's registry, e.g. `SparseSoftmaxCrossEntropyWithLogits`. It is not recorded for
 * gradients: call it from a kernel, whose intermediate tensors are freed for it.
 *
 * @returns its outputs, in TensorFlow's order.
 * @throws EngineError on another engine; Error of TensorFlow for inputs the operation refuses.
 */
export function tensorflowOp(
  name: string,
  inputs: readonly tf.Tensor[],
  outputCount: number,
  attrs: Readonly<Record<string, TensorflowAttr>> = {},
): tf.Tensor[] {
  const backend = tf.backend() as unknown as NodeBackend;
  if (tf.getBackend() !== 'tensorflow') {
    throw new EngineError(`tensorflowOp: expected the tensorflow engine, got ${tf.getBackend()}.`);
  }
  const { binding } = backend;
  const encode = (attr: TensorflowAttr): { type: string; value: number | boolean } => {
    if ('type' in attr) return { type: 'TF_ATTR_TYPE', value: binding[NUMBER_TYPES[attr.type]] as number };
    if ('int' in attr) return { type: 'TF_ATTR_INT', value: attr.int };
    if ('float' in attr) return { type: 'TF_ATTR_FLOAT', value: attr.float };
    return { type: 'TF_ATTR_BOOL', value: attr.bool };
  };
  const encoded = Object.entries(attrs).map(([attrName, attr]) => {
    const { type, value } = encode(attr);
    return { name: attrName, type: binding[type] as number, value };
  });
  return backend.executeMultipleOutputs(name, encoded, inputs, outputCount);
}
