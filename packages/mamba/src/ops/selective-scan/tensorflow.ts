/**
 * The selective scan on the tensorflow engine: token by token, two operations each, on [B, D, N]; all else on all tokens
 * at once. Time comes first, so that taking tokens apart copies nothing. Holds [L, B, D, N].
 *
 * The backward pass is that of index.ts; its sums over one axis are matrix products.
 */
import { tf } from '@mixerzoo/core';
import { type Gradients, tensorflowValue as run, type TensorflowInput, tensorflowOp } from '@mixerzoo/core/kernels';
import { CHUNK_SIZE } from '../scan/chunk.js';
import type { Attrs, Backward, Inputs, Outputs } from './types.js';

export function selectiveScan(inputs: Inputs, attrs: Attrs): Outputs {
  const { u, C, D, z } = inputs;
  const { decays, additions } = recurrence(inputs, attrs);
  const tokens = scan(decays, additions, inputs.initialState);
  const chunkStates = tokens.filter((_, t) => isChunkEnd(t, tokens.length));
  const read = readOut(stack(tokens, 0), C);
  const y = D ? add<tf.Tensor3D>(read, mul(u, D)) : read;
  return { y: z ? mul(y, mul(z, run('Sigmoid', [z]))) : y, states: stack(chunkStates, 1) };
}

export function selectiveScanGradient(inputs: Backward, attrs: Attrs): Gradients<Inputs> {
  const { u, A, B, C, D, z, deltaBias, initialState, dY, dStates } = inputs;
  const [batch, length] = u.shape;
  const { shifted, delta, decays, additions } = recurrence(inputs, attrs);
  const tokens = scan(decays, additions, initialState);
  const states = stack(tokens, 0);

  const sigmoid = z && run('Sigmoid', [z]);
  const g = z && sigmoid ? mul<tf.Tensor3D>(dY, mul(z, sigmoid)) : dY;
  const timeG = swap(g);

  // lambda_t = C_t g_t + a_(t+1) lambda_(t+1), and what comes in through the states after a chunk
  const sources = apart(mul(column(timeG), row(swap(C))));
  const incoming = dStates && apart(dStates, 1);
  const steps = apart(decays);
  const lambdas: tf.Tensor[] = [];
  for (let t = length - 1; t >= 0; t -= 1) {
    let lambda = sources[t] as tf.Tensor;
    if (incoming && isChunkEnd(t, length)) lambda = add(lambda, incoming[Math.floor(t / CHUNK_SIZE)] as tf.Tensor);
    const later = lambdas[t + 1];
    lambdas[t] = later ? add(lambda, mul(steps[t + 1] as tf.Tensor, later)) : lambda;
  }
  const lambda = stack(lambdas, 0);

  const before = [initialState ?? tf.zeros([batch, ...A.shape]), ...tokens.slice(0, -1)];
  const toDecay = mul(lambda, mul(decays, stack(before, 0))); // lambda q
  const toInput = readOut(lambda, B); // sum_n lambda B
  const fromDecay = swap(run('Sum', [mul(toDecay, A), { int: -1 }]));
  const dShifted = add<tf.Tensor3D>(mul(u, toInput), fromDecay);
  const dDelta = attrs.deltaSoftplus ? mul<tf.Tensor3D>(dShifted, run('Sigmoid', [shifted])) : dShifted;
  const dU = mul<tf.Tensor3D>(delta, toInput);
  return {
    u: D ? add(dU, mul(g, D)) : dU,
    delta: dDelta,
    A: run('Sum', [mul(toDecay, column(swap(delta))), { ints: [0, 1] }]),
    B: sumOverChannels(lambda, swap(mul(delta, u))),
    C: sumOverChannels(states, timeG),
    D: D && run('Sum', [mul(g, u), { ints: [0, 1] }]),
    z: z && sigmoid && gateGradient(z, sigmoid),
    deltaBias: deltaBias && run('Sum', [dDelta, { ints: [0, 1] }]),
    initialState: initialState && mul(steps[0] as tf.Tensor, lambdas[0] as tf.Tensor),
  };

  /** `dY (C h + D u) silu'(z)` */
  function gateGradient(gate: tf.Tensor, s: tf.Tensor): tf.Tensor3D {
    const read = readOut(states, C);
    const y = mul(dY, D ? add(read, mul(u, D)) : read);
    return add(mul(y, s), run('SigmoidGrad', [s, mul(y, gate)]));
  }

  /** sum_d x[t, b, d, n] y[t, b, d]: [B, L, N] */
  function sumOverChannels(x: tf.Tensor, y: tf.Tensor): tf.Tensor3D {
    const product = run('BatchMatMulV2', [row(y), x]); // [L, B, 1, N]
    return swap(run('Reshape', [product, { ints: [length, batch, A.shape[1]] }]));
  }
}

