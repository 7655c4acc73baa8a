/** Mixers of the zoo on this task, with the same budget: `npx mixerzoo run experiment.config.ts`. */
import { defineExperiment } from '@mixerzoo/bench';
import { firstToken } from './src/first-token.js';

export default defineExperiment({
  extends: 'quick',
  task: { task: firstToken, vocabSize: 16, seqLen: 16 },
  testLengths: [32],
});
