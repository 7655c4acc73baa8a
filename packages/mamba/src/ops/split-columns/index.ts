/**
 * Splitting the last axis into parts: what a fused projection is followed by. The same as `tf.split`, whose rows the
 * wasm engine copies from JavaScript; backwards the parts are joined by one op.
 */
import { ShapeError, type tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { splitGradientReference, splitReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op that splits the last axis into `count` parts. */
function defineSplit(count: 2 | 3) {
  const outputs = (['first', 'second', 'third'] as const).slice(0, count);
  return defineOp<Inputs, Attrs, Outputs>({
    name: `SplitColumns${count}`,
    inputs: ['x'],
    outputs,
    reference: splitReference,
    kernels: { wasm: wasm.split, webgpu: webgpu.split },
    gradient: {
      reference: splitGradientReference,
      kernels: { wasm: wasm.splitGradient, webgpu: webgpu.splitGradient },
    },
  });
}

/** The ops behind {@link splitColumns}. */
export const splitColumns2Op = defineSplit(2);
export const splitColumns3Op = defineSplit(3);

/**
 * The columns of x [..., sum of widths] as two or three tensors [..., width].
 *
 * @throws ShapeError if the widths do not add up to the last axis.
 */
export function splitColumns<T extends tf.Tensor>(x: T, widths: readonly [number, number]): [T, T];
export function splitColumns<T extends tf.Tensor>(x: T, widths: readonly [number, number, number]): [T, T, T];
export function splitColumns(x: tf.Tensor, widths: readonly number[]): tf.Tensor[] {
  if (widths.reduce((sum, width) => sum + width, 0) !== x.shape.at(-1)) {
    throw new ShapeError(`splitColumns: expected x [..., ${widths.join(' + ')}], got ${formatShape(x.shape)}.`);
  }
  const { first, second, third } = (widths.length === 2 ? splitColumns2Op : splitColumns3Op)({ x }, { widths });
  return third ? [first, second, third] : [first, second];
}
