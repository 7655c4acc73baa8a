/**
 * The experiments `mixerzoo run <preset>` knows from this package. A file each; a preset is a config like a user's own. Mixers
 * and tasks are named with their package, so that one of the same name in an installed plugin does not make a preset ambiguous.
 */
import type { Preset } from '../experiment/experiment.js';
import { paperCell } from './paper-cell.js';
import { quick } from './quick.js';
import { recallRecipes } from './recall-recipes.js';
import { selectiveCopying } from './selective-copying.js';

export const presets: readonly Preset[] = [quick, recallRecipes, paperCell, selectiveCopying];
