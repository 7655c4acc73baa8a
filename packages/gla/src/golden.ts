/** How golden files of GLA and of its scan map to this package. */
import { tf } from '@mixerzoo/core';
import { dims } from '@mixerzoo/core/kernels';
import {
  expectGolden,
  expectGoldenFunction,
  type GoldenChecks,
  goldenMixer,
  goldenTensor,
} from '@mixerzoo/core/testing';
import { gla } from './gla.js';
import { glaScan } from './ops/gla-scan/index.js';

type GlaFile = {
  modelDim: number;
  heads: number;
  expandK: number;
  expandV: number;
  gateLowRank: number;
  gateLogitNormalizer: number;
  normEps: number;
};

export const golden: GoldenChecks = {
  gla: goldenMixer((config) => {
    const { modelDim, heads, ...options } = config as unknown as GlaFile;
    return gla({ dModel: modelDim, nHeads: heads, ...options });
  }),
  /** Files keep heads on an axis of their own: [B, L, H, c]. */
  async glaScan(golden) {
    const joined = (x: tf.Tensor) => {
      const [batch, length, nHeads, width] = dims(x, 4);
      return x.reshape<tf.Tensor3D>([batch, length, nHeads * width]);
    };
    const scan = (x: tf.Tensor, { k, gk, v }: { k: tf.Tensor; gk: tf.Tensor; v: tf.Tensor }) =>
      glaScan({ q: joined(x), k: joined(k), gk: joined(gk), v: joined(v) }, { nHeads: x.shape[2] as number });
    await expectGoldenFunction(golden, (x, params) => {
      const inputs = params as { k: tf.Tensor; gk: tf.Tensor; v: tf.Tensor };
      return scan(x, inputs).o.reshape(inputs.v.shape);
    });
    const [x, k, gk, v] = ['x', 'params.k', 'params.gk', 'params.v'].map((name) => goldenTensor(golden, name)) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const { lastState } = tf.tidy(() => scan(x, { k, gk, v }));
    await expectGolden(golden, 'lastState', lastState);
    tf.dispose([x, k, gk, v, lastState]);
  },
};
