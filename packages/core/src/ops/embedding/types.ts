/** What gathering rows takes and gives, and adding them up. */
import type * as tf from '../../tf.js';

/** table [n, d]; indices int32, of any shape. */
export type GatherInputs = { table: tf.Tensor; indices: tf.Tensor };
export type GatherAttrs = Record<string, never>;
/** x [...indices, ...rest] */
export type ScatterInputs = { x: tf.Tensor; indices: tf.Tensor };
export type ScatterAttrs = { rows: number };
/** y [...indices, d] gathered, [rows, ...rest] added up. */
export type Outputs = { y: tf.Tensor };
