/** What core brings, as a plugin: found in the way of every package. A file of its own, so that bundles leave it out. */
import { CHANNEL_MIXERS } from './model/channel-mixer.js';
import { NORMS } from './model/norm.js';
import { definePlugin } from './plugin.js';

export const plugin = definePlugin({ channelMixers: Object.values(CHANNEL_MIXERS), norms: Object.values(NORMS) });
