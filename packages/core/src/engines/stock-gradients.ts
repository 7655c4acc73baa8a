/**
 * Gradients of TensorFlow.js 4.22 that are wrong, replaced on every engine: `Cumsum` (transposed off the last axis),
 * `BatchMatMul` (of the wrong shape when batches are broadcast), `Unpack` and `SplitV` (`tf.unstack`,
 * `tf.split`; they throw for a single piece, a sequence of one token).
 */
import * as tf from '../tf.js';

/** Replaces the gradients; called when an engine is started. */
export function repairStockGradients(): void {
  tf.unregisterGradient('Cumsum');
  tf.registerGradient({
    kernelName: 'Cumsum',
    gradFunc: (dy, _saved, attrs) => {
      const { axis, exclusive, reverse } = attrs as unknown as { axis: number; exclusive: boolean; reverse: boolean };
      return { x: () => tf.cumsum(dy as tf.Tensor, axis, exclusive, !reverse) };
    },
  });
  tf.unregisterGradient('BatchMatMul');
  tf.registerGradient({
    kernelName: 'BatchMatMul',
    inputsToSave: ['a', 'b'],
    gradFunc: (dyOrDys, saved, attrs) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      const dy = dyOrDys as tf.Tensor;
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      return {
        a: () => summedTo(a, transposeA ? tf.matMul(b, dy, transposeB, true) : tf.matMul(dy, b, false, !transposeB)),
        b: () => summedTo(b, transposeB ? tf.matMul(dy, a, true, transposeA) : tf.matMul(a, dy, !transposeA, false)),
      };
    },
  });
  tf.unregisterGradient('Unpack');
  tf.registerGradient({
    kernelName: 'Unpack',
    gradFunc: (dy, _saved, attrs) => {
      const { axis } = attrs as unknown as { axis: number };
      return { value: () => tf.stack(listOf(dy), axis) };
    },
  });
  tf.unregisterGradient('SplitV');
  tf.registerGradient({
    kernelName: 'SplitV',
    gradFunc: (dy, _saved, attrs) => {
      const { axis } = attrs as unknown as { axis: number };
      return { x: () => tf.concat(listOf(dy), axis) };
    },
  });
}

/** The gradients of all outputs; that of a single one comes bare. */
function listOf(dy: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  return Array.isArray(dy) ? dy : [dy];
}

/** The gradient of an operand that was broadcast along batch axes: its copies' gradients summed. */
function summedTo(operand: tf.Tensor, gradient: tf.Tensor): tf.Tensor {
  if (tf.util.arraysEqual(operand.shape, gradient.shape)) return gradient;
  const axes = tf.broadcast_util.getReductionAxes(operand.shape, gradient.shape);
  return tf.reshape(tf.sum(gradient, axes), operand.shape);
}
