/**
 * `npm run new:mixer <name>`: a new package of this repository, named as its mixer or by `-- --package <family>`; with
 * `-- --to <directory>` one that stands alone.
 */
import { newMixerAlone, newMixerHere, parseArguments } from '../packages/bench/bin/new-mixer.mjs';

const { name, to, family } = parseArguments('new:mixer', process.argv.slice(2));
if (to === undefined) newMixerHere('new:mixer', name, family);
else newMixerAlone('new:mixer', name, to);
