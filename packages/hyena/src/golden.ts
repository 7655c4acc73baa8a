/** Reference vectors of Hyena and H3: an independent float64 reference. */
import { type GoldenChecks, goldenMixer, renamed } from '@mixerzoo/core/testing';
import { h3 } from './h3.js';
import { hyena } from './hyena.js';

/** What the files' configs hold. */
interface HyenaFileConfig {
  readonly modelDim: number;
  readonly order: number;
  readonly shortWidth: number;
  readonly [option: string]: number;
}

const checkHyena = goldenMixer(({ modelDim, order: _, shortWidth, ...rest }: HyenaFileConfig) =>
  hyena({ dModel: modelDim, filterWidth: shortWidth, ...rest }),
);

export const golden: GoldenChecks = {
  hyena: (file) =>
    checkHyena(
      renamed(file, (path) => path.replace('shortConv.weight', 'convWeight').replace('shortConv.bias', 'convBias')),
    ),
  h3: goldenMixer(({ modelDim, headDim, dState }: { modelDim: number; headDim: number; dState: number }) =>
    h3({ dModel: modelDim, headDim, dState }),
  ),
};
