/** Golden vectors of this package: the files' names for a config, and ours. */

import { tf } from '@mixerzoo/core';
import { expectGolden, type GoldenChecks, goldenMixer } from '@mixerzoo/core/testing';
import { attention, slidingWindow } from './attention.js';
import { type ContextExtension, rotaryAngles, rotaryFrequencies } from './ops/rotary/frequencies.js';

/** A file's config. */
type GoldenConfig = {
  readonly modelDim: number;
  readonly heads: number;
  readonly positional?: 'none' | 'rope' | 'alibi';
  readonly ropeBase?: number;
  readonly ropeFraction?: number;
};

/** The part of a file's config that all mixers share, in our names. */
function sharedOptions(config: object) {
  const { modelDim, heads, positional, ropeBase, ropeFraction } = config as GoldenConfig;
  return { dModel: modelDim, nHeads: heads, positional, ropeBase, rotaryFraction: ropeFraction };
}

export const golden: GoldenChecks = {
  attention: goldenMixer((config) => attention(sharedOptions(config))),
  slidingWindow: goldenMixer((config) => slidingWindow({ ...sharedOptions(config), window: config.window })),
  async rope(file) {
    const { dim, base, length, scaling } = file.config as {
      dim: number;
      base: number;
      length: number;
      scaling: Scaling | null;
    };
    const extension = scaling && {
      method: scaling.type === 'linear' ? ('interpolation' as const) : ('yarn' as const),
      originalLength: length,
      ...scaling,
    };
    const frequencies = rotaryFrequencies(dim, base, extension ?? undefined);
    const { cos, sin } = rotaryAngles(frequencies, 0, length);
    // The files hold each half twice, and the temperature folded in.
    const whole = (table: Float32Array) =>
      tf.tidy(() => tf.tile(tf.tensor2d(table, [length, dim / 2]), [1, 2]).mul(frequencies.mscale));
    const tensors = {
      cos: whole(cos),
      sin: whole(sin),
      invFreq: tf.tensor1d([...frequencies.invFreq]),
      mscale: tf.tensor1d([frequencies.mscale]),
    };
    for (const [name, tensor] of Object.entries(tensors)) await expectGolden(file, name, tensor);
    tf.dispose(tensors);
  },
};

type Scaling = Partial<ContextExtension> & { type: 'linear' | 'yarn'; factor: number };
