/** The experiments `mixerzoo run <preset>` knows. A file each; a preset is a config like a user's own. */
import type { ExperimentConfig } from '../experiment/experiment.js';
import { paperCell } from './paper-cell.js';
import { quick } from './quick.js';
import { selectiveCopying } from './selective-copying.js';

export const presets: Readonly<Record<string, ExperimentConfig>> = {
  quick,
  'paper-cell': paperCell,
  'selective-copying': selectiveCopying,
};
