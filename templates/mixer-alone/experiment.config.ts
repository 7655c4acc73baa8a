/** This mixer beside those of the preset, on the same task with the same budget: `npx mixerzoo run experiment.config.ts`. */
import { defineExperiment } from '@mixerzoo/bench';
import { causalMean } from './src/causal-mean.js';

export default defineExperiment({
  extends: 'quick',
  models: { 'Causal mean': { layers: [causalMean], nLayers: 2 } },
});
