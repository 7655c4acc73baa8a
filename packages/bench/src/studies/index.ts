/** The studies of this package: figures with a question of their own. */
import type { Figure } from '../figures/figure.js';
import { deltaRecall } from './delta-recall.js';
import { shortFilters } from './short-filters.js';
import { stateTracking } from './state-tracking.js';

export const studies: readonly Figure[] = [shortFilters, stateTracking, deltaRecall];
