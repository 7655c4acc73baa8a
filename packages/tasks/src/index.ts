import { definePlugin } from '@mixerzoo/core/plugin';
import { ar } from './ar.js';
import { compositionalMqar } from './compositional-mqar.js';
import { compression } from './compression.js';
import { copy } from './copy.js';
import { forgettingMqar } from './forgetting-mqar.js';
import { fuzzyRecall } from './fuzzy-recall.js';
import { inductionHeads } from './induction-heads.js';
import { memorization } from './memorization.js';
import { modularArithmetic } from './modular-arithmetic.js';
import { mqar } from './mqar.js';
import { mqnar } from './mqnar.js';
import { nar } from './nar.js';
import { noisyRecall } from './noisy-recall.js';
import { palindrome } from './palindrome.js';
import { phonebook } from './phonebook.js';
import { selectiveCopy } from './selective-copy.js';
import { stack } from './stack.js';
import { stateTracking } from './state-tracking.js';

export { type AutoregressiveResult, evaluateAutoregressively, type PredictAt } from './autoregressive.js';
export { createGenerate, splitOf, type WriteExample } from './examples.js';
export { createSlotSampler, createTokenPool, type DrawSlots, powerLawWeights, type TokenPool } from './sampling.js';
export {
  ar,
  compositionalMqar,
  compression,
  copy,
  forgettingMqar,
  fuzzyRecall,
  inductionHeads,
  memorization,
  modularArithmetic,
  mqar,
  mqnar,
  nar,
  noisyRecall,
  palindrome,
  phonebook,
  selectiveCopy,
  stack,
  stateTracking,
};

export const plugin = /* @__PURE__ */ definePlugin({
  tasks: [
    ar,
    compositionalMqar,
    compression,
    copy,
    forgettingMqar,
    fuzzyRecall,
    inductionHeads,
    memorization,
    modularArithmetic,
    mqar,
    mqnar,
    nar,
    noisyRecall,
    palindrome,
    phonebook,
    selectiveCopy,
    stack,
    stateTracking,
  ],
});
