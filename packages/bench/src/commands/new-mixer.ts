/** `mixerzoo new-mixer`: what `npm create mixerzoo` does for a mixer, with a name that no plugin here has. */
import { formsOf, printNext, projectFault, refuse, writeProject } from 'create-mixerzoo';
import { discoverPlugins, matching } from '../plugins.js';

const COMMAND = 'mixerzoo new-mixer';

export async function newMixer(name: string, { to }: { readonly to?: readonly string[] }): Promise<number> {
  const project = { kind: 'mixer', name, target: to?.at(-1) } as const;
  const fault = projectFault(project);
  if (fault !== undefined) refuse(COMMAND, fault);
  const [, camel] = formsOf(name);
  const [owner] = matching(await discoverPlugins(process.cwd()), 'mixers', camel);
  if (owner) {
    const { packageName } = owner;
    refuse(
      COMMAND,
      `a new name, got '${name}': ${packageName} has a mixer '${camel}', and configs know mixers by name.`,
    );
  }
  const next = writeProject(project);
  printNext(project.target ?? name, next);
  return 0;
}
