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
    const addresses = [wasm.pointer(table), at, wasm.pointer(y)];
    if (!wasm.native('gatherRows', rows, indices.size, d, ...addresses)) {
      wasm.parallel('gather', indices.size, ...addresses, d);
    }
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
    const addresses = [x, indices, y].map((tensor) => wasm.pointer(tensor));
    if (!wasm.native('scatterAddRows', rows, count, d, ...addresses)) {
      wasm.parallel('scatterAdd', rows, ...addresses, count, d);
    }
    return { y };
  },
};
