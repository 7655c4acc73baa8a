/**
 * Finds what packages bring (mixers, tasks, channel mixers, norms, presets, figures): packages with the keyword
 * `mixerzoo-plugin`, in node_modules from the working directory upwards and from this package upwards. A new mixer is found
 * because it is installed; no list names it. Core and this package are plugins too.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InvalidConfigError, type Plugin } from '@mixerzoo/core';
import { nearestName, UnknownNameError } from '@mixerzoo/core/errors';
import { assertSpecVersion } from '@mixerzoo/core/harness';
import { createJiti } from 'jiti';
import { importGuarded } from './guarded-import.js';
import { findPackage, nodeModulesUpwards, packagesIn, readManifest } from './installed-packages.js';
import { assertPlugin, byKind, KINDS, type Kind, nameOf, type Parts, partsOf } from './plugin-kinds.js';

/** A part of a plugin, and where it is from. */
export interface Registered<P> {
  readonly name: string;
  readonly packageName: string;
  readonly part: P;
}

/** Everything that was found, by kind. */
export type Registry = { readonly [K in Kind]: readonly Registered<Parts[K]>[] } & {
  /** Plugins that could not be loaded, and why. */
  readonly faults: readonly { readonly packageName: string; readonly message: string }[];
  /** Where a package named in a config is looked for. */
  readonly from: readonly string[];
};

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
  const installed = [cwd, HERE].flatMap((start) => [...nodeModulesUpwards(start)].flatMap(packagesIn));
  for (const directory of [dirname(HERE), ...installed]) {
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
  return { ...(parts as Pick<Registry, Kind>), faults, from: [cwd, HERE] };
}

function registered<K extends Kind>(plugin: Plugin, kind: K, packageName: string): Registered<Parts[K]>[] {
  return partsOf(plugin, kind).map((part) => ({ name: nameOf(kind, part), packageName, part }));
}

/** Names of the packages of a registry, each once. */
export function packagesOf(registry: Registry): string[] {
  const packages = byKind((kind) => registry[kind].map(({ packageName }) => packageName));
  return [...new Set(Object.values(packages).flat())].sort();
}

/** `some-package#cat`, by which a part is found whatever other packages bring. */
export const qualifiedName = ({ packageName, name }: Registered<unknown>) => `${packageName}#${name}`;

/** The parts that a name stands for: several where packages bring one of the same name. */
export function matching<K extends Kind>(registry: Registry, kind: K, name: string): readonly Registered<Parts[K]>[] {
  const known = registry[kind] as readonly unknown[] as readonly Registered<Parts[K]>[];
  return known.filter((entry) => entry.name === name || qualifiedName(entry) === name);
}

/**
 * The part of a name: a discovered one (`cat`), one of several packages (`some-package#cat`), or the only one of its kind of
 * an installed package (`some-package`), which need not carry the keyword.
 * @throws UnknownNameError, or InvalidConfigError where a name or package is ambiguous or unfit.
 */
export async function findPart<K extends Kind>(
  registry: Registry,
  kind: K,
  name: string,
): Promise<Registered<Parts[K]>> {
  const { word } = KINDS[kind];
  const matches = matching(registry, kind, name);
  if (matches.length === 1) return matches[0] as Registered<Parts[K]>;
  if (matches.length > 1) {
    const qualified = matches.map((entry) => `'${qualifiedName(entry)}'`).join(' or ');
    throw new InvalidConfigError(
      `${word} '${name}': expected one package to provide it, got several. Use ${qualified}.`,
    );
  }
  const [packageName, part] = name.split('#') as [string, string | undefined];
  const directory = registry.from.map((start) => findPackage(start, packageName)).find((path) => path !== undefined);
  if (!directory) {
    const names = registry[kind].map((entry) => entry.name);
    const fault = registry.faults.map(({ packageName: bad, message }) => ` Not loaded: ${bad} (${message}).`).join('');
    const unknown = new UnknownNameError(word, name, names);
    if (fault && !nearestName(name, names)) unknown.message += fault;
    throw unknown;
  }
  const offered = registered(await importPlugin(packageName, directory), kind, packageName);
  const chosen = part === undefined ? offered : offered.filter((entry) => entry.name === part);
  if (chosen.length === 1) return chosen[0] as Registered<Parts[K]>;
  const choices = offered.map((entry) => `'${qualifiedName(entry)}'`).join(', ') || 'none';
  throw new InvalidConfigError(`${word} '${name}': expected one ${word} of the package, got a choice of ${choices}.`);
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
