import { definePlugin } from '@mixerzoo/core';
import { mqar } from './mqar.js';

export { createGenerate, splitOf, type WriteExample } from './examples.js';
export { mqar } from './mqar.js';

export const plugin = definePlugin({ tasks: [mqar] });
