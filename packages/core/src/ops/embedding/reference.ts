/** Gathering rows and adding them up in plain `tf` ops. */
import * as tf from '../../tf.js';
import type { GatherInputs, Outputs, ScatterAttrs, ScatterInputs } from './types.js';

export function gatherReference({ table, indices }: GatherInputs): Outputs {
  return { y: tf.gather(table, indices.flatten()).reshape([...indices.shape, table.shape[1] as number]) };
}

export function scatterAddReference({ x, indices }: ScatterInputs, { rows }: ScatterAttrs): Outputs {
  return { y: tf.unsortedSegmentSum(x.reshape([indices.size, -1]), indices.flatten(), rows) };
}
