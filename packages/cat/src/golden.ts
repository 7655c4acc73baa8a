/** Golden vectors of this package: the files' names for a config, and ours. */
import { type GoldenChecks, goldenMixer } from '@mixerzoo/core/testing';
import { cat, mhcat } from './cat.js';
import { linCat, linearAttentionMixer } from './lin-cat.js';

/** A file's config. */
type GoldenConfig = {
  readonly modelDim: number;
  readonly heads: number;
  readonly filterWidth: number;
  readonly positional?: 'none' | 'rope' | 'alibi';
  readonly ropeBase?: number;
  readonly ropeFraction?: number;
  readonly valueOnly?: boolean;
  readonly mixMaps?: boolean;
  readonly featureMap?: 'identity' | 'elu1';
  readonly normalize?: boolean;
  readonly scale?: number;
  readonly eps?: number;
};

const sizes = ({ modelDim, heads }: GoldenConfig) => ({ dModel: modelDim, nHeads: heads });
const positions = ({ positional, ropeBase, ropeFraction }: GoldenConfig) => ({
  positional,
  ropeBase,
  rotaryFraction: ropeFraction,
});
const features = ({ featureMap, normalize, scale, eps }: GoldenConfig) => ({ featureMap, normalize, scale, eps });
/** A check of the mixer that `make` builds from a file's config. */
const check = (make: (config: GoldenConfig) => ReturnType<Parameters<typeof goldenMixer>[0]>) =>
  goldenMixer((config: object) => make(config as GoldenConfig));

export const golden: GoldenChecks = {
  cat: check((config) =>
    cat({
      ...sizes(config),
      ...positions(config),
      filterWidth: config.filterWidth,
      filters: config.valueOnly ? { v: 'perHead' } : 'perHead',
    }),
  ),
  mhcat: check((config) =>
    mhcat({ ...sizes(config), ...positions(config), filterWidth: config.filterWidth, mixMaps: config.mixMaps }),
  ),
  linCat: check((config) => linCat({ ...sizes(config), ...features(config), filterWidth: config.filterWidth })),
  linearAttention: check((config) => linearAttentionMixer({ ...sizes(config), ...features(config) })),
};
