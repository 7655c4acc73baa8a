/** AdamW and the global norm on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';
import type { AdamWOptions, AdamWState } from './types.js';

type Tensors = { [name: string]: tf.Tensor };

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;
const unitsOf = (tensor: tf.Tensor) => Math.ceil(tensor.size / BLOCK);

/** Updates parameters and moments in place. */
export function adamW(
  state: AdamWState,
  grads: readonly tf.Tensor[],
  options: AdamWOptions,
): WasmKernel<Tensors, Record<string, never>, Tensors> {
  const { learningRate, beta1, beta2, eps, step, weightDecay, gradientScale = 1 } = options;
  return {
    code,
    run(wasm) {
      for (const [index, param] of state.params.entries()) {
        const [m, v, grad] = [state.m[index], state.v[index], grads[index]] as [tf.Tensor, tf.Tensor, tf.Tensor];
        const decay = typeof weightDecay === 'number' ? weightDecay : (weightDecay[index] ?? 0);
        const addresses = [param, m, v, grad].map((tensor) => wasm.pointer(tensor));
        const factors = [
          ...[beta1, 1 - beta1, beta2, 1 - beta2, eps, 1 - learningRate * decay],
          ...[learningRate / (1 - beta1 ** step), 1 / (1 - beta2 ** step), gradientScale],
        ];
        if (wasm.native('adamW', param.size, ...factors, ...addresses)) continue;
        wasm.parallel('adamW', unitsOf(param), ...addresses, param.size, ...factors);
      }
      return {};
    },
  };
}

/** The Euclidean norm of all inputs taken as one vector. */
export const globalNorm: WasmKernel<Tensors, Record<string, never>, { norm: tf.Scalar }> = {
  code,
  run(wasm, inputs) {
    const norm = wasm.output([]);
    const tensors = Object.values(inputs);
    const units = tensors.reduce((total, tensor) => total + unitsOf(tensor), 0);
    const sums = wasm.scratch(8 * units);
    let done = 0;
    for (const tensor of tensors) {
      wasm.parallel('squares', unitsOf(tensor), wasm.pointer(tensor), tensor.size, sums + 8 * done);
      done += unitsOf(tensor);
    }
    wasm.call('norm', sums, units, wasm.pointer(norm));
    return { norm };
  },
};
