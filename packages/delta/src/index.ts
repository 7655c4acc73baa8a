import { definePlugin } from '@mixerzoo/core';
import { deltaNet } from './delta-net.js';
import { gatedDeltaNet } from './gated-delta-net.js';
import { kimiDeltaAttention } from './kimi-delta-attention.js';
import { recallModels } from './recall.js';

export type { DeltaParams, DeltaState } from './delta-mixer.js';
export { type DeltaNetConfig, type DeltaNetParams, type DeltaNetState, deltaNet } from './delta-net.js';
export {
  type GatedDeltaNetConfig,
  type GatedDeltaNetParams,
  type GatedDeltaNetState,
  gatedDeltaNet,
} from './gated-delta-net.js';
export {
  type KimiDeltaAttentionConfig,
  type KimiDeltaAttentionParams,
  type KimiDeltaAttentionState,
  kimiDeltaAttention,
} from './kimi-delta-attention.js';
export { type DeltaRuleOptions, deltaRule } from './ops/delta-rule/index.js';

export const plugin = /* @__PURE__ */ definePlugin({
  mixers: [deltaNet, gatedDeltaNet, kimiDeltaAttention],
  models: recallModels,
});
