import { definePlugin } from '@mixerzoo/core/plugin';
import { ar } from './ar.js';
import { fuzzyRecall } from './fuzzy-recall.js';
import { mqar } from './mqar.js';
import { mqnar } from './mqnar.js';
import { nar } from './nar.js';
import { noisyRecall } from './noisy-recall.js';
import { selectiveCopy } from './selective-copy.js';

export { type AutoregressiveResult, evaluateAutoregressively, type PredictAt } from './autoregressive.js';
export { createGenerate, splitOf, type WriteExample } from './examples.js';
export { createSlotSampler, createTokenPool, type DrawSlots, powerLawWeights, type TokenPool } from './sampling.js';
export { ar, fuzzyRecall, mqar, mqnar, nar, noisyRecall, selectiveCopy };

export const plugin = definePlugin({ tasks: [ar, nar, mqar, mqnar, noisyRecall, fuzzyRecall, selectiveCopy] });
