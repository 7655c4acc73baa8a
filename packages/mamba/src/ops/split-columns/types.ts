/** What splitting columns takes and gives. */
import type { tf } from '@mixerzoo/core';

/** x [..., sum of widths] */
export type Inputs = { x: tf.Tensor };
export type Attrs = { widths: readonly number[] };
/** Parts [..., width]; there is no third one of two widths. */
export type Outputs = { first: tf.Tensor; second: tf.Tensor; third: tf.Tensor | undefined };
