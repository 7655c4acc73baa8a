/** Causal short convolution and its gradient on the wasm engine. */
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import { code } from './kernel.generated.js';
import { filterSizes } from './reference.js';
import type { Attrs, FilterShape, Inputs, Outputs, StepInputs, StepOutputs } from './types.js';

/** The batch is divided into this many blocks at most, each with its partial sums. */
const MOST_BLOCKS = 32;
/** Directions of `convolve` and `mixHeads`; against time it is the gradient with respect to x. */
const [FORWARDS, BACKWARDS] = [1, -1];

export const shortConvolution: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, filter, bias }, { shape }) {
    const y = wasm.output(x.shape);
    convolve(wasm, { at: wasm.pointer(x), shape: x.shape }, { filter, bias }, wasm.pointer(y), shape);
    return { y };
  },
};

export const shortConvolutionGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, filter, bias, dY }, { shape }) {
    const [batch, length, d] = x.shape;
    const dX = wasm.output(x.shape);
    const dFilter = wasm.output(filter.shape);
    const dBias = bias && wasm.output(bias.shape);
    const { taps, heads } = filterSizes(filter, shape);
    const blocks = Math.min(MOST_BLOCKS, batch);
    const [xAt, dYAt] = [wasm.pointer(x), wasm.pointer(dY)];
    const [dXAt, to] = [wasm.pointer(dX), wasm.pointer(dFilter)];
    if (shape === 'headMixing') {
      const filterAt = wasm.pointer(filter);
      const mixing = [batch, length, d, heads, taps] as const;
      if (!wasm.native('shortConvolutionGradient', ...mixing, xAt, dYAt, filterAt, dXAt, to)) {
        wasm.parallel('mixHeads', batch, dYAt, filterAt, 0, dXAt, length, d, heads, taps, BACKWARDS, 0);
        const partials = wasm.scratch(4 * blocks * filter.size);
        wasm.parallel('mixingGradient', blocks, xAt, dYAt, partials, batch, length, d, heads, taps, blocks);
        wasm.parallel('sumBlocks', filter.size, partials, blocks, filter.size, to);
      }
    } else {
      const size = taps * d;
      const [expanded, total] = [wasm.scratch(4 * size), wasm.scratch(4 * size)];
      wasm.call('expandFilter', wasm.pointer(filter), expanded, d, taps, d / heads);
      if (!wasm.native('shortConvolutionGradient', batch, length, d, 0, taps, xAt, dYAt, expanded, dXAt, total)) {
        wasm.parallel('convolve', batch, dYAt, expanded, 0, dXAt, length, d, taps, BACKWARDS, 0);
        const partials = wasm.scratch(4 * blocks * size);
        wasm.parallel('tapsGradient', blocks, xAt, dYAt, partials, batch, length, d, taps, blocks);
        wasm.parallel('sumBlocks', size, partials, blocks, size, total);
      }
      wasm.call('contractTaps', total, to, d, taps, d / heads);
    }
    if (dBias) {
      const partials = wasm.scratch(4 * blocks * d);
      wasm.parallel('rowSums', blocks, dYAt, partials, batch * length, d, blocks);
      wasm.parallel('sumBlocks', d, partials, blocks, d, wasm.pointer(dBias));
    }
    return { x: dX, filter: dFilter, bias: dBias };
  },
};

/** One token: x [B, d], cache [B, W - 1, d]. */
export const shortConvolutionStep: WasmKernel<StepInputs, Attrs, StepOutputs> = {
  code,
  run(wasm, { x, cache, filter, bias }, { shape }) {
    const [batch, d] = x.shape;
    const taps = cache.shape[1] + 1;
    const y = wasm.output([batch, d]);
    const next = wasm.output(cache.shape);
    const window = wasm.scratch(4 * batch * taps * d);
    wasm.call('shiftWindow', wasm.pointer(cache), wasm.pointer(x), window, wasm.pointer(next), batch, d, taps);
    convolve(wasm, { at: window, shape: [batch, taps, d] }, { filter, bias }, wasm.pointer(y), shape, taps - 1);
    return { y, next };
  },
};

/** Convolves sequences into memory at `y`. The first `skip` tokens of each have no output. */
function convolve(
  wasm: WasmCall,
  x: { readonly at: number; readonly shape: readonly [number, number, number] },
  { filter, bias }: Pick<Inputs, 'filter' | 'bias'>,
  y: number,
  shape: FilterShape,
  skip = 0,
): void {
  const [batch, length, d] = x.shape;
  const { taps, heads } = filterSizes(filter, shape);
  const biasAt = bias ? wasm.pointer(bias) : 0;
  /** A step of a generation is too little to offer. */
  const done = (mixed: number, tapsAt: number) =>
    skip === 0 && wasm.native('shortConvolution', batch, length, d, mixed, taps, x.at, tapsAt, biasAt, y);
  if (shape === 'headMixing') {
    const filterAt = wasm.pointer(filter);
    if (done(heads, filterAt)) return;
    wasm.parallel('mixHeads', batch, x.at, filterAt, biasAt, y, length, d, heads, taps, FORWARDS, skip);
    return;
  }
  const expanded = wasm.scratch(4 * taps * d);
  wasm.call('expandFilter', wasm.pointer(filter), expanded, d, taps, d / heads);
  if (done(0, expanded)) return;
  wasm.parallel('convolve', batch, x.at, expanded, biasAt, y, length, d, taps, FORWARDS, skip);
}
