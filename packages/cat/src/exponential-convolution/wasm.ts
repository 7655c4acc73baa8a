/** Convolution with sums of exponentials on the wasm engine. */
import type { tf, WasmCall, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

type Inputs = { x: tf.Tensor; decay: tf.Tensor; weight: tf.Tensor };
type Gradients = { dx: tf.Tensor; dDecay: tf.Tensor; dWeight: tf.Tensor };

/** Units of work: each has its own scratch and partial sums. */
const MOST_BLOCKS = 8;

export const convolveKernel: WasmKernel<Inputs, Record<string, never>, { y: tf.Tensor }> = {
  code,
  run(wasm, inputs) {
    const { batch, length, columns, dState, width, blocks } = sizesOf(inputs);
    const y = wasm.output<tf.Rank.R3>([batch, length, columns]);
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

export const convolveGradientKernel: WasmKernel<Inputs & { dy: tf.Tensor }, Record<string, never>, Gradients> = {
  code,
  run(wasm, inputs) {
    const { batch, length, columns, groups, dState, width, blocks } = sizesOf(inputs);
    const dx = wasm.output<tf.Rank.R3>([batch, length, columns]);
    const dDecay = wasm.output<tf.Rank.R2>([groups, dState]);
    const dWeight = wasm.output<tf.Rank.R2>([groups, dState]);
    const tables = expandTables(wasm, inputs);
    const partials = wasm.scratch(4 * blocks * 2 * dState * width);
    const scratch = wasm.scratch(blocks * wasm.call('gradientScratch', length, columns, dState));
    const [x, dy] = [wasm.pointer(inputs.x), wasm.pointer(inputs.dy)];
    wasm.parallel(
      'convolveGradient',
      blocks,
      x,
      ...tables,
      dy,
      wasm.pointer(dx),
      partials,
      scratch,
      batch,
      length,
      columns,
      dState,
      blocks,
    );
    wasm.call('contract', partials, wasm.pointer(dDecay), wasm.pointer(dWeight), groups, dState, columns, blocks);
    return { dx, dDecay, dWeight };
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
  const [batch, length, columns] = x.shape as [number, number, number];
  const [groups, dState] = decay.shape as [number, number];
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
