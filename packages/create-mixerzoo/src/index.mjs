/** Projects from templates, for programs: what `npm create mixerzoo` does, without its prompts. */
export { projectFault, writeProject } from './project.mjs';
export { formsOf, printNext, refuse } from './scaffold.mjs';
