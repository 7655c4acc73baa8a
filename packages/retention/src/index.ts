/** Retention for mixerzoo. */
import { definePlugin } from '@mixerzoo/core';
import { recallModels } from './recall.js';
import { retention } from './retention.js';

export {
  type RetentionConfig,
  type RetentionParams,
  type RetentionState,
  retention,
  retentionSchema,
} from './retention.js';
export { type RetentionScanArguments, type RetentionScanOptions, retentionScan } from './scan.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [retention], models: recallModels });
