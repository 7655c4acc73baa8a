import { definePlugin } from '@mixerzoo/core';
import { deltaNet } from './delta-net.js';

export { type DeltaNetParams, type DeltaNetState, deltaNet } from './delta-net.js';
export { type DeltaRuleOptions, deltaRule } from './ops/delta-rule/index.js';

export const plugin = definePlugin({ mixers: [deltaNet] });
