import { describeMixer } from '@mixerzoo/core/testing';
import { gla } from './gla.js';

// Central differences need a smooth function: where q . k is near zero the RMSNorm of o is too steep for float32. A large
// eps tames it; the default eps is held to the golden gradients.
describeMixer('gla, two heads', () => gla({ dModel: 16, nHeads: 2, normEps: 0.1 }), {
  lengths: [1, 7, 15, 16, 17, 63, 65, 130],
});
describeMixer('gla, three heads of odd width, fast decay', () =>
  gla({ dModel: 15, nHeads: 3, expandK: 1, expandV: 2, gateLowRank: 4, gateLogitNormalizer: 1, normEps: 0.1 }),
);
describeMixer('gla, default eps', () => gla({ dModel: 16 }), { smooth: false });
