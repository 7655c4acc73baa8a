import { definePlugin } from '@mixerzoo/core';

export const plugin = definePlugin({ mixers: [] });
