/** Packages as they lie on disk: what is installed from a directory upwards, and what package.json says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly keywords?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: unknown;
  readonly main?: unknown;
}

/** A package's package.json; undefined if there is none or it is damaged. */
export function readManifest(directory: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/**
 * The file that a package's name stands for by its package.json, where that file is not there, as before a build; undefined where it
 * is, or none is named.
 * @param conditions - of exports, under which it is imported.
 */
export function missingEntry(directory: string, conditions: readonly string[]): string | undefined {
  const { exports, main } = readManifest(directory) ?? {};
  const target = targetOf(exports ?? main, ['.', ...conditions, 'default']);
  return target === undefined || existsSync(join(directory, target)) ? undefined : target;
}

/** The first target of exports whose conditions hold, as Node takes it. */
function targetOf(exports: unknown, known: readonly string[]): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const entries = Object.entries(exports).filter(([key]) => Array.isArray(exports) || known.includes(key));
  return entries.map(([, inner]) => targetOf(inner, known)).find((target) => target !== undefined);
}

/** The directory of an installed package, looked for from `start` upwards. */
export function findPackage(start: string, packageName: string): string | undefined {
  if (!/^(@(?!\.)[\w.-]+\/)?(?!\.)[\w.-]+$/.test(packageName)) return undefined;
  return [...nodeModulesUpwards(start)].map((path) => join(path, packageName)).find((path) => existsSync(path));
}

/** Directories `node_modules` from `start` upwards, there or not. */
export function* nodeModulesUpwards(start: string): Generator<string> {
  for (let directory = resolve(start); ; directory = dirname(directory)) {
    yield join(directory, 'node_modules');
    if (dirname(directory) === directory) return;
  }
}

/** Directories of the packages in one `node_modules`. @throws InvalidConfigError if it cannot be read. */
export function packagesIn(directory: string): string[] {
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