/** Step sizes before and after the softplus [B, L, D]; a_t and Delta_t u_t B_t, [L, B, D, N]. */
function recurrence(
  { u, delta, A, B, deltaBias }: Inputs,
  { deltaSoftplus }: Attrs,
): Record<'shifted' | 'delta' | 'decays' | 'additions', tf.Tensor> {
  const shifted = deltaBias ? add(delta, deltaBias) : delta;
  const size = deltaSoftplus ? run('Softplus', [shifted]) : shifted;
  return {
    shifted,
    delta: size,
    decays: run('Exp', [mul(column(swap(size)), A)]),
    additions: mul(column(swap(mul(size, u))), row(swap(B))),
  };
}

/** h_t for every token, [B, D, N]. */
function scan(decays: tf.Tensor, additions: tf.Tensor, initial: tf.Tensor | undefined): tf.Tensor[] {
  const [steps, added] = [apart(decays), apart(additions)];
  let state = initial;
  return added.map((addition, t) => {
    state = state ? add(mul(steps[t] as tf.Tensor, state), addition) : addition;
    return state;
  });
}

/** sum_n x[t, b, d, n] vectors[b, t, n]: [B, L, D] */
function readOut(x: tf.Tensor, vectors: tf.Tensor): tf.Tensor3D {
  const product = run('BatchMatMulV2', [x, row(swap(vectors))], { adj_y: { bool: true } }); // [L, B, D, 1]
  return swap(run('Reshape', [product, { ints: x.shape.slice(0, 3) }]));
}

function isChunkEnd(t: number, length: number): boolean {
  return (t + 1) % CHUNK_SIZE === 0 || t + 1 === length;
}

/** [B, L, X] -> [L, B, X] and back. */
function swap(x: tf.Tensor): tf.Tensor3D {
  return run('Transpose', [x, { ints: [1, 0, 2] }]);
}

/** [L, B, X] -> [L, B, 1, X] */
function row(x: tf.Tensor): tf.Tensor {
  return run('ExpandDims', [x, { int: 2 }]);
}

/** [L, B, X] -> [L, B, X, 1] */
function column(x: tf.Tensor): tf.Tensor {
  return run('ExpandDims', [x, { int: 3 }]);
}

function apart(x: tf.Tensor, axis = 0): tf.Tensor[] {
  const count = x.shape[axis] as number;
  return tensorflowOp('Unpack', [x], count as number, { num: { int: count }, axis: { int: axis } });
}

function stack<T extends tf.Tensor>(tensors: readonly tf.Tensor[], axis: number): T {
  return run('Pack', tensors, { N: { int: tensors.length }, T: { type: 'float32' }, axis: { int: axis } });
}

const mul = <T extends tf.Tensor>(a: TensorflowInput, b: TensorflowInput): T => run('Mul', [a, b]);
const add = <T extends tf.Tensor>(a: TensorflowInput, b: TensorflowInput): T => run('AddV2', [a, b]);
