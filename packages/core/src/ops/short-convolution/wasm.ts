/** Causal short convolution and its gradient on the wasm engine. */
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';

export type FilterShape = 'perHead' | 'perChannel' | 'headMixing';
export type Attrs = { shape: FilterShape };
export type Inputs = { x: tf.Tensor; filter: tf.Tensor; bias: tf.Tensor | undefined };
export type GradInputs = Inputs & { dy: tf.Tensor };
/** Without a bias, `dBias` is empty. */
export type GradOutputs = { dx: tf.Tensor; dFilter: tf.Tensor; dBias: tf.Tensor };

/** The batch is divided into this many blocks at most, each with its partial sums. */
const MOST_BLOCKS = 32;

export const shortConvolutionKernel: WasmKernel<Inputs, Attrs, { y: tf.Tensor }> = {
  code,
  run(wasm, { x, filter, bias }, { shape }) {
    const y = wasm.output(x.shape as never) as tf.Tensor;
    run(wasm, x, filter, bias, y, shape, 1);
    return { y };
  },
};

export const shortConvolutionGradKernel: WasmKernel<GradInputs, Attrs, GradOutputs> = {
  code,
  run(wasm, { x, filter, bias, dy }, { shape }) {
    const [batch, length, d] = x.shape as [number, number, number];
    const dx = wasm.output(x.shape as never) as tf.Tensor;
    const dFilter = wasm.output(filter.shape as never) as tf.Tensor;
    const dBias = wasm.output([bias ? d : 0]);
    run(wasm, dy, filter, undefined, dx, shape, -1);

    const blocks = Math.min(MOST_BLOCKS, batch);
    const [xAt, dyAt, to] = [wasm.pointer(x), wasm.pointer(dy), wasm.pointer(dFilter)];
    if (shape === 'headMixing') {
      const [taps, heads] = filter.shape as [number, number];
      const partials = wasm.scratch(4 * blocks * filter.size);
      wasm.parallel('mixingGrad', blocks, xAt, dyAt, partials, batch, length, d, heads, taps, blocks);
      wasm.parallel('sumBlocks', filter.size, partials, blocks, filter.size, to);
    } else {
      const [filters, taps] = filter.shape as [number, number];
      const size = taps * d;
      const partials = wasm.scratch(4 * (blocks + 1) * size);
      const total = partials + 4 * blocks * size;
      wasm.parallel('tapsGrad', blocks, xAt, dyAt, partials, batch, length, d, taps, blocks);
      wasm.parallel('sumBlocks', size, partials, blocks, size, total);
      wasm.call('contractTaps', total, to, d, taps, d / filters);
    }
    if (bias) {
      const partials = wasm.scratch(4 * blocks * d);
      wasm.parallel('rowSums', blocks, dyAt, partials, batch * length, d, blocks);
      wasm.parallel('sumBlocks', d, partials, blocks, d, wasm.pointer(dBias));
    }
    return { dx, dFilter, dBias };
  },
};

export type StepInputs = Inputs & { cache: tf.Tensor };
export type StepOutputs = { y: tf.Tensor; next: tf.Tensor };

/** One token: x [B, d], cache [B, W - 1, d]. */
export const shortConvolutionStepKernel: WasmKernel<StepInputs, Attrs, StepOutputs> = {
  code,
  run(wasm, { x, cache, filter, bias }, { shape }) {
    const [batch, d] = x.shape as [number, number];
    const taps = (cache.shape[1] as number) + 1;
    const y = wasm.output([batch, d]) as tf.Tensor;
    const next = wasm.output(cache.shape as never) as tf.Tensor;
    const window = wasm.scratch(4 * batch * taps * d);
    wasm.call('shiftWindow', wasm.pointer(cache), wasm.pointer(x), window, wasm.pointer(next), batch, d, taps);
    convolve(wasm, { at: window, shape: [batch, taps, d] }, filter, bias, wasm.pointer(y), shape, 1, taps - 1);
    return { y, next };
  },
};

function run(
  wasm: WasmCall,
  x: tf.Tensor,
  filter: tf.Tensor,
  bias: tf.Tensor | undefined,
  y: tf.Tensor,
  shape: FilterShape,
  direction: 1 | -1,
): void {
  const sequences = { at: wasm.pointer(x), shape: x.shape as [number, number, number] };
  convolve(wasm, sequences, filter, bias, wasm.pointer(y), shape, direction, 0);
}

/**
 * Convolves sequences into memory at `y`; direction -1 runs against time, which is the gradient with respect to them.
 * The first `skip` tokens of each have no output.
 */
function convolve(
  wasm: WasmCall,
  x: { readonly at: number; readonly shape: readonly [number, number, number] },
  filter: tf.Tensor,
  bias: tf.Tensor | undefined,
  y: number,
  shape: FilterShape,
  direction: 1 | -1,
  skip: number,
): void {
  const [batch, length, d] = x.shape;
  const biasAt = bias ? wasm.pointer(bias) : 0;
  if (shape === 'headMixing') {
    const [taps, heads] = filter.shape as [number, number];
    wasm.parallel('mixHeads', batch, x.at, wasm.pointer(filter), biasAt, y, length, d, heads, taps, direction, skip);
    return;
  }
  const [filters, taps] = filter.shape as [number, number];
  const expanded = wasm.scratch(4 * taps * d);
  wasm.call('expandFilter', wasm.pointer(filter), expanded, d, taps, d / filters);
  wasm.parallel('convolve', batch, x.at, expanded, biasAt, y, length, d, taps, direction, skip);
}
