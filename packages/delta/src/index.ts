import { definePlugin } from '@mixerzoo/core';
import { deltaNet } from './delta-net.js';

export { type DeltaNetParams, type DeltaNetState, deltaNet } from './delta-net.js';

export const plugin = definePlugin({ mixers: [deltaNet] });
