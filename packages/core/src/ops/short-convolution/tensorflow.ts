/**
 * Causal short convolution and its gradient on the tensorflow engine, by TensorFlow's convolutions.
 *
 * These correlate, and their filters are laid out for images: [W, 1, channels, ...], a tap's index rising with time. One
 * gather by an index table turns the taps round and repeats a head's filter for its channels; the gradient goes back
 * by the segment sum over the same table.
 */
import { tensorflowValue as run, type TensorflowAttrs } from '../../engines/tensorflow/op.js';
import * as tf from '../../tf.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import { filterSizes } from './reference.js';
import type { Attrs, FilterShape, Inputs, Outputs } from './types.js';

export function shortConvolution({ x, filter, bias }: Inputs, { shape }: Attrs): Outputs {
  const layout = layoutOf(x, filter, shape);
  const y = layout.leave(run(layout.operation, [layout.enter(x), taps(filter, layout.index)], layout.attrs));
  return { y: bias ? run('BiasAdd', [y, bias]) : y };
}

export function shortConvolutionGradient(
  { x, filter, bias, dY }: GradientInputs<Inputs, Outputs>,
  { shape }: Attrs,
): Gradients<Inputs> {
  const { operation, attrs, enter, leave, imageShape, index } = layoutOf(x, filter, shape);
  const dImage = enter(dY);
  const dX = run(`${operation}BackpropInput`, [{ ints: imageShape }, taps(filter, index), dImage], attrs);
  const dTaps = run(`${operation}BackpropFilter`, [enter(x), { ints: index.shape }, dImage], attrs);
  const dFilter = run('UnsortedSegmentSum', [dTaps, index, { int: filter.size }]);
  return {
    x: leave(dX),
    filter: run('Reshape', [dFilter, { ints: filter.shape }]),
    bias: bias && run('BiasAddGrad', [dY]),
  };
}

/** The filter as TensorFlow's convolutions take it. */
function taps(filter: tf.Tensor, index: tf.Tensor): tf.Tensor {
  return run('GatherV2', [run('Reshape', [filter, { ints: [-1] }]), index, { int: 0 }]);
}

/** How x is an image of height L, and the filter one of height W. */
interface Layout {
  readonly operation: 'DepthwiseConv2dNative' | 'Conv2D';
  readonly attrs: TensorflowAttrs;
  readonly imageShape: readonly number[];
  /** [B, L, d] to the image and back. */
  enter(x: tf.Tensor): tf.Tensor;
  leave(image: tf.Tensor): tf.Tensor3D;
  /** int32, of the shape of the filter in TensorFlow: for each of its elements the place in ours. */
  readonly index: tf.Tensor;
}

function layoutOf(x: tf.Tensor3D, filter: tf.Tensor, shape: FilterShape): Layout {
  const [batch, length, width] = x.shape;
  const { taps: W, heads: H } = filterSizes(filter, shape);
  const attrs: TensorflowAttrs = {
    strides: { int: [1, 1, 1, 1] },
    padding: { string: 'EXPLICIT' },
    explicit_paddings: { int: [0, 0, W - 1, 0, 0, 0, 0, 0] },
  };
  const leave = (image: tf.Tensor): tf.Tensor3D => run('Reshape', [image, { ints: x.shape }]);
  if (shape !== 'headMixing') {
    const imageShape = [batch, length, 1, width];
    const channels = width / H;
    return {
      operation: 'DepthwiseConv2dNative',
      attrs,
      imageShape,
      enter: (sequence) => run('Reshape', [sequence, { ints: imageShape }]),
      leave,
      index: indices([W, 1, width, 1], (tap, channel) => Math.floor(channel / channels) * W + (W - 1 - tap)),
    };
  }
  // Heads are the channels, a head's columns the width of the image.
  const heads = [batch, length, H, width / H];
  const exchange = (image: tf.Tensor) => run('Transpose', [image, { ints: [0, 1, 3, 2] }]);
  return {
    operation: 'Conv2D',
    attrs,
    imageShape: [batch, length, width / H, H],
    enter: (sequence) => exchange(run('Reshape', [sequence, { ints: heads }])),
    leave: (image) => leave(exchange(image)),
    index: indices([W, 1, H, H], (tap, pair) => (W - 1 - tap) * H * H + pair),
  };
}

/** @param shape - [W, 1, ...]; `place` is told the tap and the rest's index. */
function indices(shape: [number, 1, number, number], place: (tap: number, rest: number) => number): tf.Tensor {
  const rest = shape[2] * shape[3];
  const values = Int32Array.from({ length: shape[0] * rest }, (_, at) => place(Math.floor(at / rest), at % rest));
  return tf.tensor4d(values, shape);
}
