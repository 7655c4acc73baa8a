/**
 * The code behind a run: part of its identity, so that results never outlive what made them.
 *
 * Imports are followed from the files that define the run's parts (mixers, channel mixers, norms, task), and from bench's
 * training. Of a package of the zoo (core, and what depends on it), installed or linked, its version and a fingerprint of
 * the files that are loaded count; of the config's own files each file; of other packages that these import the version.
 * Other packages below those of the zoo do not count: core pins the ones that numbers depend on.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { factoryOf, hashConfig } from '@mixerzoo/core/harness';
import { init, parse } from 'es-module-lexer';
import { createJiti } from 'jiti';
import { readManifest } from '../installed-packages.js';
import { entryOf, IMPORT_CONDITIONS } from '../plugins.js';
import type { Code } from './code-changes.js';
import { importModule } from './import-module.js';

/** What trains, tests and measures. */
const TRAINING = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../runs/train-run.ts' : './runs/train-run.js', import.meta.url),
);
const CORE = '@mixerzoo/core';
const BENCH = '@mixerzoo/bench';
const SCRIPT = /\.[cm]?[jt]sx?$/;
const TYPES_ALONE = /^(?:im|ex)port\s+type\b(?!\s*(?:,|from\s*['"]))/;
const jiti = createJiti(import.meta.url);

/** Reads the code behind the runs of one experiment. */
export interface CodeReader {
  /** The file that defines a part of a run: a package's entry, a module that a config imports, or the config itself. */
  sourceOf(part: object): Promise<string>;
  /** How {@link Code} names a file: its package's name, or its path from the config's directory. */
  nameOf(file: string): string;
  /** The files that count, by the imports of some. */
  reach(files: readonly string[]): readonly string[];
  /** The code reached from files, and from bench's training. */
  read(files: readonly string[]): Code;
}

/**
 * @param configs the experiment's files, each on top of the next. Without one, what no package defines counts as of this
 *   package.
 */
export async function createCodeReader(configs: readonly string[] = []): Promise<CodeReader> {
  await init;
  // A worker may get the real path of a file that was removed since: it names the code still.
  const homes = configs.map((config) => (existsSync(config) ? realpathSync(config) : config));
  const [home] = homes;
  // Those that can define a part. One loads the next, as if it imported it.
  const modules = homes.filter((file) => SCRIPT.test(file));
  const packageOf = memoize(dirname, findPackageOf);
  const resolve = memoize(
    (specifier, file) => `${specifier} ${packageOf(file).root ?? dirname(file)}`,
    (specifier, file) => resolvePackage(specifier, file),
  );
  const moduleAt = memoize(
    (file) => file,
    (file) => readModule(file, resolve),
  );
  const isOwn = (file: string) => home !== undefined && packageOf(file).root === packageOf(home).root;
  const nameOf = (file: string) => (isOwn(file) ? pathFrom(dirname(home!), file) : packageOf(file).name);

  /** The files of the graph, and the versions of the packages that it ends at. */
  function follow(roots: readonly string[]): { files: Set<string>; versions: Map<string, string> } {
    const files = new Set(roots);
    const versions = new Map<string, string>();
    for (const file of files) {
      for (const { specifier, target } of moduleAt(file).imports) {
        const { name, version, ofZoo } = packageOf(target);
        const inside = packageOf(file).root === packageOf(target).root || /^[./]/.test(specifier);
        if (name === BENCH && !inside) continue; // it counts by its training
        if (inside || ofZoo || isLocal(target)) files.add(target);
        else if (isOwn(file) || (isLocal(file) && !packageOf(file).ofZoo)) versions.set(name, version);
      }
      const place = modules.indexOf(file);
      for (const extended of place < 0 ? [] : modules.slice(place + 1)) files.add(extended);
    }
    return { files, versions };
  }

  return {
    nameOf,
    reach: (roots) => [...follow(roots).files],
    async sourceOf(part) {
      const factory = factoryOf(part) ?? part;
      const entry = entryOf(factory as object);
      if (entry !== undefined) return entry;
      if (home === undefined) return fileURLToPath(import.meta.url);
      for (const config of modules) {
        for (const { target } of moduleAt(config).imports) {
          if (!SCRIPT.test(target)) continue;
          const module = (await importModule(target, config)) as Record<string, unknown>;
          if (Object.values(module).includes(factory)) return target;
        }
      }
      return modules[0] ?? home;
    },
    read(roots) {
      const { files, versions } = follow([TRAINING, ...roots]);
      const code: Record<string, string> = Object.fromEntries(versions);
      for (const name of new Set([...files].map(nameOf))) {
        const paths = [...files].filter((file) => nameOf(file) === name);
        const { root, version } = packageOf(paths[0]!);
        const parts = paths.map((path) => [pathFrom(root ?? dirname(path), path), moduleAt(path).fingerprint] as const);
        const fingerprint = hashConfig(parts.sort(([a], [b]) => (a < b ? -1 : 1))).slice(0, 12);
        code[name] = isOwn(paths[0]!) ? fingerprint : `${version} ${fingerprint}`;
      }
      return Object.fromEntries(Object.entries(code).sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}

/** The files that a module imports are those that are there: others are a type's, or an optional package's. */
function readModule(file: string, resolve: typeof resolvePackage): Module {
  const text = readFileSync(file, 'utf8');
  const specifiers = SCRIPT.test(file) ? importSpecifiers(file, text).filter((name) => !isBuiltin(name)) : [];
  const imports = specifiers.flatMap((specifier) => {
    const target = /^[./]/.test(specifier) ? resolvePath(specifier, file) : resolve(specifier, file);
    return target === undefined ? [] : [{ specifier, target: realpathSync(target) }];
  });
  return { fingerprint: hashConfig(text), imports };
}

const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx', '.json'];

/** As TypeScript's loaders do: `./a.js` may be `a.ts`, and `./a` a file or a directory. */
function resolvePath(specifier: string, from: string): string | undefined {
  const path = fileURLToPath(new URL(specifier, pathToFileURL(from)));
  const names = [path, path.replace(/\.([cm]?)js(x?)$/, '.$1ts$2')];
  for (const start of [path, join(path, 'index')]) names.push(...EXTENSIONS.map((extension) => start + extension));
  return names.find((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
}

function resolvePackage(specifier: string, from: string): string | undefined {
  const parentURL = pathToFileURL(from).href;
  const url = jiti.esmResolve(specifier, { parentURL, conditions: [...IMPORT_CONDITIONS], try: true });
  return url?.startsWith('file:') ? fileURLToPath(url) : undefined;
}

interface Module {
  readonly fingerprint: string;
  readonly imports: readonly { readonly specifier: string; readonly target: string }[];
}

/** What a module's text names in `import`, `export … from`, `import()` and `require()`. */
function importSpecifiers(file: string, text: string): string[] {
  let commonJs = text;
  const found: string[] = [];
  try {
    const [imports, , , isModule] = parse(text, file);
    // A statement of types alone loads nothing.
    const loading = imports.filter(({ ss, s }) => !TYPES_ALONE.test(text.slice(ss, s)));
    found.push(...loading.flatMap(({ n }) => n ?? []));
    if (isModule) return found;
  } catch {
    // TypeScript that the lexer for JavaScript cannot read: compiled as it is when it is loaded.
    commonJs = jiti.transform({ source: text, filename: file, ts: /\.[cm]?tsx?$/.test(file), async: true });
  }
  const calls = commonJs.matchAll(/\b(?:require|jitiImport)\(\s*(['"])(.+?)\1/g);
  return [...found, ...[...calls].map((call) => call[2]!)];
}

/** The package of a file: the nearest package.json upwards that names one. */
function findPackageOf(file: string): { root?: string; name: string; version: string; ofZoo: boolean } {
  for (let root = dirname(file); ; root = dirname(root)) {
    const { name, version = 'none', dependencies = {}, peerDependencies = {} } = readManifest(root) ?? {};
    if (name !== undefined) {
      return { root, name, version, ofZoo: name === CORE || CORE in dependencies || CORE in peerDependencies };
    }
    if (dirname(root) === root) return { name: 'unnamed', version: 'none', ofZoo: false };
  }
}

/** Not installed from elsewhere: the project's own, or linked. */
const isLocal = (file: string) => !file.split(sep).includes('node_modules');

function memoize<A extends string[], T>(keyOf: (...args: A) => string, work: (...args: A) => T): (...args: A) => T {
  const known = new Map<string, T>();
  return (...args) => {
    const key = keyOf(...args);
    if (!known.has(key)) known.set(key, work(...args));
    return known.get(key) as T;
  };
}

const pathFrom = (directory: string, file: string) => {
  const path = relative(directory, file).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
};
