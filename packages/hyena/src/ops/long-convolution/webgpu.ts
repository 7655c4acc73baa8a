/**
 * The long convolution on the webgpu engine, direct: a thread owns four tokens of a column, and keeps the filter's last three taps
 * from one input to the next, so that two numbers are read for four products.
 *
 * Fourier transforms that fit a workgroup's memory end at 1,024 tokens, and longer ones take a pass over all data for every
 * stage; up to a few thousand tokens the products are cheaper.
 */
import type { tf } from '@mixerzoo/core';
import {
  EACH_ELEMENT,
  forEachElement,
  type GradientInputs,
  type Gradients,
  sumPartials,
  type WebgpuCall,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Tokens of a thread: the length of a vector. */
const PER_THREAD = 4;

export const longConvolution: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x, filter }) {
    const y = gpu.output(x.shape);
    convolve(gpu, { x, filter, y }, { turned: false });
    return { y };
  },
};

export const longConvolutionGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, filter, dY }) {
    const [batch] = x.shape;
    const [dX, dFilter] = [gpu.output(x.shape), gpu.output(filter.shape)];
    convolve(gpu, { x: dY, filter, y: dX }, { turned: true });
    const partials = gpu.scratch(x.shape); // of every sequence
    convolve(gpu, { x: dY, filter: x, y: partials }, { turned: true });
    sumPartials(gpu, partials, dFilter, { count: batch, size: filter.size });
    return { x: dX, filter: dFilter };
  },
};

/**
 * y_t = sum_{s <= t} x_s filter_{t - s}; `turned`: of x against time, and y is written against it, which makes a correlation of it. A
 * filter [L, d] is that of all sequences, [B, L, d] has one for each.
 */
function convolve(
  gpu: WebgpuCall,
  { x, filter, y }: { x: tf.Tensor3D; filter: tf.Tensor2D | tf.Tensor3D; y: tf.Tensor3D },
  { turned }: { readonly turned: boolean },
): void {
  const [batch, length, width] = x.shape;
  const groups = Math.ceil(length / PER_THREAD);
  const size = batch * groups * width;
  const order = turned ? { first: length - 1, step: -1 } : { first: 0, step: 1 };
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  let column = i % u.width;
  let t = i / u.width % u.groups * ${PER_THREAD};
  let sequence = i / (u.width * u.groups) * u.length;
  let own = ${filter.rank === 3 ? 'sequence * u.width + column' : 'column'};
  var window = vec4f(0.0, tapAt(own, t + 1), tapAt(own, t + 2), tapAt(own, t + 3));
  var sum = vec4f(0.0);
  for (var s = 0; s < min(u.length, t + ${PER_THREAD}); s++) {
    window.x = tapAt(own, t - s);
    sum += x[(sequence + u.first + s * u.step) * u.width + column] * window;
    window = window.xxyz;
  }
  for (var r = 0; r < min(${PER_THREAD}, u.length - t); r++) {
    y[(sequence + u.first + (t + r) * u.step) * u.width + column] = sum[r];
  }
}
fn tapAt(own: i32, delay: i32) -> f32 {
  if (delay < 0 || delay >= u.length) { return 0.0; }
  return taps[own + delay * u.width];
}`,
    read: { x, taps: filter }, // `filter` is a reserved word of WGSL
    write: { y },
    integers: { size, length, width, groups, ...order },
    workgroups: forEachElement(gpu, size),
  });
}
