import { describeMixer } from '@mixerzoo/core/testing';
import { gla } from './gla.js';

// The RMSNorm of a small o is strongly curved: finer steps for the central differences.
const differenceStep = 5e-4;

describeMixer('gla, two heads', () => gla({ dModel: 16, nHeads: 2 }), {
  lengths: [1, 7, 15, 16, 17, 63, 65, 130],
  differenceStep,
});
describeMixer(
  'gla, three heads of odd width, fast decay',
  () => gla({ dModel: 15, nHeads: 3, expandK: 1, expandV: 2, gateLowRank: 4, gateLogitNormalizer: 1 }),
  { differenceStep },
);
