import { definePlugin } from '@mixerzoo/core';
import { glaModels } from './gla.js';
import { mambaModels } from './mamba.js';
import { pythiaModels } from './pythia.js';
import { transformerModels } from './transformer.js';

export { createModel } from './create-model.js';
export { type ExportOptions, exportPretrained } from './export-pretrained.js';
export type { GlaOptions, GlaSize } from './gla.js';
export { glaModel } from './gla.js';
export { loadPretrained, type Pretrained } from './load-pretrained.js';
export type { MambaOptions, MambaSize } from './mamba.js';
export { mambaModel } from './mamba.js';
export type { PythiaOptions, PythiaSize } from './pythia.js';
export { pythia } from './pythia.js';
export type { LanguageModelPreset } from './setup.js';
export type { TransformerOptions, TransformerSize } from './transformer.js';
export { transformerPlusPlus } from './transformer.js';

export const plugin = /* @__PURE__ */ definePlugin({
  models: [...pythiaModels, ...transformerModels, ...mambaModels, ...glaModels],
});
