/** The recipes for recall of the families that `quick` leaves out, and GLA without its convolutions, in `quick`'s setting: docs/recall-recipes.md shows both. */
import type { Preset } from '../experiment/experiment.js';
import { quick } from './quick.js';

export const recallRecipes: Preset = {
  ...quick,
  name: 'recall-recipes',
  description:
    'What do the families recall that quick leaves out, each by its recipe, and what does GLA without its convolutions?',
  models: {
    'Mamba-2, 2 layers': { extends: '@mixerzoo/mamba#mamba2-recall' },
    'Retention, 2 layers': { extends: '@mixerzoo/retention#retention-recall' },
    'mLSTM, 2 layers': { extends: '@mixerzoo/xlstm#m-lstm-recall' },
    'Hyena, 2 layers': { extends: '@mixerzoo/hyena#hyena-recall' },
    'H3, 2 layers': { extends: '@mixerzoo/hyena#h3-recall' },
    'RWKV-7, 2 layers': { extends: '@mixerzoo/rwkv#rwkv7-recall' },
    'DeltaNet, 2 layers': { extends: '@mixerzoo/delta#delta-net-recall' },
    'Gated DeltaNet, 2 layers': { extends: '@mixerzoo/delta#gated-delta-net-recall' },
    'Kimi Delta Attention, 2 layers': { extends: '@mixerzoo/delta#kimi-delta-attention-recall' },
    'GLA, 2 layers, no convolutions': { extends: '@mixerzoo/gla#gla-recall', model: { shortFilters: { B: false } } },
  },
};
