/** Parts by their names, among those that are known already: no file is read here, so that a page in a browser has them too. */
import { InvalidConfigError, type Plugin } from '@mixerzoo/core';
import { nearestName, UnknownNameError } from '@mixerzoo/core/errors';
import { byKind, type Kind, nameOf, type Parts, partsOf, wordOf } from './part-kinds.js';

/** A part of a plugin, and where it is from. */
export interface Registered<P> {
  readonly name: string;
  readonly packageName: string;
  readonly part: P;
}

/** Everything that is known, by kind. */
export type Registry = { readonly [K in Kind]: readonly Registered<Parts[K]>[] } & {
  /** Plugins that could not be loaded, and why. */
  readonly faults: readonly { readonly packageName: string; readonly message: string }[];
  /** What an installed package brings of a kind, though it is not known; undefined where there is none of this name. */
  readonly open: <K extends Kind>(kind: K, packageName: string) => Promise<readonly Registered<Parts[K]>[] | undefined>;
};

/** The parts of one kind of a package. */
export function registered<K extends Kind>(plugin: Plugin, kind: K, packageName: string): Registered<Parts[K]>[] {
  return partsOf(plugin, kind).map((part) => ({ name: nameOf(kind, part), packageName, part }));
}

/** The parts of these packages, by their names, and of no others. */
export function registryOf(plugins: Readonly<Record<string, Plugin>>): Registry {
  const parts = byKind((kind) =>
    Object.entries(plugins).flatMap(([packageName, plugin]) => registered(plugin, kind, packageName)),
  );
  return { ...(parts as unknown as Pick<Registry, Kind>), faults: [], open: async () => undefined };
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
  const word = wordOf(kind);
  const matches = matching(registry, kind, name);
  if (matches.length === 1) return matches[0] as Registered<Parts[K]>;
  if (matches.length > 1) {
    const qualified = matches.map((entry) => `'${qualifiedName(entry)}'`).join(' or ');
    throw new InvalidConfigError(
      `${word} '${name}': expected one package to provide it, got several. Use ${qualified}.`,
    );
  }
  const [packageName, part] = name.split('#') as [string, string | undefined];
  const offered = await registry.open(kind, packageName);
  if (!offered) {
    const names = registry[kind].map((entry) => entry.name);
    const fault = registry.faults.map(({ packageName: bad, message }) => ` Not loaded: ${bad} (${message}).`).join('');
    const unknown = new UnknownNameError(word, name, names);
    if (fault && !nearestName(name, names)) unknown.message += fault;
    throw unknown;
  }
  const chosen = part === undefined ? offered : offered.filter((entry) => entry.name === part);
  if (chosen.length === 1) return chosen[0] as Registered<Parts[K]>;
  const choices = offered.map((entry) => `'${qualifiedName(entry)}'`).join(', ') || 'none';
  throw new InvalidConfigError(`${word} '${name}': expected one ${word} of the package, got a choice of ${choices}.`);
}
