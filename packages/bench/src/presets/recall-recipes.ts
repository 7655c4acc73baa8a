/** Every recipe for recall of the zoo, in the setting of `quick` with three seeds: what docs/recall-recipes.md shows. */
import type { Preset } from '../experiment/experiment.js';

export const recallRecipes: Preset = {
  name: 'recall-recipes',
  extends: '@mixerzoo/bench#quick',
  description: 'What does each mixer of the zoo recall by its recipe?',
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
  },
  seeds: [0, 1, 2],
};
