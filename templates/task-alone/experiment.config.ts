/**
 * Two mixers of the zoo on this task, with the same budget: `npx mixerzoo run experiment.config.ts`, in about a minute. Without
 * `only` all models of the preset are trained.
 */
import { defineExperiment } from '@mixerzoo/bench';
import { firstToken } from './src/first-token.js';

export default defineExperiment({
  extends: 'quick',
  only: ['CAT, 1 layer', 'Attention, 2 layers'],
  task: { task: firstToken, vocabSize: 16, seqLen: 16 },
  testLengths: [32],
});
