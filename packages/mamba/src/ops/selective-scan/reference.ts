/**
 * The selective scan in plain `tf` ops, token by token: the definition, not the fast form. Holds [B, L, D, N].
 *
 * Source: `selective_scan_ref` of state-spaces/mamba, `ops/selective_scan_interface.py`.
 */
import { tf } from '@mixerzoo/core';
import { silu } from '@mixerzoo/core/blocks';
import { CHUNK_SIZE, slicesOf } from '../scan/chunk.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** y [B, L, D] and the states after every chunk [B, ceil(L / chunk), D, N]. */
export function selectiveScanReference(inputs: Inputs, attrs: Attrs): Outputs {
  const { u, A, B, C, D, z, deltaBias, initialState } = inputs;
  const [batch, length, width] = u.shape;
  const dState = A.shape[1];
  const shifted = deltaBias ? inputs.delta.add(deltaBias) : inputs.delta;
  const delta = attrs.deltaSoftplus ? tf.softplus(shifted) : shifted;
  const rows = [batch, length, 1, dState];

  const decays = slicesOf(tf.exp(delta.expandDims(3).mul(A))); // L of [B, D, N]
  const additions = slicesOf(delta.mul(u).expandDims(3).mul(B.reshape(rows)));
  const readers = slicesOf(C.reshape(rows)); // L of [B, 1, N]
  let state: tf.Tensor = initialState ?? tf.zeros([batch, width, dState]);
  const outputs: tf.Tensor[] = [];
  const chunkStates: tf.Tensor[] = [];
  for (let t = 0; t < length; t += 1) {
    state = (decays[t] as tf.Tensor).mul(state).add(additions[t] as tf.Tensor);
    outputs.push(state.mul(readers[t] as tf.Tensor).sum(2));
    if ((t + 1) % CHUNK_SIZE === 0 || t + 1 === length) chunkStates.push(state);
  }
  const read = tf.stack(outputs, 1) as tf.Tensor3D;
  const y = D ? read.add<tf.Tensor3D>(u.mul(D)) : read;
  return { y: z ? y.mul(silu(z)) : y, states: tf.stack(chunkStates, 1) as tf.Tensor4D };
}
