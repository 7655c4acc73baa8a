/** A mixer whose layers share, for tests: what the first leaves, later ones read. */
import * as z from 'zod';
import { ShapeError } from '../../errors.js';
import { defineMixer } from '../../mixer.js';
import { linear } from '../../ops/linear/index.js';
import { randomNormal } from '../../random-tensors.js';
import { foldIn } from '../../rng.js';
import * as tf from '../../tf.js';

/** y_t = (W_v x_t) o m, m what the first layer's W_v x_t was; the sum of tokens is its state, and added. */
export const remembering = defineMixer({
  name: 'remembering',
  summary: 'Running sums times values of the first layer (tests only).',
  schema: z.strictObject({ dModel: z.int(), layer: z.int().default(0), nLayers: z.int().default(1) }),
  atLayer: (config, { index, count }) => ({ ...config, layer: index, nLayers: count }),
  create({ dModel, layer, nLayers }) {
    const depth = { learningRate: layer + 1 };
    type Params = { v: { weight: tf.Tensor2D }; depth: tf.Tensor1D; own?: tf.Tensor1D };
    const valuesOf = <T extends tf.Tensor>(params: Params, x: T, shared?: Map<string, tf.Tensor>): T => {
      const value = linear(x, params.v).mul<T>(params.depth);
      if (layer === 0) {
        shared?.set('remembering.v', value);
        return value;
      }
      const first = shared?.get('remembering.v');
      if (!first) throw new ShapeError('remembering: expected the value of the first layer, got none.');
      return value.mul<tf.Tensor>(params.own as tf.Tensor).mul<T>(first);
    };
    return {
      factors: { depth },
      init: (seed): Params => ({
        v: { weight: randomNormal([dModel, dModel], 0.5, foldIn(seed, 'v')) },
        depth: tf.fill([dModel], (layer + 1) / nLayers),
        ...(layer > 0 && { own: tf.ones<tf.Rank.R1>([dModel]) }),
      }),
      apply: (params, x, context) => tf.cumsum(valuesOf(params, x, context?.shared), 1),
      initState: (batchSize) => ({ sum: tf.zeros([batchSize, dModel]) }),
      step(params, x, state, context) {
        const sum = tf.add<tf.Tensor2D>(state.sum, valuesOf(params, x, context?.shared));
        state.sum.dispose();
        return { y: sum.clone(), state: { sum } };
      },
      prefill(params, x, context) {
        const y = tf.cumsum<tf.Tensor3D>(valuesOf(params, x, context?.shared), 1);
        return { y, state: { sum: y.slice([0, x.shape[1] - 1, 0]).reshape([-1, dModel]) } };
      },
      stateSize: () => dModel,
      flops: (seqLen) => 2 * seqLen * dModel * dModel,
    };
  },
});
