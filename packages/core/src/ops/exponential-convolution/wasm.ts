/** Convolution with sums of exponentials on the wasm engine. */
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Units of work: each has its own scratch and partial sums. */
const MOST_BLOCKS = 8;

export const convolve: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs) {
    const { batch, length, columns, dState, width, blocks } = sizesOf(inputs);
    const y = wasm.output([batch, length, columns]);
    const tables = expandTables(wasm, inputs);
    const scratch = wasm.scratch(4 * blocks * (dState + 1) * width);
    wasm.parallel(
      'convolve',
      blocks,
      wasm.pointer(inputs.x),
      ...tables,
      wasm.pointer(y),
      scratch,
      batch,
      length,
      columns,
      dState,
      blocks,
    );
    return { y };
  },
};

export const convolveGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs) {
    const { batch, length, columns, groups, dState, width, blocks } = sizesOf(inputs);
    const dX = wasm.output([batch, length, columns]);
    const dDecay = wasm.output([groups, dState]);
    const dWeight = wasm.output([groups, dState]);
    const tables = expandTables(wasm, inputs);
    const partials = wasm.scratch(4 * blocks * 2 * dState * width);
    const scratch = wasm.scratch(blocks * wasm.call('gradientScratch', length, columns, dState));
    const [x, dY] = [wasm.pointer(inputs.x), wasm.pointer(inputs.dY)];
    wasm.parallel(
      'convolveGradient',
      blocks,
      x,
      ...tables,
      dY,
      wasm.pointer(dX),
      partials,
      scratch,
      batch,
      length,
      columns,
      dState,
      blocks,
    );
    wasm.call('contract', partials, wasm.pointer(dDecay), wasm.pointer(dWeight), groups, dState, columns, blocks);
    return { x: dX, decay: dDecay, weight: dWeight };
  },
};

/** Decay and weight as tables [N, width]. */
function expandTables(wasm: WasmCall, inputs: Inputs): number[] {
  const { columns, groups, dState, width } = sizesOf(inputs);
  return [inputs.decay, inputs.weight].map((table) => {
    const to = wasm.scratch(4 * dState * width);
    wasm.call('expand', wasm.pointer(table), to, groups, dState, columns);
    return to;
  });
}

function sizesOf({ x, decay }: Inputs) {
  const [batch, length, columns] = x.shape;
  const [groups, dState] = decay.shape;
  return {
    batch,
    length,
    columns,
    groups,
    dState,
    width: 4 * Math.ceil(columns / 4),
    blocks: Math.min(batch, MOST_BLOCKS),
  };
}
