/** Splitting columns, and joining them, on the wasm engine. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

const BYTES = 4;

export const split: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x }, { widths }) {
    const total = x.shape.at(-1) as number;
    let from = wasm.pointer(x);
    const [first, second, third] = widths.map((width) => {
      const part = wasm.output([...x.shape.slice(0, -1), width]);
      wasm.parallel('copyColumns', x.size / total, from, total, wasm.pointer(part), width, width);
      from += BYTES * width;
      return part;
    });
    return { first, second, third } as Outputs;
  },
};

export const splitGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, dFirst, dSecond, dThird }, { widths }) {
    const total = x.shape.at(-1) as number;
    const dX = wasm.output(x.shape);
    let to = wasm.pointer(dX);
    for (const [index, width] of widths.entries()) {
      const part = [dFirst, dSecond, dThird][index] as tf.Tensor;
      wasm.parallel('copyColumns', x.size / total, wasm.pointer(part), width, to, total, width);
      to += BYTES * width;
    }
    return { x: dX };
  },
};
