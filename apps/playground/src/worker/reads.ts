/** What a mixer reads, and what it writes into its state. */
import { disposeTree, flattenTree, mapTree, type Tree, tf } from '@mixerzoo/core';
import type { LayerInspection } from '../messages.js';
import type { Tap } from './taps.js';

/**
 * The weights with which a mixer sums values, where it says them (`Mixer.read`); of one whose channels have weights of their own their mean
 * size over the channels. Else the gradient of the size of its output at the query
 * by its input, as norms per token, which any mixer has.
 */
export async function readsOf({ mixer, params, x, context }: Tap, query: number): Promise<LayerInspection['reads']> {
  if (mixer.read) {
    let channels: number | undefined;
    const shown = tf.tidy(() => {
      const { weights, values } = mixer.read!(params, x, context);
      if (values.shape[3] > 1) return weights;
      channels = weights.shape[1];
      return weights.abs().mean<tf.Tensor4D>(1, true);
    });
    const [, heads] = shown.shape;
    const values = (await shown.data()) as Float32Array;
    shown.dispose();
    return { kind: 'weights', heads, weights: values.slice(), ...(channels !== undefined && { channels }) };
  }
  const norms = tf.tidy(() => {
    const outputAt = (input: tf.Tensor) => mixer.apply(params, input, context).slice([0, query, 0], [1, 1, -1]);
    const direction = outputAt(x);
    const unit = direction.div(tf.norm(direction).add(1e-12));
    const gradient = tf.grad((input) => tf.sum(tf.mul(outputAt(input), unit)))(x);
    return tf.sqrt(tf.sum(tf.square(gradient), -1)).squeeze([0]);
  });
  const values = (await norms.data()) as Float32Array;
  norms.dispose();
  return { kind: 'gradient', norms: values.slice() };
}

/** How far each token moves the state, the norm of the change, [L]; undefined of a mixer whose state grows with the length. */
export async function writesOf({ mixer, params, x, context }: Tap): Promise<Float32Array | undefined> {
  const length = x.shape[1];
  if (mixer.stateSize(length) !== mixer.stateSize(2 * length + 1)) return undefined;
  const changes: tf.Scalar[] = [];
  let state = mixer.initState(1);
  for (let t = 0; t < length; t += 1) {
    const before = mapTree(state, (leaf) => leaf.clone());
    const at = (rows: tf.Tensor) => tf.tidy(() => rows.slice([0, t, 0], [1, 1, -1]).reshape<tf.Tensor2D>([1, -1]));
    const token = at(x);
    const shared = new Map([...(context.shared ?? [])].map(([name, rows]) => [name, at(rows) as tf.Tensor]));
    const next = mixer.step(params, token, state, { ...context, shared });
    state = next.state;
    changes.push(distance(before, state));
    disposeTree(before);
    tf.dispose([token, next.y, ...shared.values()]);
  }
  disposeTree(state);
  const all = tf.stack(changes);
  const values = (await all.data()) as Float32Array;
  tf.dispose([all, ...changes]);
  return values.slice();
}

/** Euclidean distance of two states of one structure. */
function distance(a: Tree, b: Tree): tf.Scalar {
  return tf.tidy(() => {
    const others = new Map(flattenTree(b));
    const squares = flattenTree(a).map(([path, leaf]) => tf.sum(tf.square(tf.sub(others.get(path)!, leaf))));
    return tf.sqrt(tf.addN(squares)) as tf.Scalar;
  });
}
