/** Setting a row on the wasm engine: in place where the memory has no other owner. */
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import { sharing } from '../../engines/wasm/sharing.js';
import * as tf from '../../tf.js';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const setRow: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, row }, { at }) {
    const [batch, rows, width] = x.shape;
    const isAlone = (tf.backend() as BackendWasm).refCount(x.dataId) === 1;
    const y = isAlone ? sharing(x) : wasm.output(x.shape);
    wasm.parallel('setRow', batch, wasm.pointer(x), wasm.pointer(row), wasm.pointer(y), rows, width, at);
    return { y };
  },
};
