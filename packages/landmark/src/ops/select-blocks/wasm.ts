/** Hard retrieval on the wasm engine. */
import type { WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { SelectAttrs, SelectInputs, SelectOutputs } from './types.js';

export const selectBlocks: WasmKernel<SelectInputs, SelectAttrs, SelectOutputs> = {
  code,
  run(wasm, { q, landmarks }, { blockSize, topK, offset }) {
    const [rows, seqLen, headDim] = q.shape;
    const blocks = wasm.output([rows, seqLen, topK], 'int32');
    const units = wasm.call('selectUnits', rows, seqLen);
    const scratch = wasm.scratch(4 * units * topK);
    const pointers = [q, landmarks, blocks].map((tensor) => wasm.pointer(tensor));
    wasm.parallel(
      'selectBlocks',
      units,
      ...pointers,
      scratch,
      seqLen,
      landmarks.shape[1],
      headDim,
      blockSize,
      topK,
      offset,
    );
    return { blocks };
  },
};
