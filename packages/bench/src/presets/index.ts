/**
 * The experiments `mixerzoo run <preset>` knows. A file each; a preset is a config like a user's own. Mixers and tasks are
 * named with their package, so that one of the same name in an installed plugin does not make a preset ambiguous.
 */
import type { ExperimentConfig } from '../experiment/experiment.js';
import { paperCell } from './paper-cell.js';
import { quick } from './quick.js';
import { selectiveCopying } from './selective-copying.js';

export const presets: Readonly<Record<string, ExperimentConfig>> = {
  quick,
  'paper-cell': paperCell,
  'selective-copying': selectiveCopying,
};
