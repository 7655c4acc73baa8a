/** Gathering rows and adding them up on the wasm engine. */
import { dims } from '../../dims.js';
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { code } from './kernel.generated.js';
import type { GatherAttrs, GatherInputs, Outputs, ScatterAttrs, ScatterInputs } from './types.js';

export const gather: WasmKernel<GatherInputs, GatherAttrs, Outputs> = {
  code,
  run(wasm, { table, indices }) {
    const [rows, d] = dims(table, 2);
    const at = wasm.pointer(indices);
    const outside = wasm.call('firstOutside', at, indices.size, rows);
    if (outside >= 0) {
      throw new ShapeError(
        `gatherRows: expected indices in [0, ${rows}), got ${indices.dataSync()[outside]} at position ${outside}.`,
      );
    }
    const y = wasm.output([...indices.shape, d]);
    wasm.parallel('gather', indices.size, wasm.pointer(table), at, wasm.pointer(y), d);
    return { y };
  },
};

/** Sums x [...indices.shape, ...rest] into `[rows, ...rest]` by index. */
export const scatterAdd: WasmKernel<ScatterInputs, ScatterAttrs, Outputs> = {
  code,
  run(wasm, { x, indices }, { rows }) {
    const rest = x.shape.slice(indices.shape.length);
    const y = wasm.output([rows, ...rest]);
    const count = tf.util.sizeFromShape(indices.shape);
    const d = tf.util.sizeFromShape(rest);
    wasm.parallel('scatterAdd', rows, wasm.pointer(x), wasm.pointer(indices), wasm.pointer(y), count, d);
    return { y };
  },
};
