/** Affine maps of the last axis, `y = x W + b`: the projections of every mixer. */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp, type Op } from '../define-op.js';
import { linearReference, linearsReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, Inputs, Outputs, SeveralInputs, SeveralOutputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** Weight [k, n] and an optional bias [n]. */
export interface LinearParams {
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/** The op behind {@link linear}. */
export const linearOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'Linear',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y'],
  reference: linearReference,
  kernels: { tensorflow: tensorflow.linear, wasm: wasm.linear, webgpu: webgpu.linear },
  gradient: {
    kernels: { tensorflow: tensorflow.linearGradient, wasm: wasm.linearGradient, webgpu: webgpu.linearGradient },
  },
});

/**
 * `x W + b` over the last axis.
 *
 * @param x - [..., k], rank 2 or more.
 * @returns [..., n]
 * @throws ShapeError if the last axis of x does not match the weight, or the bias its columns.
 */
export function linear<T extends tf.Tensor>(x: T, params: LinearParams): T {
  assertLinear('linear', x, params);
  const { weight, bias } = params;
  return linearOp({ x, weight, bias }, {}).y as T;
}

/** The ops behind {@link linears}, by the number of maps. */
export const linearsOps: ReadonlyMap<number, Op<SeveralInputs, Attrs, SeveralOutputs>> = new Map(
  Array.from({ length: wasm.MOST_MAPS - 1 }, (_, i) => [i + 2, defineLinears(i + 2)] as const),
);

function defineLinears(count: number) {
  const each = <N extends string>(name: N) => Array.from({ length: count }, (_, i) => `${name}${i}` as const);
  return defineOp<SeveralInputs, Attrs, SeveralOutputs>({
    name: `Linears${count}`,
    inputs: ['x', ...each('weight'), ...each('bias')],
    outputs: each('y'),
    reference: linearsReference,
    kernels: { wasm: wasm.linears },
    gradient: { kernels: { wasm: wasm.linearsGradient } },
  });
}

/**
 * Several affine maps of one x, such as those to queries, keys and values: on `wasm` x is read once, and the gradient with respect to
 * it is summed where it is made. The same numbers as a {@link linear} each, but for rounding.
 *
 * @param x - [..., k], rank 2 or more.
 * @returns [..., n_i] of every map.
 * @throws ShapeError as {@link linear}.
 */
export function linears<T extends tf.Tensor, const M extends readonly LinearParams[]>(
  x: T,
  maps: M,
): { -readonly [I in keyof M]: T } {
  for (const map of maps) assertLinear('linears', x, map);
  const op = tf.getBackend() === 'wasm' ? linearsOps.get(maps.length) : undefined;
  if (!op) return maps.map((map) => linear(x, map)) as never;
  const inputs = maps.flatMap(({ weight, bias }, i) => [[`weight${i}`, weight] as const, [`bias${i}`, bias] as const]);
  const ys = op({ x, ...Object.fromEntries(inputs) } as SeveralInputs, {});
  return maps.map((_, i) => ys[`y${i}`]) as never;
}

function assertLinear(where: string, x: tf.Tensor, { weight, bias }: LinearParams): void {
  const [k, n] = weight.shape;
  if (weight.rank !== 2 || x.rank < 2 || x.shape.at(-1) !== k) {
    throw new ShapeError(
      `${where}: expected x [..., k] and weight [k, n], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== n)) {
    throw new ShapeError(`${where}: expected bias [${n}], got ${formatShape(bias.shape)}.`);
  }
}
