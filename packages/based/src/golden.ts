/** How golden files of Based and BaseConv map to this package. */
import { type GoldenChecks, goldenMixer } from '@mixerzoo/core/testing';
import { baseConv } from './base-conv.js';
import { based } from './based.js';

type BasedFile = { modelDim: number; heads: number; featureDim: number; eps: number };
type BaseConvFile = { modelDim: number; kernelSize: number; residual: boolean };

export const golden: GoldenChecks = {
  based: goldenMixer((config) => {
    const { modelDim, heads, featureDim, eps } = config as unknown as BasedFile;
    return based({ dModel: modelDim, nHeads: heads, featureDim, eps });
  }),
  baseConv: goldenMixer((config) => {
    const { modelDim, kernelSize, residual } = config as unknown as BaseConvFile;
    return baseConv({ dModel: modelDim, dConv: kernelSize, residual });
  }),
};
