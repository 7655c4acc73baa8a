/** `@mixerzoo/theory`: every claim of the CAT paper as an experiment that runs. */
import type { Claim } from './claim.js';
import { corollary1 } from './claims/corollary-1.js';
import { lemma4 } from './claims/lemma-4.js';
import { proposition1A, proposition1B, proposition1C } from './claims/proposition-1.js';
import { proposition2 } from './claims/proposition-2.js';
import { proposition3 } from './claims/proposition-3.js';
import { proposition5 } from './claims/proposition-5.js';
import { theorem1 } from './claims/theorem-1.js';
import { theorem2 } from './claims/theorem-2.js';
import { theorem3 } from './claims/theorem-3.js';
import { theorem4 } from './claims/theorem-4.js';

export type {
  Axis,
  Check,
  Claim,
  ClaimContext,
  ClaimResult,
  Findings,
  JudgedCheck,
  Plot,
  PlotPoint,
  PlotSeries,
  Slip,
} from './claim.js';
export { defineClaim, judge, runClaim } from './claim.js';
export { type Context, successOfOne, sufficientWidth, widthForSuccess } from './figure-4/block-sums.js';
export { FIGURE_4, type Figure4Sizes, figure4 } from './figure-4/index.js';

/** The claims, in the order of the paper. */
export const claims: readonly Claim[] = [
  theorem1,
  corollary1,
  theorem2,
  proposition3,
  theorem3,
  theorem4,
  proposition1A,
  proposition1B,
  proposition1C,
  proposition2,
  lemma4,
  proposition5,
];
