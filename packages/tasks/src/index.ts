import { definePlugin } from '@mixerzoo/core/plugin';
import { ar } from './ar.js';
import { compositionalMqar } from './compositional-mqar.js';
import { copy } from './copy.js';
import { forgettingMqar } from './forgetting-mqar.js';
import { fuzzyRecall } from './fuzzy-recall.js';
import { modularArithmetic } from './modular-arithmetic.js';
import { mqar } from './mqar.js';
import { mqnar } from './mqnar.js';
import { nar } from './nar.js';
import { noisyRecall } from './noisy-recall.js';
import { palindrome } from './palindrome.js';
import { selectiveCopy } from './selective-copy.js';
import { stack } from './stack.js';
import { stateTracking } from './state-tracking.js';

export { type AutoregressiveResult, evaluateAutoregressively, type PredictAt } from './autoregressive.js';
export { createGenerate, splitOf, type WriteExample } from './examples.js';
export { createSlotSampler, createTokenPool, type DrawSlots, powerLawWeights, type TokenPool } from './sampling.js';
export {
  ar,
  compositionalMqar,
  copy,
  forgettingMqar,
  fuzzyRecall,
  modularArithmetic,
  mqar,
  mqnar,
  nar,
  noisyRecall,
  palindrome,
  selectiveCopy,
  stack,
  stateTracking,
};

export const plugin = definePlugin({
  tasks: [
    ar,
    compositionalMqar,
    copy,
    forgettingMqar,
    fuzzyRecall,
    modularArithmetic,
    mqar,
    mqnar,
    nar,
    noisyRecall,
    palindrome,
    selectiveCopy,
    stack,
    stateTracking,
  ],
});
