/**
 * AdamW and the global norm on the tensorflow engine.
 *
 * TensorFlow's fused `ResourceApplyAdam` updates variables in place, in one pass. Parameters and moments are moved into
 * variables for it and out again, which copies nothing: a variable and a tensor share memory, and TensorFlow copies by
 * itself where a clone of the tensor still uses it. Small parameters with rows of equal shape go together, as one
 * tensor of all their rows: a small model is bound by the number of operations, a large one by memory.
 */
import { type TensorflowInput, tensorflowOp, tensorflowValue } from '../../engines/tensorflow/op.js';
import type * as tf from '../../tf.js';
import type { AdamWOptions, AdamWState } from './types.js';

/** Elements from which on a tensor's copy costs more than operations of its own. */
const LARGE = 2 ** 14;

type Part = 'params' | 'm' | 'v';
const PARTS: readonly Part[] = ['params', 'm', 'v'];
const VARIABLES: Readonly<Record<Part, TensorflowInput>> = {
  params: { variable: 'mixerzoo.adamW.params' },
  m: { variable: 'mixerzoo.adamW.m' },
  v: { variable: 'mixerzoo.adamW.v' },
};

/** Positions of parameters that are updated together, and their decay. */
interface Group {
  readonly members: number[];
  readonly decay: number;
}

/** `adamWStep` for checked lists. */
export function adamW(state: AdamWState, grads: readonly tf.Tensor[], options: AdamWOptions): AdamWState {
  const { learningRate, beta1, beta2, eps, step, weightDecay, gradientScale = 1 } = options;
  // The operation computes 1 - beta in float32, so the corrections are those of the beta it sees. They go into the
  // learning rate and eps here, in double precision, and the operation's own (powers of beta) are off.
  const root = Math.sqrt(1 - Math.fround(beta2) ** step);
  const rate = (learningRate * root) / (1 - Math.fround(beta1) ** step);
  const numbers = [0, 0, rate, beta1, beta2, eps * root].map((float) => ({ float }));

  const next: Record<Part, tf.Tensor[]> = { params: [], m: [], v: [] };
  for (const { members, decay } of groupsOf(state.params, weightDecay)) {
    const gradient = rowsOf(grads, members, gradientScale);
    const shapes = members.map((index) => (state.params[index] as tf.Tensor).shape);
    for (const part of PARTS) {
      const value = rowsOf(state[part], members, part === 'params' ? 1 - learningRate * decay : 1);
      tensorflowOp('AssignVariableOp', [VARIABLES[part], value], 0);
      // The variable must be the only owner, or the update copies.
      for (const tensor of [value, ...members.map((index) => state[part][index] as tf.Tensor)]) tensor.dispose();
    }
    const variables = PARTS.map((part) => VARIABLES[part]);
    tensorflowOp('ResourceApplyAdam', [...variables, ...numbers, gradient], 0);
    if (!members.some((index) => grads[index] === gradient)) gradient.dispose();
    for (const part of PARTS) {
      const tensors = takeOut(VARIABLES[part], shapes);
      for (const [at, index] of members.entries()) next[part][index] = tensors[at] as tf.Tensor;
    }
  }
  return next;
}

/** Small tensors of equal decay and equal rows together, every other by itself. */
function groupsOf(params: readonly tf.Tensor[], weightDecay: AdamWOptions['weightDecay']): Group[] {
  const groups = new Map<string, Group>();
  for (const [index, { shape, size, rank }] of params.entries()) {
    const decay = typeof weightDecay === 'number' ? weightDecay : (weightDecay[index] ?? 0);
    const key = size >= LARGE || rank === 0 ? `${index}` : `rows of [${shape.slice(1)}], decay ${decay}`;
    const group = groups.get(key);
    if (group) group.members.push(index);
    else groups.set(key, { members: [index], decay });
  }
  return [...groups.values()];
}

/** The members' rows in one tensor, times a factor; a single member is returned itself where the factor is 1. */
function rowsOf(tensors: readonly tf.Tensor[], members: readonly number[], factor: number): tf.Tensor {
  const chosen = members.map((index) => tensors[index] as tf.Tensor);
  const rows =
    chosen.length === 1
      ? (chosen[0] as tf.Tensor)
      : tensorflowValue('ConcatV2', [...chosen, { int: 0 }], {
          N: { int: chosen.length },
          T: { type: 'float32' },
        });
  if (factor === 1) return rows;
  const scaled = tensorflowValue('Mul', [rows, { float: factor }]);
  if (chosen.length > 1) rows.dispose();
  return scaled;
}

/** Empties a variable into tensors of these shapes. */
function takeOut(variable: TensorflowInput, shapes: readonly (readonly number[])[]): tf.Tensor[] {
  const value = tensorflowValue('ReadVariableOp', [variable], { dtype: { type: 'float32' } });
  tensorflowOp('DestroyResourceOp', [variable], 0);
  if (shapes.length === 1) return [value];
  const rows = shapes.map(([count]) => count as number);
  const tensors = tensorflowOp('SplitV', [value, { ints: rows }, { int: 0 }], rows.length as number, {
    num_split: { int: rows.length },
  });
  value.dispose();
  return tensors;
}

/** `globalNorm` of at least one tensor. */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  const halves = tensors.map((tensor) => tensorflowValue('L2Loss', [tensor])); // sum of squares / 2
  const half = tensorflowValue('AddN', halves, { N: { int: halves.length }, T: { type: 'float32' } });
  return tensorflowValue('Sqrt', [tensorflowValue('Mul', [half, { float: 2 }])]);
}
