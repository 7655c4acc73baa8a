import { describeMixer } from '@mixerzoo/core/testing';
import { deltaNet } from './delta-net.js';

// Fresh queries and keys are small, and their norm is curved there.
const options = { lengths: [1, 7, 16, 33], differenceStep: 1e-3, matMulShare: 0.8 };

describeMixer('deltaNet', () => deltaNet({ dModel: 16, nHeads: 2 }), options);
describeMixer(
  'deltaNet, wide values, no filters',
  () => deltaNet({ dModel: 8, nHeads: 1, headDim: 6, expandV: 1.5, filterWidth: 0, allowNegEigval: true }),
  options,
);
