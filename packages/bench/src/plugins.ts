/**
 * Finds mixers and tasks: in packages with the keyword `mixerzoo-plugin`, in node_modules from the working directory
 * upwards and from this package upwards. A new mixer is found because it is installed; no list names it.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  InvalidConfigError,
  type MixerFactory,
  nearestName,
  type Plugin,
  type TaskFactory,
  UnknownNameError,
} from '@mixerzoo/core';
import { createJiti } from 'jiti';
import { importGuarded } from './guarded-import.js';

/** A mixer or task factory, and where it is from. */
export interface Registered<F> {
  readonly name: string;
  readonly packageName: string;
  readonly factory: F;
}

/** Everything that was found. */
export interface Registry {
  readonly mixers: readonly Registered<MixerFactory>[];
  readonly tasks: readonly Registered<TaskFactory>[];
  /** Plugins that could not be loaded, and why. */
  readonly faults: readonly { readonly packageName: string; readonly message: string }[];
  /** Where a package named in a config is looked for. */
  readonly from: readonly string[];
}

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
  for (const start of [cwd, HERE]) {
    for (const directory of nodeModulesUpwards(start)) {
      for (const packageDirectory of packagesIn(directory)) {
        const manifest = readManifest(packageDirectory);
        if (!manifest && existsSync(join(packageDirectory, 'package.json'))) unreadable.push(packageDirectory);
        const keywords = manifest?.keywords;
        if (!manifest?.name || !Array.isArray(keywords) || !keywords.includes(KEYWORD)) continue;
        // The copy nearest to the working directory wins.
        if (!found.has(manifest.name)) found.set(manifest.name, packageDirectory);
      }
    }
  }
  const registry = { mixers: [], tasks: [], faults: [], from: [cwd, HERE] } as {
    mixers: Registered<MixerFactory>[];
    tasks: Registered<TaskFactory>[];
    faults: { packageName: string; message: string }[];
    from: string[];
  };
  for (const packageName of unreadable) {
    registry.faults.push({ packageName, message: 'its package.json cannot be read' });
  }
  for (const [packageName, directory] of [...found].sort(([a], [b]) => a.localeCompare(b))) {
    try {
      const plugin = await importPlugin(packageName, directory);
      for (const factory of plugin.mixers) registry.mixers.push({ name: factory.mixerName, packageName, factory });
      for (const factory of plugin.tasks) registry.tasks.push({ name: factory.taskName, packageName, factory });
    } catch (error) {
      registry.faults.push({ packageName, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return registry;
}

/**
 * The mixer of a name: a discovered one (`cat`), one of several packages (`some-package#cat`), or the only mixer of an
 * installed package (`some-package`), which need not carry the keyword.
 * @throws UnknownNameError, or InvalidConfigError where a name or package is ambiguous or unfit.
 */
export async function findMixer(registry: Registry, name: string): Promise<MixerFactory> {
  return find('mixer', name, registry, registry.mixers, (plugin) =>
    plugin.mixers.map((factory) => ({ name: factory.mixerName, factory })),
  );
}

/** The task of a name, as {@link findMixer}. */
export async function findTask(registry: Registry, name: string): Promise<TaskFactory> {
  return find('task', name, registry, registry.tasks, (plugin) =>
    plugin.tasks.map((factory) => ({ name: factory.taskName, factory })),
  );
}

async function find<F>(
  kind: string,
  name: string,
  registry: Registry,
  known: readonly Registered<F>[],
  parts: (plugin: Plugin) => { name: string; factory: F }[],
): Promise<F> {
  const matches = known.filter((entry) => entry.name === name || `${entry.packageName}#${entry.name}` === name);
  if (matches.length === 1) return (matches[0] as Registered<F>).factory;
  if (matches.length > 1) {
    const qualified = matches.map((entry) => `'${entry.packageName}#${name}'`).join(' or ');
    throw new InvalidConfigError(
      `${kind} '${name}': expected one package to provide it, got several. Use ${qualified}.`,
    );
  }
  const [packageName, part] = name.split('#') as [string, string | undefined];
  const directory = registry.from.map((start) => findPackage(start, packageName)).find((path) => path !== undefined);
  if (!directory) {
    const names = known.map((entry) => entry.name);
    const fault = registry.faults.map(({ packageName: bad, message }) => ` Not loaded: ${bad} (${message}).`).join('');
    const unknown = new UnknownNameError(kind, name, names);
    if (fault && !nearestName(name, names)) unknown.message += fault;
    throw unknown;
  }
  const offered = parts(await importPlugin(packageName, directory));
  const chosen = part === undefined ? offered : offered.filter((entry) => entry.name === part);
  if (chosen.length === 1) return (chosen[0] as { factory: F }).factory;
  const choices = offered.map((entry) => `'${packageName}#${entry.name}'`).join(', ') || 'none';
  throw new InvalidConfigError(`${kind} '${name}': expected one ${kind} of the package, got a choice of ${choices}.`);
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
  if (plugin.specVersion !== 1) {
    throw new InvalidConfigError(`${packageName}: expected a plugin of version 1, got ${String(plugin.specVersion)}.`);
  }
  if (!isListOf(plugin.mixers, 'mixerName') || !isListOf(plugin.tasks, 'taskName')) {
    throw new InvalidConfigError(
      `${packageName}: expected lists of factories as its plugin's mixers and tasks, got something else. Write \`definePlugin({ mixers: [myMixer] })\`.`,
    );
  }
  for (const factory of [...plugin.mixers, ...plugin.tasks]) entries.set(factory, path);
  return plugin;
}

function isListOf(value: unknown, name: 'mixerName' | 'taskName'): boolean {
  return (
    Array.isArray(value) &&
    value.every((part) => typeof part === 'function' && typeof Reflect.get(part, name) === 'string')
  );
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly keywords?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package's package.json; undefined if there is none or it is damaged. */
export function readManifest(directory: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** The directory of an installed package, looked for from `start` upwards. */
export function findPackage(start: string, packageName: string): string | undefined {
  if (!/^(@(?!\.)[\w.-]+\/)?(?!\.)[\w.-]+$/.test(packageName)) return undefined;
  return [...nodeModulesUpwards(start)].map((path) => join(path, packageName)).find((path) => existsSync(path));
}

function* nodeModulesUpwards(start: string): Generator<string> {
  for (let directory = resolve(start); ; directory = dirname(directory)) {
    yield join(directory, 'node_modules');
    if (dirname(directory) === directory) return;
  }
}

function packagesIn(directory: string): string[] {
  return list(directory).flatMap((name) =>
    name.startsWith('@')
      ? list(join(directory, name)).map((inner) => join(directory, name, inner))
      : [join(directory, name)],
  );
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith('.'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new InvalidConfigError(`${directory}: expected to look for plugins there, got ${code}.`, { cause: error });
  }
}
