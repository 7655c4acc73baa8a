/** What hard retrieval takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q [G, L, p], landmarks [G, M, p]. */
export type SelectInputs = { q: tf.Tensor3D; landmarks: tf.Tensor3D };
export type SelectAttrs = { blockSize: number; topK: number; offset: number };
/** blocks int32 [G, L, K] */
export type SelectOutputs = { blocks: tf.Tensor3D };

/** q [G, L, p], nodes [G, M (2 B - 2), p], blocks int32 [G, L, K]. */
export type DescendInputs = { q: tf.Tensor3D; nodes: tf.Tensor3D; blocks: tf.Tensor3D };
export type DescendAttrs = { blockSize: number };
/** tokens int32 [G, L, K] */
export type DescendOutputs = { tokens: tf.Tensor3D };
