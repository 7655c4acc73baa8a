/** Layer and RMS normalisation on the wasm engine: one kernel, with or without centring. */
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';
import type {
  Attrs,
  LayerNormGradientInputs,
  LayerNormGradients,
  LayerNormInputs,
  Outputs,
  RmsNormGradientInputs,
  RmsNormGradients,
  RmsNormInputs,
} from './types.js';

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
  const y = wasm.output(x.shape);
  const addresses = [wasm.pointer(x), address(wasm, weight), address(wasm, bias), wasm.pointer(y)];
  if (wasm.native('norm', x.size / d, d, eps, Number(centre), ...addresses)) return { y };
  wasm.parallel('normalize', x.size / d, ...addresses, d, eps, Number(centre));
  return { y };
}

interface Gradients {
  readonly dX: tf.Tensor;
  readonly dWeight: tf.Tensor | undefined;
  readonly dBias?: tf.Tensor;
}

/** Centred where there is a bias. */
function backward(
  wasm: WasmCall,
  { x, weight, dY }: RmsNormGradientInputs,
  { dX, dWeight, dBias }: Gradients,
  eps: number,
): void {
  const d = x.shape.at(-1) as number;
  const rows = x.size / d;
  const centre = Number(dBias !== undefined);
  const addresses = [wasm.pointer(x), address(wasm, weight), wasm.pointer(dY), wasm.pointer(dX)];
  if (wasm.native('normGradient', rows, d, eps, centre, ...addresses, address(wasm, dWeight), address(wasm, dBias)))
    return;
  const blocks = Math.max(1, Math.min(MOST_BLOCKS, rows >> 3));
  const partials = wasm.scratch(8 * blocks * d);
  wasm.parallel('normalizeGradient', blocks, ...addresses, partials, rows, d, eps, centre, blocks);
  if (dWeight) wasm.parallel('sumBlocks', d, partials, blocks, d, wasm.pointer(dWeight));
  if (dBias) wasm.parallel('sumBlocks', d, partials + 4 * d, blocks, d, wasm.pointer(dBias));
}

export const layerNorm: WasmKernel<LayerNormInputs, Attrs, Outputs> = {
  code,
  run: (wasm, { x, weight, bias }, { eps }) => forward(wasm, x, weight, bias, eps, true),
};

export const layerNormGradient: WasmKernel<LayerNormGradientInputs, Attrs, LayerNormGradients> = {
  code,
  run(wasm, { bias, ...inputs }, { eps }) {
    const dX = wasm.output(inputs.x.shape);
    const [dWeight, dBias] = [wasm.output(inputs.weight.shape), wasm.output(bias.shape)];
    backward(wasm, inputs, { dX, dWeight, dBias }, eps);
    return { x: dX, weight: dWeight, bias: dBias };
  },
};

export const rmsNorm: WasmKernel<RmsNormInputs, Attrs, Outputs> = {
  code,
  run: (wasm, { x, weight }, { eps }) => forward(wasm, x, weight, undefined, eps, false),
};

export const rmsNormGradient: WasmKernel<RmsNormGradientInputs, Attrs, RmsNormGradients> = {
  code,
  run(wasm, inputs, { eps }) {
    const dX = wasm.output(inputs.x.shape);
    const dWeight = inputs.weight && wasm.output(inputs.weight.shape);
    backward(wasm, inputs, { dX, dWeight }, eps);
    return { x: dX, weight: dWeight };
  },
};
