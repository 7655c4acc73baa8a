/**
 * What of the stock tensorflow backend (TensorFlow.js 4.22) costs more than it must, replaced by ours:
 *
 * - Axes, shapes and permutations, which it hands to TensorFlow as fresh tensors each time. Ours are kept.
 * - `Mean` casts what is a float already.
 * - Saving tensors for gradients, which takes a kernel for each. The memory is shared.
 */
import * as tf from '../../tf.js';
import { tensorflowValue } from './op.js';

/** Their input, by the name that the kernel has for it. */
type Inputs = { readonly x: tf.Tensor; readonly input: tf.Tensor };

/** Replaces the kernels; called when the tensorflow engine is opened. */
export function replaceStockKernels(): void {
  replace('Reshape', ({ x }: Inputs, { shape }: { shape: number[] }) =>
    tensorflowValue('Reshape', [x, { ints: shape }]),
  );
  replace('ExpandDims', ({ input }: Inputs, { dim }: { dim: number }) =>
    tensorflowValue('ExpandDims', [input, { int: dim }]),
  );
  replace('Transpose', ({ x }: Inputs, { perm }: { perm: number[] }) =>
    tensorflowValue('Transpose', [x, { ints: perm }]),
  );
  replace('Tile', ({ x }: Inputs, { reps }: { reps: number[] }) => tensorflowValue('Tile', [x, { ints: reps }]));
  replace('Slice', ({ x }: Inputs, { begin, size }: { begin: number[]; size: number[] }) => {
    const [from, count] = tf.slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
    return tensorflowValue('Slice', [x, { ints: from }, { ints: count }]);
  });
  replace('Sum', ({ x }: Inputs, { axis, keepDims }: { axis: number | number[]; keepDims: boolean }) =>
    reduced('Sum', x, axis, keepDims),
  );
  replace('Mean', ({ x }: Inputs, { axis, keepDims }: { axis: number | number[]; keepDims: boolean }) =>
    reduced('Mean', x.dtype === 'float32' ? x : tf.cast(x, 'float32'), axis, keepDims),
  );
  replace('Max', ({ x }: Inputs, attrs: { reductionIndices: number | number[]; keepDims: boolean }) =>
    reduced('Max', x, attrs.reductionIndices, attrs.keepDims),
  );
  const engine = tf.engine() as unknown as { saveTensorsForBackwardMode(tensors: tf.Tensor[]): tf.Tensor[] };
  engine.saveTensorsForBackwardMode = (tensors) => tensors.map((tensor) => tf.keep(shared(tensor)));
}

function reduced(name: string, x: tf.Tensor, axis: number | number[], keepDims: boolean): tf.Tensor {
  const ints = tf.util.parseAxisParam(axis, x.shape);
  return tensorflowValue(name, [x, { ints }], { keep_dims: { bool: keepDims ?? false } });
}

/** A tensor that shares the memory of another; it is freed with the last of them. */
function shared({ dataId, shape, dtype }: tf.Tensor): tf.Tensor {
  tf.engine().backend.incRef(dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype });
}

function replace<A>(kernelName: string, kernel: (inputs: Inputs, attrs: A) => tf.Tensor): void {
  if (tf.getKernel(kernelName, 'tensorflow')) tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => kernel(inputs as unknown as Inputs, attrs as unknown as A),
  });
}
