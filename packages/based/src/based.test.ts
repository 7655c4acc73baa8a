import { describeMixer } from '@mixerzoo/core/testing';
import { baseConv } from './base-conv.js';
import { based } from './based.js';

// Beyond 184 tokens this one takes the chunkwise form on the wasm engine.
describeMixer('based, one head', () => based({ dModel: 16 }), { lengths: [1, 7, 63, 65, 130, 200] });
describeMixer('based, f = 16, two heads', () => based({ dModel: 16, nHeads: 2, featureDim: 16 }));
describeMixer('based, three heads of odd width', () => based({ dModel: 15, nHeads: 3, featureDim: 5 }));
describeMixer(
  'based, filters',
  () => based({ dModel: 16, nHeads: 2, featureDim: 4, filters: 'perChannel', filterResidual: true }),
  { matMulShare: 0.75 },
);

// The convolution's share of the FLOPs, W / (d + W), is not a matrix product.
const scaledByDepth = false; // nor has the reference
describeMixer('baseConv', () => baseConv({ dModel: 16 }), { scaledByDepth, matMulShare: 16 / 19 - 0.01 });
describeMixer('baseConv without residual, W = 5', () => baseConv({ dModel: 9, dConv: 5, residual: false }), {
  scaledByDepth,
  matMulShare: 9 / 14 - 0.01,
});
describeMixer('baseConv of one tap', () => baseConv({ dModel: 8, dConv: 1 }), {
  scaledByDepth,
  lengths: [1, 7],
  matMulShare: 8 / 9 - 0.01,
});
