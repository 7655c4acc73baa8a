/** The options of every mixer and task of this repository: said what they are, and documented with the default they have. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { discoverPlugins } from './plugins.js';

const registry = await discoverPlugins(process.cwd());
const ours = [...registry.mixers, ...registry.tasks, ...registry.channelMixers, ...registry.norms].filter(
  ({ packageName }) => packageName.startsWith('@mixerzoo/'),
);

interface Option {
  readonly description?: string;
  readonly default?: unknown;
}

/** What stands under `default` in the tables of a package's README, by option. */
function documentedDefaults(packageName: string): Map<string, string> {
  const readme = new URL(`../../${packageName.split('/')[1]}/README.md`, import.meta.url);
  const found = new Map<string, string>();
  let column = -1;
  for (const line of readFileSync(fileURLToPath(readme), 'utf8').split('\n')) {
    if (!line.startsWith('|')) {
      column = -1;
      continue;
    }
    const columns = line.split(/(?<!\\)\|/).map((text) => text.trim());
    if (column < 0) column = columns.indexOf('default');
    const [, option] = /^`(\w+)`$/.exec(columns[1] ?? '') ?? [];
    // Two mixers of a package may share an option's name, in a table each.
    if (option && column > 0) found.set(option, `${found.get(option) ?? ''} ${columns[column] ?? ''}`);
  }
  return found;
}

describe.each(ours.map((entry) => [entry.name, entry] as const))('%s', (_name, { packageName, part }) => {
  const schema = z.toJSONSchema(part.schema, { io: 'input', unrepresentable: 'any' });
  const options = Object.entries(schema.properties ?? {}) as [string, Option][];

  it('says of each option what it is', () => {
    expect(options.filter(([, { description }]) => !description).map(([name]) => name)).toEqual([]);
  });

  it('has each option in the README of its package, with its default', () => {
    // Positions of mixers that attend are documented with attention.
    const documented = new Map([...documentedDefaults('@mixerzoo/attention'), ...documentedDefaults(packageName)]);
    for (const [name, { default: value }] of options) {
      const written = documented.get(name);
      expect(written, name).toBeDefined();
      if (value === undefined) continue;
      const words = (written as string).match(/[\w.+-]+/g) ?? [];
      expect(
        words.some((word) => word === String(value) || Number(word) === value),
        `${name}: ${value} in '${written}'`,
      ).toBe(true);
    }
  });
});

it('has no name twice: configs know mixers and tasks by it', () => {
  const names = ours.map(({ name, packageName }) => `${name} (${packageName})`);
  expect(names.filter((_, index) => ours.findIndex(({ name }) => name === ours[index]?.name) !== index)).toEqual([]);
});

it('finds the packages', () => {
  expect(ours.length).toBeGreaterThan(15);
  for (const { packageName } of ours) {
    expect(existsSync(new URL(`../../${packageName.split('/')[1]}`, import.meta.url)), packageName).toBe(true);
  }
});
