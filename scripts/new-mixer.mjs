/**
 * `npm run new:mixer <name>`: a new package of this repository, named as its mixer or by `-- --package <family>`; with
 * `-- --to <directory>` one that stands alone, as `npm create mixerzoo` writes it.
 */
import { printNext, projectFault, refuse, writeProject } from '../packages/create-mixerzoo/src/index.mjs';
import { assertNotTaken, newMixerHere, parseArguments } from './mixer-package.mjs';

const COMMAND = 'new:mixer';
const { name, to, family } = parseArguments(COMMAND, process.argv.slice(2));
if (to === undefined) newMixerHere(COMMAND, name, family);
else {
  const project = { kind: 'mixer', name, target: to };
  const fault = projectFault(project);
  if (fault !== undefined) refuse(COMMAND, fault);
  assertNotTaken(COMMAND, name);
  const next = writeProject(project);
  printNext(to, next);
}
