/** Gathering rows and adding them up on the tensorflow engine: an operation each, for indices of any shape. */
import { tensorflowUsesGpu, tensorflowValue } from '../../engines/tensorflow/op.js';
import { ShapeError } from '../../errors.js';
import type * as tf from '../../tf.js';
import type { GatherInputs, Outputs, ScatterAttrs, ScatterInputs } from './types.js';

export function gather({ table, indices }: GatherInputs): Outputs {
  const rows = table.shape[0] as number;
  return checked('gatherRows: expected indices', indices, rows, () => ({
    y: tensorflowValue('GatherV2', [table, indices, { int: 0 }]),
  }));
}

export function scatterAdd({ x, indices }: ScatterInputs, { rows }: ScatterAttrs): Outputs {
  return { y: tensorflowValue('UnsortedSegmentSum', [x, indices, { int: rows }]) };
}

/**
 * Runs what reads by index. TensorFlow checks indices on a CPU only; on a GPU they are looked at before (its int32 tensors
 * are on the host), on a CPU after it has complained.
 * @throws ShapeError if one is outside [0, below).
 */
export function checked<T>(expected: string, indices: tf.Tensor, below: number, body: () => T): T {
  const check = () => {
    const values = indices.dataSync();
    const at = values.findIndex((index) => index < 0 || index >= below);
    if (at >= 0) throw new ShapeError(`${expected} in [0, ${below}), got ${values[at]} at position ${at}.`);
  };
  if (tensorflowUsesGpu()) check();
  try {
    return body();
  } catch (error) {
    check();
    throw error;
  }
}
