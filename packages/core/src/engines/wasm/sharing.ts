/** Tensors on one memory. */
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '../../tf.js';

/** A tensor that shares the memory of another; it is freed with the last of them. */
export function sharing<T extends tf.Tensor>(x: T): T {
  (tf.backend() as BackendWasm).incRef(x.dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype }) as T;
}
