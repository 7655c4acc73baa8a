/** The plugins that a command works with. */
import { discoverPlugins, type Registry } from '../plugins.js';
import { print } from '../terminal.js';

/** Those visible from a directory; what does not load is named on standard error, and the command goes on without it. */
export async function findPlugins(cwd: string): Promise<Registry> {
  const registry = await discoverPlugins(cwd);
  for (const { packageName, message } of registry.faults) {
    const named = message.startsWith(packageName) ? message : `${packageName}: ${message}`;
    print(`Plugin left out: ${named}`, process.stderr);
  }
  return registry;
}
