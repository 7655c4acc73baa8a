/**
 * Finds what packages bring (mixers, tasks, channel mixers, norms, presets, figures): packages with the keyword
 * `mixerzoo-plugin`, in node_modules from the working directory upwards and from this package upwards. A new mixer is found
 * because it is installed; no list names it. Core and this package are plugins too.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InvalidConfigError, type Plugin } from '@mixerzoo/core';
import { assertSpecVersion } from '@mixerzoo/core/harness';
import { createJiti } from 'jiti';
import { type Registered, type Registry, registered } from './find-part.js';
import { importGuarded } from './guarded-import.js';
import { findPackage, missingEntry, nodeModulesUpwards, packagesIn, readManifest } from './installed-packages.js';
import { byKind, type Kind, partsOf } from './part-kinds.js';
import { assertPlugin } from './plugin-kinds.js';

export { findPart, matching, qualifiedName, type Registered, type Registry } from './find-part.js';

/** Files of plugins' entries, by the factories loaded from them. */
const entries = new WeakMap<object, string>();

/** The real path of the entry of the package that a factory was loaded from; undefined for one of no plugin. */
export function entryOf(factory: object): string | undefined {
  return entries.get(factory);
}

/** Resolved as Node would, with the condition under which we ourselves run (source in the repository, else dist). */
export const IMPORT_CONDITIONS: readonly string[] = [
  'node',
  'import',
  ...(import.meta.url.endsWith('.ts') ? ['@mixerzoo/source'] : []),
];

const KEYWORD = 'mixerzoo-plugin';
const HERE = dirname(fileURLToPath(import.meta.url));

/** Loads every plugin visible from a directory. A plugin that fails to load is a fault of the registry, not an error. */
export async function discoverPlugins(cwd: string): Promise<Registry> {
  const found = new Map<string, string>();
  const unreadable: string[] = [];
  // Presets and figures are those of the command that runs, whatever other copy of it is nearer.
  const places = new Set([cwd, HERE].flatMap((start) => [...nodeModulesUpwards(start)])); // most often the same ones
  for (const directory of [dirname(HERE), ...[...places].flatMap(packagesIn)]) {
    const manifest = readManifest(directory);
    if (!manifest && existsSync(join(directory, 'package.json'))) unreadable.push(directory);
    const keywords = manifest?.keywords;
    if (!manifest?.name || !Array.isArray(keywords) || !keywords.includes(KEYWORD)) continue;
    // The copy nearest to the working directory wins.
    if (!found.has(manifest.name)) found.set(manifest.name, directory);
  }
  const parts = byKind((): Registered<object>[] => []);
  const faults = [...new Set(unreadable)].map((packageName) => {
    return { packageName, message: 'its package.json cannot be read' };
  });
  for (const [packageName, directory] of [...found].sort(([a], [b]) => a.localeCompare(b))) {
    try {
      const plugin = await importPlugin(packageName, directory);
      byKind((kind) => parts[kind].push(...registered(plugin, kind, packageName)));
    } catch (error) {
      faults.push({ packageName, message: error instanceof Error ? error.message : String(error) });
    }
  }
  const open = async <K extends Kind>(kind: K, packageName: string) => {
    const directory = [cwd, HERE].map((start) => findPackage(start, packageName)).find((path) => path !== undefined);
    return directory === undefined
      ? undefined
      : registered(await importPlugin(packageName, directory), kind, packageName);
  };
  return { ...(parts as Pick<Registry, Kind>), faults, open };
}

/** Names of the packages of a registry, each once. */
export function packagesOf(registry: Registry): string[] {
  const packages = byKind((kind) => registry[kind].map(({ packageName }) => packageName));
  return [...new Set(Object.values(packages).flat())].sort();
}

/** @throws InvalidConfigError if the package does not load, or is no plugin. */
async function importPlugin(packageName: string, directory: string): Promise<Plugin> {
  const parentURL = pathToFileURL(join(directory, 'package.json')).href;
  let plugin: Plugin | undefined;
  let path: string;
  try {
    const entry = createJiti(import.meta.url).esmResolve(packageName, {
      parentURL,
      conditions: [...IMPORT_CONDITIONS],
    });
    path = realpathSync(fileURLToPath(entry));
    const url = pathToFileURL(path).href;
    const module = await importGuarded(packageName, () => import(/* @vite-ignore */ url));
    plugin = (module as { plugin?: Plugin }).plugin;
  } catch (error) {
    const missing = missingEntry(directory, IMPORT_CONDITIONS);
    if (missing !== undefined) throw notBuilt(packageName, directory, missing);
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`${packageName}: expected a package that loads, got '${reason}'.`, { cause: error });
  }
  if (!plugin) {
    throw new InvalidConfigError(
      `${packageName}: expected an export 'plugin', got none. Write \`export const plugin = definePlugin({ … })\`.`,
    );
  }
  assertSpecVersion(packageName, 'plugin', plugin, 'definePlugin');
  assertPlugin(plugin, packageName);
  byKind((kind) => {
    for (const part of partsOf(plugin, kind)) entries.set(part, path);
  });
  return plugin;
}

function notBuilt(packageName: string, directory: string, missing: string): InvalidConfigError {
  const builds = readManifest(directory)?.scripts?.['build'] !== undefined;
  const remedy = builds ? 'It is not built: run `npm run build` there' : 'Build it, or install it again';
  return new InvalidConfigError(
    `${packageName}: expected the file that its package.json names, got no ${missing} in ${realpathSync(directory)}. ${remedy}.`,
  );
}
