/** The page of all parts by name: what `mixerzoo list` prints, and the options of each package's parts. */
import type { z } from 'zod';
import type { Registry } from '../../../packages/bench/src/plugins.js';
import { apiPackages } from './api.js';
import { code, plain, table } from './markdown.js';
import { optionsTable } from './options.js';

/** The lists of `mixerzoo list`, in the order of the page, with their headings. */
export const LISTS = {
  mixers: 'Mixers',
  tasks: 'Tasks',
  'channel-mixers': 'Channel mixers',
  norms: 'Norms',
  models: 'Models',
  presets: 'Presets',
  figures: 'Figures of papers, and studies',
  tables: 'Tables',
} as const;

/** A row of `mixerzoo list <what> --json`. */
export interface ListRow {
  readonly name: string;
  readonly summary: string;
  readonly package?: string;
}

export function zooPage(lists: Readonly<Record<keyof typeof LISTS, readonly ListRow[]>>): string {
  const sections = (Object.keys(LISTS) as (keyof typeof LISTS)[]).map((what) => {
    const rows = lists[what].map(({ name, summary, package: from }) => [
      code(name),
      plain(summary),
      from ? packageLink(from) : '',
    ]);
    return `## ${LISTS[what]}\n\n\`mixerzoo list ${what}\`\n\n${table(['name', '', 'package'], rows)}`;
  });
  return `# What the zoo has

Everything that a config or command can name, as the packages of this repository bring it. Packages of your own come by the same way: [outside plugins](../docs/plugins.md).

${sections.join('\n\n')}
`;
}

const packageLink = (name: string) =>
  name.startsWith('@mixerzoo/') ? `[${name}](../packages/${name.slice('@mixerzoo/'.length)}/index.md)` : name;

const KINDS = [
  ['mixers', 'mixer'],
  ['tasks', 'task'],
  ['channelMixers', 'channel mixer'],
  ['norms', 'norm'],
] as const;

/** What stands below the README of a package: the options of its parts from their schemas, and where its exports are. */
export function packageSections(packageName: string, registry: Registry): string {
  const parts = KINDS.flatMap(([kind, word]) =>
    registry[kind]
      .filter((entry) => entry.packageName === packageName)
      .map(({ name, part }) => {
        const { summary, schema } = part as { readonly summary: string; readonly schema: z.ZodType };
        return `### ${code(name)}, a ${word}\n\n${plain(summary)}\n\n${optionsTable(schema)}`;
      }),
  );
  const name = packageName.slice('@mixerzoo/'.length);
  return [
    ...(parts.length > 0 ? ['## Options, from the schemas', ...parts] : []),
    ...(apiPackages().includes(name)
      ? [
          '## Exports',
          `Functions and types, with their docstrings: [API of ${packageName}](../../reference/api/${name}.md).`,
        ]
      : []),
  ].join('\n\n');
}
