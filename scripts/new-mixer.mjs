/** `npm run new:mixer <name>`: a new package of this repository; with `-- <name> --to <directory>` one that stands alone. */
import { newMixerAlone, newMixerHere, parseArguments } from '../packages/bench/bin/new-mixer.mjs';

const { name, to } = parseArguments('new:mixer', process.argv.slice(2));
if (to === undefined) newMixerHere('new:mixer', name);
else newMixerAlone('new:mixer', name, to);
