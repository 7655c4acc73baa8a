/** A mixer for the tests of models and training: small, causal, with a recurrent form and parameters. */
import * as z from 'zod';
import { defineMixer } from '../../mixer.js';
import { linear } from '../../ops/linear/index.js';
import { randomNormal } from '../../random-tensors.js';
import { foldIn } from '../../rng.js';
import * as tf from '../../tf.js';

type Params = { vProj: { weight: tf.Tensor }; oProj: { weight: tf.Tensor } };
type State = { sum: tf.Tensor; count: tf.Tensor };

/** y_t = W_o (mean of W_v x_s over s <= t). */
export const averagingMixer = defineMixer({
  name: 'averaging',
  summary: 'Mean of the tokens so far (tests only).',
  schema: z.strictObject({ dModel: z.int().positive(), auxiliary: z.number().default(0) }),
  create: ({ dModel, auxiliary }) => ({
    init: (seed, nLayers = 1): Params => ({
      vProj: { weight: randomNormal([dModel, dModel], 0.2, foldIn(seed, 'v')) },
      oProj: { weight: randomNormal([dModel, dModel], 0.2 / Math.sqrt(2 * nLayers), foldIn(seed, 'o')) },
    }),
    apply(params, x, context) {
      const [, seqLen] = x.shape;
      const values = linear(x, params.vProj);
      const weights = tf.tensor2d(
        Float32Array.from({ length: seqLen * seqLen }, (_, i) => {
          const t = Math.floor(i / seqLen);
          return i % seqLen <= t ? 1 / (t + 1) : 0;
        }),
        [seqLen, seqLen],
      );
      if (auxiliary > 0) context?.addLoss?.(tf.mul(tf.mean(tf.square(values)), auxiliary) as tf.Scalar);
      const means = tf.matMul(tf.tile(tf.expandDims(weights, 0), [x.shape[0], 1, 1]), values) as tf.Tensor3D;
      return linear(means, params.oProj);
    },
    initState: (batchSize): State => ({ sum: tf.zeros([batchSize, dModel]), count: tf.zeros([batchSize, 1]) }),
    step(params, x, state) {
      const result = tf.tidy(() => {
        const sum = tf.add(state.sum, linear(x, params.vProj));
        const count = tf.add(state.count, 1);
        return { y: linear(tf.div(sum, count) as tf.Tensor2D, params.oProj), state: { sum, count } };
      });
      tf.dispose([state.sum, state.count]);
      return result;
    },
    stateSize: () => dModel + 1,
    flops: (seqLen) => 4 * seqLen * dModel * dModel + 2 * seqLen * seqLen * dModel,
  }),
});
