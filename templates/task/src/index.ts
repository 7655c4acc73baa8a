import { definePlugin } from '@mixerzoo/core/plugin';
import { firstToken } from './first-token.js';

export { firstToken } from './first-token.js';

export const plugin = /* @__PURE__ */ definePlugin({ tasks: [firstToken] });
