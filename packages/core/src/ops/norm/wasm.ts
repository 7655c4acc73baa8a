/** Layer and RMS normalisation on the wasm engine: one kernel, with or without centring. */
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';

export type Attrs = { eps: number };
export type LayerNormInputs = { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor };
export type RmsNormInputs = { x: tf.Tensor; weight: tf.Tensor | undefined };
/** Parameters that are absent have an empty gradient. */
export type NormGradients = { dx: tf.Tensor; dWeight: tf.Tensor; dBias: tf.Tensor };

/** Rows are divided into this many blocks at most, each with its partial sums. */
const MOST_BLOCKS = 32;

const address = (wasm: WasmCall, tensor: tf.Tensor | undefined) => (tensor ? wasm.pointer(tensor) : 0);

function forward(
  wasm: WasmCall,
  x: tf.Tensor,
  weight: tf.Tensor | undefined,
  bias: tf.Tensor | undefined,
  eps: number,
  centre: boolean,
) {
  const d = x.shape.at(-1) as number;
  const y = wasm.output(x.shape as never) as tf.Tensor;
  wasm.parallel(
    'normalize',
    x.size / d,
    wasm.pointer(x),
    address(wasm, weight),
    address(wasm, bias),
    wasm.pointer(y),
    d,
    eps,
    Number(centre),
  );
  return { y };
}

function backward(
  wasm: WasmCall,
  x: tf.Tensor,
  weight: tf.Tensor | undefined,
  dy: tf.Tensor,
  eps: number,
  centre: boolean,
): NormGradients {
  const d = x.shape.at(-1) as number;
  const rows = x.size / d;
  const dx = wasm.output(x.shape as never) as tf.Tensor;
  const dWeight = wasm.output([weight ? d : 0]);
  const dBias = wasm.output([centre ? d : 0]);
  const blocks = Math.max(1, Math.min(MOST_BLOCKS, rows >> 3));
  const partials = wasm.scratch(8 * blocks * d);
  wasm.parallel(
    'normalizeGrad',
    blocks,
    wasm.pointer(x),
    address(wasm, weight),
    wasm.pointer(dy),
    wasm.pointer(dx),
    partials,
    rows,
    d,
    eps,
    Number(centre),
    blocks,
  );
  if (weight) wasm.parallel('sumBlocks', d, partials, blocks, d, wasm.pointer(dWeight));
  if (centre) wasm.parallel('sumBlocks', d, partials + 4 * d, blocks, d, wasm.pointer(dBias));
  return { dx, dWeight, dBias };
}

export const layerNormKernel: WasmKernel<LayerNormInputs, Attrs, { y: tf.Tensor }> = {
  code,
  run: (wasm, { x, weight, bias }, { eps }) => forward(wasm, x, weight, bias, eps, true),
};

export const layerNormGradKernel: WasmKernel<LayerNormInputs & { dy: tf.Tensor }, Attrs, NormGradients> = {
  code,
  run: (wasm, { x, weight, dy }, { eps }) => backward(wasm, x, weight, dy, eps, true),
};

export const rmsNormKernel: WasmKernel<RmsNormInputs, Attrs, { y: tf.Tensor }> = {
  code,
  run: (wasm, { x, weight }, { eps }) => forward(wasm, x, weight, undefined, eps, false),
};

export const rmsNormGradKernel: WasmKernel<RmsNormInputs & { dy: tf.Tensor }, Attrs, NormGradients> = {
  code,
  run: (wasm, { x, weight, dy }, { eps }) => backward(wasm, x, weight, dy, eps, false),
};
