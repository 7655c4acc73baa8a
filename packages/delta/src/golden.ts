/** Reference vectors of DeltaNet: an independent float64 reference, checked against flash-linear-attention. */
import { type GoldenCase, type GoldenChecks, goldenMixer } from '@mixerzoo/core/testing';
import { deltaNet } from './delta-net.js';

const checkDeltaNet = goldenMixer((config) =>
  deltaNet({
    dModel: config.modelDim as never,
    nHeads: config.heads,
    headDim: config.headDim,
    expandV: config.expandV,
    filterWidth: config.convWidth,
    allowNegEigval: config.allowNegEigval,
    normEps: config.normEps,
  }),
);

/** The files call the filters as flash-linear-attention does: `qConv.weight` is `qFilter`. */
function withOurNames(golden: GoldenCase): GoldenCase {
  const tensors = [...golden.tensors].map(
    ([name, tensor]) => [name.replace(/([qkv])Conv\.weight$/, '$1Filter'), tensor] as const,
  );
  return { ...golden, tensors: new Map(tensors) };
}

export const golden: GoldenChecks = {
  deltaNet: (file) => checkDeltaNet(withOurNames(file)),
};
