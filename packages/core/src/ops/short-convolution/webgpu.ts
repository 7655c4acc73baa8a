/** Causal short convolution and its gradient on the webgpu engine. */
import { EACH_ELEMENT, forEachElement } from '../../engines/webgpu/elementwise.js';
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { sumPartials } from '../../engines/webgpu/reduce.js';
import { eachLine, workgroupReductions } from '../../engines/webgpu/workgroup.js';
import type * as tf from '../../tf.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import { filterSizes } from './reference.js';
import type { Attrs, FilterShape, Inputs, Outputs } from './types.js';

/** Tokens are divided into this many blocks at most, each with its partial sums. */
const MOST_BLOCKS = 256;
const THREADS = 64;

export const shortConvolution: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x, filter, bias }, { shape }) {
    const y = gpu.output(x.shape);
    convolve(gpu, x, filter, bias, y, shape, 1);
    return { y };
  },
};

export const shortConvolutionGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, filter, bias, dY }, { shape }) {
    const dX = gpu.output(x.shape);
    const dFilter = gpu.output(filter.shape);
    const dBias = bias && gpu.output(bias.shape);
    convolve(gpu, dY, filter, undefined, dX, shape, -1);
    filterGradient(gpu, x, dY, shape, dFilter, dBias);
    return { x: dX, filter: dFilter, bias: dBias };
  },
};

/** Convolves x into y; direction -1 runs against time, which is the gradient with respect to x. */
function convolve(
  gpu: WebgpuCall,
  x: tf.Tensor3D,
  taps: tf.Tensor,
  bias: tf.Tensor | undefined,
  y: tf.Tensor,
  shape: FilterShape,
  direction: 1 | -1,
): void {
  const [, length, d] = x.shape;
  const mixing = shape === 'headMixing';
  const { taps: width, heads } = filterSizes(taps, shape);
  // x is read at the same column, or at the same column of every head.
  const tap = mixing
    ? `for (var g = 0; g < u.heads; g++) {
      sum += taps[(w * u.heads + ${direction === 1 ? 'g' : 'head'}) * u.heads + ${direction === 1 ? 'head' : 'g'}] * x[at + g * u.headDim + j];
    }`
    : 'sum += taps[head * u.width + w] * x[at + c];';
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  let c = i % u.d;
  let t = (i / u.d) % u.length;
  let head = c / u.headDim;
  ${mixing ? 'let j = c % u.headDim;' : ''}
  var sum = ${bias ? 'bias[c]' : '0.0'};
  for (var w = 0; w < u.width; w++) {
    let s = t - w * u.direction;
    if (s < 0 || s >= u.length) { break; }
    let at = i - c - w * u.direction * u.d;
    ${tap}
  }
  y[i] = sum;
}`,
    read: { x, taps, ...(bias && { bias }) },
    write: { y },
    integers: { size: y.size, length, d, heads, headDim: d / heads, width, direction },
    workgroups: forEachElement(gpu, y.size),
  });
}

/** Products of dY and x by delay, summed over blocks of tokens, then over blocks and over the columns of a filter. */
function filterGradient(
  gpu: WebgpuCall,
  x: tf.Tensor3D,
  dY: tf.Tensor,
  shape: FilterShape,
  dFilter: tf.Tensor,
  dBias: tf.Tensor | undefined,
): void {
  const [batch, length, d] = x.shape;
  const mixing = shape === 'headMixing';
  const { taps: width, heads } = filterSizes(dFilter, shape);
  const headDim = d / heads;
  const rows = batch * length;
  const blocks = Math.max(1, Math.min(MOST_BLOCKS, rows >> 3));
  const perBlock = Math.ceil(rows / blocks);
  // Partial sums of a block: [W, H, H], or [W + 1, d], the last row of which is the bias's.
  const sumsPerBlock = mixing ? dFilter.size + d : (width + 1) * d;
  const partials = gpu.scratch([blocks, sumsPerBlock]);
  gpu.dispatch({
    code: `
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let i = i32(id.x);
  if (i >= u.sums) { return; }
  let first = i32(group.y) * u.perBlock;
  let last = min(u.rows, first + u.perBlock);
  var sum = 0.0;
  if (i >= u.sums - u.d) {
    let c = i - (u.sums - u.d);
    for (var row = first; row < last; row++) { sum += dY[row * u.d + c]; }
  } else {
    ${
      mixing
        ? `let w = i / (u.heads * u.heads);
    let source = ((i / u.heads) % u.heads) * u.headDim;
    let to = (i % u.heads) * u.headDim;`
        : `let w = i / u.d;
    let c = i % u.d;`
    }
    for (var row = first; row < last; row++) {
      if (row % u.length < w) { continue; }
      ${
        mixing
          ? 'for (var j = 0; j < u.headDim; j++) { sum += dY[row * u.d + to + j] * x[(row - w) * u.d + source + j]; }'
          : 'sum += dY[row * u.d + c] * x[(row - w) * u.d + c];'
      }
    }
  }
  partials[i32(group.y) * u.sums + i] = sum;
}`,
    read: { x, dY },
    write: { partials },
    integers: { sums: sumsPerBlock, d, rows, perBlock, length, heads, headDim },
    workgroups: [Math.ceil(sumsPerBlock / THREADS), blocks],
  });
  if (mixing) sumPartials(gpu, partials, dFilter, { count: blocks, size: dFilter.size, stride: sumsPerBlock });
  else {
    gpu.dispatch({
      code: `${workgroupReductions(gpu, THREADS, ['total'])}${eachLine(THREADS)}
  let base = (line % u.width) * u.d + (line / u.width) * u.headDim;
  var share = 0.0;
  for (var e = local; e < u.blocks * u.headDim; e += ${THREADS}) {
    share += partials[(e / u.headDim) * u.sums + base + e % u.headDim];
  }
  let sum = total(share, local);
  if (local == 0) { dFilter[line] = sum; }
}`,
      read: { partials },
      write: { dFilter },
      integers: { lines: dFilter.size, sums: sumsPerBlock, d, width, headDim, blocks },
      workgroups: gpu.grid(dFilter.size),
    });
  }
  if (dBias)
    sumPartials(gpu, partials, dBias, { count: blocks, size: d, stride: sumsPerBlock, offset: sumsPerBlock - d });
}
