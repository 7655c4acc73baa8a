/** Mamba and Mamba-2 for recall: two layers in Mamba's own block, without a branch for a channel mixer. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'mamba-recall',
    summary: 'Two layers of Mamba in its own block.',
    layers: [{ mixer: '@mixerzoo/mamba#mamba' }],
    nLayers: 2,
    model: { norm: '@mixerzoo/core#rmsNorm', residual: 'mixerOnly' },
    source: {
      layers: 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2: state 16',
      nLayers: 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2',
      'model.norm':
        'state-spaces/mamba, modules/block.py: RMSNorm, then the mixer alone, as zoology has it (MambaBlock)',
      'model.residual':
        'state-spaces/mamba, modules/block.py: RMSNorm, then the mixer alone, as zoology has it (MambaBlock)',
    },
  }),
  recallModel({
    name: 'mamba2-recall',
    summary: 'Two layers of Mamba-2, state 16, in its own block.',
    layers: [{ mixer: '@mixerzoo/mamba#mamba2', dState: 16 }],
    nLayers: 2,
    model: { norm: '@mixerzoo/core#rmsNorm', residual: 'mixerOnly' },
    source: {
      layers: 'HazyResearch/zoology, experiments/models_repo.py: state 8, 16 or 24',
      nLayers: 'HazyResearch/zoology, experiments/models_repo.py',
      'model.norm':
        'state-spaces/mamba, modules/block.py: RMSNorm, then the mixer alone, as zoology has it (MambaBlock)',
      'model.residual':
        'state-spaces/mamba, modules/block.py: RMSNorm, then the mixer alone, as zoology has it (MambaBlock)',
    },
  }),
];
