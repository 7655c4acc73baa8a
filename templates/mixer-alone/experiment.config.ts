/**
 * This mixer beside CAT, on the same task with the same budget: `npx mixerzoo run experiment.config.ts`, in less than a minute. Without
 * `only` it is trained beside all models of the preset.
 */
import { defineExperiment } from '@mixerzoo/bench';
import { causalMean } from './src/causal-mean.js';

export default defineExperiment({
  extends: 'quick',
  models: { 'Causal mean': { layers: [causalMean], nLayers: 2 } },
  only: ['CAT, 1 layer', 'Causal mean'],
});
